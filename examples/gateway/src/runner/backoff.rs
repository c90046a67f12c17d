//! How long to wait before a process that ended is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// A process that ran this long had started well: the next wait is the first again.
const STARTED_WELL: Duration = Duration::from_secs(10);

/// The waits of one process: twice as long after each quick end.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    quick_ends: u32,
}

impl Backoff {
    /// The wait after a process ran for so long. `chance` (any number) shifts it by up to half, so that many processes
    /// that end together do not start together.
    pub(super) fn after(&mut self, ran: Duration, chance: u64) -> Duration {
        self.quick_ends = if ran >= STARTED_WELL { 0 } else { self.quick_ends.saturating_add(1) };
        let doubled = FIRST.saturating_mul(1 << self.quick_ends.saturating_sub(1).min(16)).min(LONGEST);
        let thousandths = 500 + u32::try_from(chance % 1001).unwrap_or_default();
        doubled.saturating_mul(thousandths) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(5);
    /// The chance that shifts nothing.
    const MIDDLE: u64 = 500;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_good_run() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12).map(|_| backoff.after(QUICK, MIDDLE).as_millis()).collect();
        assert_eq!(waits[..4], [100, 200, 400, 800]);
        assert_eq!(waits[11], 30_000);
        assert_eq!(backoff.after(STARTED_WELL, MIDDLE), FIRST);
    }

    #[test]
    fn chance_shifts_a_wait_by_at_most_half() {
        for chance in [0, 1, 999, 1000, 1001, u64::MAX] {
            let wait = Backoff::default().after(QUICK, chance);
            assert!(wait >= FIRST / 2 && wait <= FIRST * 3 / 2, "{chance}: {wait:?}");
        }
    }
}
