//! Arbitrary conversations with a delta session: it must not panic, talk without end, or use a nonce twice.
#![no_main]

use chancery_fuzz::{Delta, play};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = play::<Delta>(bytes);
});
