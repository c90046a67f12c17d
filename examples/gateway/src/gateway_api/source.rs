//! The files: what they hold now, and what they hold next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_translator::World;
use chancery_translator::api::{Object, ObjectId};

use crate::Failure;

/// What the files hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    /// The objects.
    pub(crate) world: World,
    /// What is wrong with the files, with file and line.
    pub(crate) problems: Vec<String>,
    /// How many files were read.
    pub(crate) files: usize,
    /// Where each object is: file and line.
    pub(crate) places: BTreeMap<ObjectId, String>,
}

/// Reads a directory once.
pub(crate) fn read(root: &Path) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
            continue;
        }
        if !path.extension().is_some_and(|e| e == "yaml") {
            continue;
        }
        seen.files += 1;
        let text = std::fs::read_to_string(&path)?;
        for part in text.split("\n---") {
            let value: Result<serde_json::Value, _> = serde_saphyr::from_str(part);
            match value {
                Ok(v) if v.is_null() => {}
                Ok(v) => match Object::read(&v) {
                    Ok((o, unknown)) => {
                        seen.places.insert(o.id(), path.display().to_string());
                        seen.problems
                            .extend(unknown.iter().map(|u| format!("{}: {} {}", path.display(), u.path, u.message)));
                        seen.world.insert(o)
                    }
                    Err(e) => seen.problems.push(format!("{}: {e}", path.display())),
                },
                Err(e) => seen.problems.push(format!("{}: {e}", path.display())),
            }
        }
    }
    Ok(seen)
}

/// A directory that is followed.
pub(super) struct Source {
    root: PathBuf,
    last: Seen,
}

impl Source {
    pub(super) fn open(root: &Path) -> Result<Source, Failure> {
        Ok(Source { root: root.to_owned(), last: read(root)? })
    }

    pub(super) fn first(&mut self) -> Seen {
        self.last.clone()
    }

    pub(super) async fn next(&mut self) -> Option<Seen> {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let Ok(seen) = read(&self.root)
                && seen != self.last
            {
                self.last = seen.clone();
                return Some(seen);
            }
        }
    }
}
