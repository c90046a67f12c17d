//! All that a directory says at one time, and the report of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chancery_resource::located::Node;
use chancery_translator::World;
use chancery_translator::api::{Kind, ObjectId};
use serde::Serialize;

use crate::delivered::Entry;
use crate::problem::{Problem, Severity};

/// All that a directory says at one time. One that is watched has one reading, which is brought up to date: what that costs depends
/// on what changed, not on how much there is.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// How many there were, this one included.
    pub number: u64,
    /// The objects.
    pub world: World,
    /// The objects that are not what they were in the reading before: new, changed or gone.
    pub changed: BTreeSet<ObjectId>,
    /// The objects that are what they were in the reading before, but written in another place.
    pub moved: BTreeSet<ObjectId>,
    /// Where each object is.
    pub places: BTreeMap<ObjectId, Place>,
    /// What is wrong, by file and line.
    pub problems: Vec<Problem>,
    /// Whether the problems are not those of the reading before.
    pub has_other_problems: bool,
    /// How many files there are, good and bad.
    pub files: usize,
}

/// What makes a reading of the one before.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The objects that are new, or are not what or where they were; none for those that are gone.
    pub(crate) entries: BTreeMap<ObjectId, Option<Entry>>,
    /// Those that are not what they were.
    pub(crate) changed: BTreeSet<ObjectId>,
    /// Those that are not where they were.
    pub(crate) moved: BTreeSet<ObjectId>,
    /// All problems, if they are others.
    pub(crate) problems: Option<Vec<Problem>>,
    pub(crate) files: usize,
}

impl Reading {
    pub(crate) fn apply(&mut self, news: News) {
        for (id, entry) in news.entries {
            match entry {
                Some(Entry { object, candidacy, file, .. }) => {
                    self.places.insert(id, Place { file: file.shown().clone(), node: candidacy.node.clone() });
                    self.world.insert(object);
                }
                None => {
                    self.places.remove(&id);
                    self.world.remove(&id);
                }
            }
        }
        self.changed = news.changed;
        self.moved = news.moved;
        self.has_other_problems = news.problems.is_some();
        self.files = news.files;
        if let Some(problems) = news.problems {
            self.problems = problems;
        }
        self.number += 1;
    }

    /// Where a field of an object is written: what provenance names, as a place to open in an editor.
    pub fn locate(&self, object: &ObjectId, field: &str) -> Option<Location> {
        self.places.get(object).map(|place| place.locate(field))
    }

    /// Whether something is not served as it is written.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity() == Severity::Error)
    }

    /// The report of this reading.
    pub fn report(&self) -> Report {
        let mut objects: BTreeMap<&'static str, usize> = BTreeMap::new();
        for id in self.places.keys() {
            *objects.entry(Kind::as_str(id.kind)).or_default() += 1;
        }
        let count = |severity| self.problems.iter().filter(|problem| problem.severity() == severity).count();
        Report {
            files: self.files,
            objects,
            errors: count(Severity::Error),
            notes: count(Severity::Note),
            problems: self.problems.clone(),
        }
    }
}

/// Where an object is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    file: Arc<str>,
    node: Arc<Node>,
}

impl Place {
    /// Where the object begins.
    pub fn location(&self) -> Location {
        self.locate("")
    }

    /// Where a field of it (`spec.rules[0].name`) is; where the object or the field around it is, for one that is not written.
    pub fn locate(&self, field: &str) -> Location {
        let at = self.node.locate(field);
        Location { file: self.file.clone(), line: at.line, column: at.column }
    }
}

/// A place in a file. Shown as `shop/route.yaml:7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a reading comes to, for people (as it is shown) and programs (as it is serialized).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many files there are.
    pub files: usize,
    /// How many objects are served, by kind.
    pub objects: BTreeMap<&'static str, usize>,
    /// How many problems keep something from being served as it is written.
    pub errors: usize,
    /// How many are only worth knowing.
    pub notes: usize,
    /// What is wrong, by file and line.
    pub problems: Vec<Problem>,
}

/// A line for each problem, and one for all.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            let severity = match problem.severity() {
                Severity::Error => "error",
                Severity::Note => "note ",
            };
            writeln!(f, "{severity} {problem}")?;
        }
        let kinds: Vec<String> = self.objects.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let kinds = match kinds.is_empty() {
            true => "no objects".to_owned(),
            false => kinds.join(", "),
        };
        write!(f, "files: {}; {kinds}; errors: {}; notes: {}", self.files, self.errors, self.notes)
    }
}
