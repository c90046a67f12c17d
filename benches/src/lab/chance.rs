//! Numbers that look random and are the same in every run.

use std::time::Duration;

/// A number for this one, spread evenly over all of 64 bits (the finalizer of SplitMix64).
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Some part of a time.
pub(super) fn part_of(whole: Duration, number: u64) -> Duration {
    whole.mul_f64(mixed(number) as f64 / u64::MAX as f64)
}
