//! What was told last: the objects with where they are, and what is wrong with each file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chancery_translator::api::{Object, ObjectId};

use crate::candidate::Candidacy;
use crate::problem::Problem;
use crate::source_name::SourceName;

/// An object, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) object: Object,
    pub(crate) generation: i64,
    pub(crate) candidacy: Arc<Candidacy>,
    pub(crate) file: SourceName,
}

impl Entry {
    pub(crate) fn line(&self) -> u32 {
        self.candidacy.node.at.line
    }

    /// Whether nothing is to be told of it: neither what it says nor where any of it is written.
    pub(crate) fn is_same_as(&self, other: &Entry) -> bool {
        let (node, others) = (&self.candidacy.node, &other.candidacy.node);
        self.object == other.object && self.file == other.file && (Arc::ptr_eq(node, others) || node == others)
    }
}

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    entries: BTreeMap<ObjectId, Entry>,
    by_file: BTreeMap<SourceName, BTreeSet<ObjectId>>,
    problems: BTreeMap<SourceName, Vec<Problem>>,
    unreadable: Vec<Problem>,
}

impl Delivered {
    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// All files something is told of.
    pub(crate) fn files(&self) -> impl Iterator<Item = &SourceName> {
        self.by_file.keys().chain(self.problems.keys())
    }

    /// All objects.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &ObjectId> {
        self.entries.keys()
    }

    /// The objects that are from this file.
    pub(crate) fn of_file(&self, file: &SourceName) -> impl Iterator<Item = (&ObjectId, &Entry)> {
        let ids = self.by_file.get(file).into_iter().flatten();
        ids.filter_map(|id| self.entries.get(id).map(|entry| (id, entry)))
    }

    /// Puts an object in place; what was there.
    pub(crate) fn put(&mut self, id: ObjectId, entry: Entry) -> Option<Entry> {
        let before = self.remove(&id);
        self.by_file.entry(entry.file.clone()).or_default().insert(id.clone());
        self.entries.insert(id, entry);
        before
    }

    pub(crate) fn remove(&mut self, id: &ObjectId) -> Option<Entry> {
        let before = self.entries.remove(id)?;
        if let Some(ids) = self.by_file.get_mut(&before.file) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_file.remove(&before.file);
            }
        }
        Some(before)
    }

    /// Replaces what is wrong with a file; whether that is new.
    pub(crate) fn put_problems(&mut self, file: &SourceName, problems: Vec<Problem>) -> bool {
        let known = self.problems.get(file).map(Vec::as_slice).unwrap_or_default();
        let is_new = known != problems;
        match problems.is_empty() {
            true => drop(self.problems.remove(file)),
            false if is_new => drop(self.problems.insert(file.clone(), problems)),
            false => {}
        }
        is_new
    }

    /// Replaces what cannot be looked into; whether that is new.
    pub(crate) fn put_unreadable(&mut self, unreadable: &[Problem]) -> bool {
        let is_new = self.unreadable != unreadable;
        if is_new {
            self.unreadable = unreadable.to_vec();
        }
        is_new
    }

    /// All that is wrong, by file and line.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut all: Vec<Problem> = self.unreadable.iter().chain(self.problems.values().flatten()).cloned().collect();
        all.sort_by(|a, b| (&a.file, a.line, a.column, &a.field).cmp(&(&b.file, b.line, b.column, &b.field)));
        all
    }
}
