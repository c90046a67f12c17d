//! The files: what they hold now, and what they hold next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chancery_files::{GatewayFiles, Place, Reading, Severity, Watching};
use chancery_translator::api::ObjectId;
use chancery_translator::{Origin, Problem, World};

use crate::Failure;

/// How many names one line shows.
const SHOWN: usize = 4;

/// What the files hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The objects.
    pub(crate) world: World,
    /// What is wrong with the files, with file and line.
    pub(crate) problems: Vec<String>,
    /// What is only worth knowing.
    pub(crate) notes: Vec<String>,
    /// The objects that are new, changed or gone.
    pub(crate) changed: BTreeSet<ObjectId>,
    /// How many files were read.
    pub(crate) files: usize,
    places: BTreeMap<ObjectId, Place>,
}

impl Seen {
    /// Takes over what is new in a reading that was taken over before.
    pub(super) fn take(&mut self, reading: &Reading) {
        for id in reading.changed.iter().chain(&reading.moved) {
            match (reading.world.get(id), reading.places.get(id)) {
                (Some(object), Some(place)) => {
                    self.world.insert(object);
                    self.places.insert(id.clone(), place.clone());
                }
                _ => {
                    self.world.remove(id);
                    self.places.remove(id);
                }
            }
        }
        if reading.has_other_problems {
            self.problems = told(reading, Severity::Error);
            self.notes = told(reading, Severity::Note);
        }
        self.changed.clone_from(&reading.changed);
        self.files = reading.files;
    }

    /// What was changed, as far as it goes on a line.
    pub(super) fn changes(&self) -> String {
        let told = self.changed.iter().take(SHOWN).map(|id| match self.world.contains(id) {
            true => id.to_string(),
            false => format!("{id} is gone"),
        });
        let mut told: Vec<String> = told.collect();
        match self.changed.len() {
            0 => told.push("nothing new".to_owned()),
            all if all > SHOWN => told.push(format!("and {} more", all - SHOWN)),
            _ => {}
        }
        told.join(", ")
    }

    /// The file and line of what something comes from; empty for what is in no file.
    pub(crate) fn place(&self, origin: &Origin) -> String {
        let place = self.places.get(&origin.object);
        place.map(|place| place.locate(&origin.field).to_string()).unwrap_or_default()
    }

    /// A problem with an object, with file and line.
    pub(crate) fn told(&self, problem: &Problem) -> String {
        match self.place(&problem.origin).as_str() {
            "" => problem.to_string(),
            place => format!("{place}: {problem}"),
        }
    }
}

fn told(reading: &Reading, severity: Severity) -> Vec<String> {
    let problems = reading.problems.iter().filter(|problem| problem.severity() == severity);
    problems.map(ToString::to_string).collect()
}

/// Reads a directory once.
pub(crate) fn read(root: &Path) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    seen.take(&chancery_files::read(root)?);
    Ok(seen)
}

/// A directory that is followed.
pub(super) struct Source {
    watching: Watching,
}

impl Source {
    /// Follows a directory, which has to be there.
    pub(super) fn open(root: &Path) -> Result<Source, Failure> {
        Ok(Source { watching: GatewayFiles::open(root)?.watch() })
    }

    /// What it holds: at once the first time, then whenever that is new. May be given up and called again.
    pub(super) async fn next(&mut self) -> &Reading {
        self.watching.next().await
    }
}
