//! Randomness for spreading things out in time; not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A number from 0 up to 1.
pub(crate) fn fraction() -> f64 {
    let bits = RandomState::new().hash_one(0_u8);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
