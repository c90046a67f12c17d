//! What a server process has used up so far, told by itself.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::counting::Polls;

/// What the server process has used and done since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// User and system time of all its threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Resident memory, in KiB.
    pub rss_kib: u64,
    /// The most resident memory there ever was, in KiB.
    pub peak_rss_kib: u64,
    /// Bytes allocated; 0 in a program that does not count them.
    pub allocated_bytes: u64,
    /// Polls of the first session opened.
    pub polls_of_first: u64,
    /// Polls of all the others.
    pub polls_of_rest: u64,
}

impl Usage {
    pub(super) fn now(polls: &Polls) -> Usage {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let (polls_of_first, polls_of_rest) = polls.read();
        Usage {
            cpu_ns: time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64,
            rss_kib: kib("VmRSS:"),
            peak_rss_kib: kib("VmHWM:"),
            allocated_bytes: stats_alloc::INSTRUMENTED_SYSTEM.stats().bytes_allocated as u64,
            polls_of_first,
            polls_of_rest,
        }
    }
}
