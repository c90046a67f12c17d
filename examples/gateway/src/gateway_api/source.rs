//! The files: what they hold now, and what they hold next.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chancery_files::{GatewayFiles, Place, Reading, Severity, Watching};
use chancery_translator::api::ObjectId;
use chancery_translator::{Origin, Problem, World};

use crate::Failure;

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
    fn of(reading: Reading) -> Seen {
        let told = |severity: Severity| {
            let problems = reading.problems.iter().filter(|problem| problem.severity() == severity);
            problems.map(ToString::to_string).collect()
        };
        Seen {
            problems: told(Severity::Error),
            notes: told(Severity::Note),
            changed: reading.changed,
            files: reading.files,
            world: reading.world,
            places: reading.places,
        }
    }

    /// The file and line of what something comes from; empty for what is in no file.
    pub(crate) fn place(&self, origin: &Origin) -> String {
        let place = self.places.get(&origin.object);
        place.map(|place| place.locate(&origin.field).to_string()).unwrap_or_default()
    }
}

impl Seen {
    /// A problem with an object, with file and line.
    pub(crate) fn told(&self, problem: &Problem) -> String {
        match self.place(&problem.origin).as_str() {
            "" => problem.to_string(),
            place => format!("{place}: {problem}"),
        }
    }
}

/// Reads a directory once.
pub(crate) fn read(root: &Path) -> Result<Seen, Failure> {
    Ok(Seen::of(chancery_files::read(root)?))
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
    pub(super) async fn next(&mut self) -> Seen {
        Seen::of(self.watching.next().await)
    }
}
