//! How often something changes, and how many times, in workloads where a command may ask for another pace.

use crate::lab::setting::Kind;

/// What the command asks for instead of what a case has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// The time from one change to the next, in milliseconds. A change waits for the last acceptance of the one before, so that
    /// a server which takes longer is given one after the other.
    pub interval_ms: Option<u64>,
    /// How many changes; those of a peer, which takes long for each, stay what they are.
    pub changes: Option<usize>,
}

impl Pace {
    pub(super) fn interval_ms(&self, of_case: u64) -> u64 {
        self.interval_ms.unwrap_or(of_case)
    }

    pub(super) fn changes(&self, kind: Kind, of_case: usize, of_peer: usize) -> usize {
        if kind == Kind::GoControlPlane { of_peer } else { self.changes.unwrap_or(of_case) }
    }

    /// What it adds to the conditions of a run.
    pub(super) fn conditions(&self) -> String {
        let interval = self.interval_ms.map(|interval_ms| format!("a change every {interval_ms} ms"));
        let changes = self.changes.map(|changes| format!("{changes} changes, of peers fewer"));
        let asked: Vec<String> = [interval, changes].into_iter().flatten().collect();
        if asked.is_empty() { String::new() } else { format!("; in L1 and L5 {}", asked.join(", ")) }
    }
}
