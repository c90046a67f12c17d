//! What is kept between two looks at the directory, and what a look comes to.

use std::path::Path;

use chancery_watch::{Absences, Verdict, Watcher};
use tokio::time::Instant;

use crate::compose::{Composition, Entries, changed, compose};
use crate::file::{Progress, Trust};
use crate::generations::Generations;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::source::{Limits, Timing};
use crate::tree::Tree;
use chancery_translator::api::ObjectId;

/// The memory of a live source.
#[derive(Debug)]
pub(crate) struct Keeper {
    tree: Tree,
    timing: Timing,
    absent: Absences<ObjectId>,
    /// Since when some file has not been complete.
    unsettled_since: Option<Instant>,
    generations: Generations,
    delivered: Option<Delivered>,
    readings: u64,
}

/// What was told last.
#[derive(Debug)]
struct Delivered {
    entries: Entries,
    problems: Vec<Problem>,
}

/// What a look comes to.
#[derive(Debug)]
pub(crate) struct Look {
    /// News, if there are any.
    pub(crate) reading: Option<Reading>,
    /// When to look again although nothing happens.
    pub(crate) again_at: Option<Instant>,
}

impl Keeper {
    pub(crate) fn new(root: &Path, limits: Limits, timing: Timing) -> Keeper {
        Keeper {
            tree: Tree::new(root, limits),
            timing,
            absent: Absences::default(),
            unsettled_since: None,
            generations: Generations::default(),
            delivered: None,
            readings: 0,
        }
    }

    /// Reads everything as it is, and tells it.
    pub(crate) fn read_once(mut self) -> Reading {
        self.tree.refresh(Trust::AtOnce);
        let composition = compose(&self.tree, &Entries::new(), &self.generations);
        self.deliver(composition)
    }

    /// Looks at the directory, and tells what is new, once it is complete and sure.
    pub(crate) fn look(&mut self, watcher: &Watcher) -> Look {
        let progress = self.tree.refresh(Trust::Finished(watcher, self.timing.write_patience));
        let now = Instant::now();
        let soon = match progress {
            Progress::Done => {
                self.unsettled_since = None;
                None
            }
            Progress::Unsettled => {
                let soon = now + self.timing.debounce;
                // One file that is written all the time holds up the others for so long only.
                if now < *self.unsettled_since.get_or_insert(now) + self.timing.write_patience {
                    return Look { reading: None, again_at: Some(soon) };
                }
                Some(soon)
            }
        };
        let none = Entries::new();
        let last = self.delivered.as_ref().map_or(&none, |delivered| &delivered.entries);
        let mut composition = compose(&self.tree, last, &self.generations);
        let missing = last.keys().filter(|id| !composition.entries.contains_key(*id)).cloned();
        match self.absent.judge(now, self.timing.removal_patience, missing) {
            Verdict::Wait(until) => {
                return Look { reading: None, again_at: Some(soon.map_or(until, |soon| soon.min(until))) };
            }
            Verdict::Settled(kept) => {
                let kept = kept.into_iter().filter_map(|id| last.get(&id).cloned().map(|entry| (id, entry)));
                composition.entries.extend(kept);
            }
        }
        let due = self.absent.due(self.timing.removal_patience).filter(|due| *due > now);
        let again_at = soon.into_iter().chain(due).min();
        let reading = (!self.is_known(&composition)).then(|| self.deliver(composition));
        Look { reading, again_at }
    }

    /// Whether all this was told already.
    fn is_known(&self, composition: &Composition) -> bool {
        let Some(delivered) = &self.delivered else { return false };
        let same = |(id, entry): (&ObjectId, &crate::compose::Entry)| {
            delivered.entries.get(id).is_some_and(|last| {
                last.object == entry.object && last.file == entry.file && last.line() == entry.line()
            })
        };
        delivered.problems == composition.problems
            && delivered.entries.len() == composition.entries.len()
            && composition.entries.iter().all(same)
    }

    fn deliver(&mut self, composition: Composition) -> Reading {
        let Composition { entries, problems } = composition;
        for entry in entries.values() {
            self.generations.settle(&entry.candidacy, entry.generation);
        }
        let none = Entries::new();
        let last = self.delivered.as_ref().map_or(&none, |delivered| &delivered.entries);
        self.readings += 1;
        let changed = changed(last, &entries);
        let reading = Reading::of(self.readings, self.tree.files.len(), &entries, changed, problems.clone());
        self.delivered = Some(Delivered { entries, problems });
        reading
    }
}
