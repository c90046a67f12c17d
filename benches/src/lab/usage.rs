//! What a server process has used up so far, told by itself.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What the server process has used and done since it began. A server that does not know a number says 0, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// User and system time of all its threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Resident memory, in KiB.
    pub rss_kib: u64,
    /// The most resident memory there ever was, in KiB.
    pub peak_rss_kib: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Bytes allocated and not freed. Nothing where memory is collected.
    pub kept_bytes: u64,
    /// Polls of the first session opened.
    pub polls_of_first: u64,
    /// Polls of all the others.
    pub polls_of_rest: u64,
    /// How many times something was published.
    pub publications: u64,
    /// Updates of the kept translation, where there is one.
    pub updates: u64,
    /// Those of them that changed anything.
    pub updates_not_empty: u64,
}

/// What the parts of a server count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    polls_of_first: AtomicU64,
    polls_of_rest: AtomicU64,
    publications: AtomicU64,
    updates: AtomicU64,
    updates_not_empty: AtomicU64,
}

impl Counts {
    pub(super) fn polled(&self, is_first: bool) {
        one_more(if is_first { &self.polls_of_first } else { &self.polls_of_rest });
    }

    pub(super) fn published(&self) {
        one_more(&self.publications);
    }

    pub(super) fn updated(&self, is_empty: bool) {
        one_more(&self.updates);
        if !is_empty {
            one_more(&self.updates_not_empty);
        }
    }
}

fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The CPU time of this process so far, all threads, in nanoseconds.
fn own_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What the load has used up of its core, in seconds: a load that has no time left says nothing of the server.
pub(super) fn own_cpu_s() -> f64 {
    own_cpu_ns() as f64 / 1e9
}

impl Usage {
    pub(super) fn now(counts: &Counts) -> Usage {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let allocations = stats_alloc::INSTRUMENTED_SYSTEM.stats();
        Usage {
            cpu_ns: own_cpu_ns(),
            rss_kib: kib("VmRSS:"),
            peak_rss_kib: kib("VmHWM:"),
            allocated_bytes: allocations.bytes_allocated as u64,
            kept_bytes: allocations.bytes_allocated.saturating_sub(allocations.bytes_deallocated) as u64,
            polls_of_first: read(&counts.polls_of_first),
            polls_of_rest: read(&counts.polls_of_rest),
            publications: read(&counts.publications),
            updates: read(&counts.updates),
            updates_not_empty: read(&counts.updates_not_empty),
        }
    }

    /// CPU time, in seconds.
    pub(super) fn cpu_s(&self) -> f64 {
        self.cpu_ns as f64 / 1e9
    }

    /// Resident memory, in MiB.
    pub(super) fn rss_mib(&self) -> f64 {
        self.rss_kib as f64 / 1024.0
    }

    /// The most resident memory there ever was, in MiB.
    pub(super) fn peak_rss_mib(&self) -> f64 {
        self.peak_rss_kib as f64 / 1024.0
    }
}
