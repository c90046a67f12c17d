//! Arbitrary conversations with a sotw session: it must not panic, talk without end, or use a nonce twice.
#![no_main]

use chancery_fuzz::{Sotw, play};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = play::<Sotw>(bytes);
});
