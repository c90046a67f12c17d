//! What a type looked like before: a bounded log of changes, the versions it had, and answers already worked out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chancery_protocol::{Changes, Resource, ResourceName, Version};
use imbl::{OrdSet, Vector};

use crate::collection::{Touch, resident_bytes};

/// How much history is kept of one type in one layer of one group. What is older is compared in full.
///
/// Whatever the limits, a log of a type with R resources has at most R/2 + 1,024 entries, and the replaced resources it
/// keeps alive weigh at most twice the present ones, or 64 KiB: beyond that a full comparison costs no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Changed names remembered. Default: 4,096.
    pub changes: usize,
    /// Bytes of replaced resources kept alive by the log. Default: 256 MiB.
    pub bytes: usize,
    /// Versions of the wildcard set remembered per group, for peers that come back. Default: 256.
    pub versions: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        HistoryLimits { changes: 4096, bytes: 256 * 1024 * 1024, versions: 256 }
    }
}

impl HistoryLimits {
    fn changes_of(&self, resources: usize) -> usize {
        self.changes.min(resources / 2 + 1024)
    }

    fn bytes_of(&self, present_bytes: usize) -> usize {
        self.bytes.min(present_bytes.saturating_mul(2).max(64 * 1024))
    }
}

/// One name's change. What it became is found in a later entry, or in the collection.
#[derive(Clone)]
struct Entry {
    position: u64,
    name: ResourceName,
    before: Option<Resource>,
}

/// The newest changes of one collection, oldest first. Persistent: a clone shares everything, so a view carries the log
/// as it was, and nobody who looks at a view keeps newer logs from being trimmed.
#[derive(Clone, Default)]
pub(crate) struct Log {
    entries: Vector<Entry>,
    bytes: usize,
    reaches_back_to: u64,
}

/// The names that changed, with what they were at the start.
pub(crate) type Before<'a> = BTreeMap<&'a ResourceName, Option<&'a Resource>>;

impl Log {
    /// Adds the changes that led to `position`, and drops what is over the limits for a collection of this size.
    pub(crate) fn record<'a>(
        &mut self,
        position: u64,
        changes: impl Iterator<Item = &'a Touch>,
        limits: &HistoryLimits,
        resources: usize,
        present_bytes: usize,
    ) {
        let (most_changes, most_bytes) = (limits.changes_of(resources), limits.bytes_of(present_bytes));
        for change in changes {
            self.bytes += change.before.as_ref().map_or(0, resident_bytes);
            self.entries.push_back(Entry { position, name: change.name.clone(), before: change.before.clone() });
            if self.entries.len() > most_changes {
                self.drop_oldest();
            }
        }
        while self.entries.len() > most_changes || self.bytes > most_bytes {
            self.drop_oldest();
        }
        // A commit is answered for as a whole or not at all.
        while self.entries.front().is_some_and(|entry| entry.position <= self.reaches_back_to) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.before.as_ref().map_or(0, resident_bytes);
            self.reaches_back_to = entry.position;
        }
    }

    /// What every name changed after `position` was at `position`. `None`: the log does not reach back that far.
    pub(crate) fn before(&self, position: u64) -> Option<Before<'_>> {
        if position < self.reaches_back_to {
            return None;
        }
        // Newest first, so that the oldest entry of a name has the last word.
        let newer = self.entries.iter().rev().take_while(|entry| entry.position > position);
        Some(newer.map(|entry| (&entry.name, entry.before.as_ref())).collect())
    }

    /// Whether the log can tell what happened since `position`.
    pub(crate) fn reaches(&self, position: u64) -> bool {
        position >= self.reaches_back_to
    }

    #[cfg(test)]
    pub(crate) fn weight(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes)
    }
}

/// Where both layers stood.
pub(crate) type Positions = [u64; 2];

/// The versions the wildcard set had, and since when.
#[derive(Clone, Default)]
pub(crate) struct Versions {
    by_age: Vector<(Version, Positions)>,
    by_version: OrdSet<(Version, Positions)>,
}

impl Versions {
    /// Notes that the wildcard set has this version from here on.
    pub(crate) fn note(&mut self, version: Version, since: Positions, limits: &HistoryLimits) {
        if self.by_age.back().is_some_and(|(newest, _)| *newest == version) {
            return;
        }
        self.by_age.push_back((version, since));
        self.by_version.insert((version, since));
        while self.by_age.len() > limits.versions.max(1) {
            if let Some(oldest) = self.by_age.pop_front() {
                self.by_version.remove(&oldest);
            }
        }
    }

    /// Every time the wildcard set came to have this version, oldest first.
    pub(crate) fn times(&self, version: Version) -> impl Iterator<Item = Positions> {
        self.by_version.range((version, [0, 0])..=(version, [u64::MAX; 2])).map(|(_, since)| *since)
    }
}

/// The last few answers given from one view of one type: streams that stand at the same point share one.
#[derive(Default)]
pub(crate) struct Memo(Mutex<Vec<(Positions, Option<Changes>)>>);

impl Memo {
    const ANSWERS: usize = 8;

    pub(crate) fn answer(&self, since: Positions, work_out: impl FnOnce() -> Option<Changes>) -> Option<Changes> {
        if let Some(known) = self.find(since) {
            return known;
        }
        let answer = work_out();
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = answers.iter().find(|(at, _)| *at == since) {
            return known.clone();
        }
        if answers.len() == Self::ANSWERS {
            answers.remove(0);
        }
        answers.push((since, answer.clone()));
        answer
    }

    fn find(&self, since: Positions) -> Option<Option<Changes>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().find(|(at, _)| *at == since).map(|(_, answer)| answer.clone())
    }
}
