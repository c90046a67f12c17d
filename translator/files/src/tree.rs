//! The whole directory: every file as last read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chancery_translator::api::ObjectId;
use chancery_watch::{Fingerprint, Listing, Suspects, glance, scan};

use crate::file::{Progress, SourceFile, Trust};
use crate::mentions::Mentions;
use crate::problem::{Consequence, Problem};
use crate::source::Limits;
use crate::source_name::SourceName;

/// Everything known of the files.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    limits: Limits,
    files: BTreeMap<SourceName, SourceFile>,
    /// Which of them speak of an object.
    mentions: Mentions,
    /// Files that say something new, which may not be all.
    unsettled: BTreeSet<SourceName>,
    /// Files that could not be read: they are tried again with each look.
    failed: BTreeSet<SourceName>,
    /// Directories that cannot be looked into.
    unreadable: Vec<Problem>,
    /// Whether only a walk sees every change: there are links, or something cannot be looked at.
    needs_walks: bool,
}

/// What was found new.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Files that are new, gone, or do not say what they said.
    pub(crate) files: BTreeSet<SourceName>,
    /// What they spoke of before.
    pub(crate) objects: BTreeSet<ObjectId>,
    /// How long the walk took, if the whole directory was walked.
    pub(crate) walked: Option<Duration>,
}

impl Tree {
    pub(crate) fn new(root: &Path, limits: Limits) -> Tree {
        Tree {
            root: root.to_owned(),
            limits,
            files: BTreeMap::new(),
            mentions: Mentions::default(),
            unsettled: BTreeSet::new(),
            failed: BTreeSet::new(),
            unreadable: Vec::new(),
            needs_walks: true,
        }
    }

    /// The file of this name, if there is one.
    pub(crate) fn file(&self, name: &SourceName) -> Option<&SourceFile> {
        self.files.get(name)
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> impl Iterator<Item = &SourceName> {
        self.files.keys()
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> usize {
        self.files.len()
    }

    /// Who speaks of what.
    pub(crate) fn mentions(&self) -> &Mentions {
        &self.mentions
    }

    /// Whether the file says something new, which may not be all.
    pub(crate) fn is_unsettled(&self, name: &SourceName) -> bool {
        self.unsettled.contains(name)
    }

    /// Whether any file does.
    pub(crate) fn has_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// What cannot be looked into.
    pub(crate) fn unreadable(&self) -> &[Problem] {
        &self.unreadable
    }

    /// Reads what may have changed: these, and what was not settled.
    pub(crate) fn refresh(&mut self, suspects: &Suspects, trust: Trust<'_>) -> Touched {
        let glimpse = match suspects {
            Suspects::Paths(paths) if !self.needs_walks => {
                let again = self.unsettled.iter().chain(&self.failed).map(SourceName::path);
                glance(&self.root, paths.iter().map(PathBuf::as_path).chain(again), &self.files)
            }
            _ => None,
        };
        let Some(glimpse) = glimpse else { return self.walk(trust) };
        let mut touched = Touched::default();
        for (path, seen) in glimpse {
            match seen {
                Some(fingerprint) => self.read(&path, fingerprint, trust, &mut touched),
                None => self.forget(&path, &mut touched),
            }
        }
        touched
    }

    /// Looks at everything.
    fn walk(&mut self, trust: Trust<'_>) -> Touched {
        let begun = Instant::now();
        let Listing { files, unreadable, has_links } = scan(&self.root);
        let mut touched = Touched::default();
        self.needs_walks = has_links || !unreadable.is_empty();
        let hidden = |path: &Path| unreadable.iter().any(|(directory, _)| path.starts_with(directory));
        let gone = self.files.keys().map(SourceName::path).filter(|path| !files.contains_key(*path) && !hidden(path));
        let gone: Vec<PathBuf> = gone.map(Path::to_owned).collect();
        gone.iter().for_each(|path| self.forget(path, &mut touched));
        for (path, fingerprint) in &files {
            self.read(path, *fingerprint, trust, &mut touched);
        }
        touched.walked = Some(begun.elapsed());
        self.unreadable = unreadable
            .iter()
            .map(|(path, error)| {
                let message = format!("cannot be read: {error}");
                Problem::of_file(&path.display().to_string(), "file-access", message, Consequence::NothingChanged)
            })
            .collect();
        touched
    }

    fn read(&mut self, path: &Path, fingerprint: Fingerprint, trust: Trust<'_>, touched: &mut Touched) {
        let known = self.files.get_key_value(path).map(|(name, _)| name.clone());
        let is_new = known.is_none();
        let name = known.unwrap_or_else(|| SourceName::of(path));
        let file = self.files.entry(name.clone()).or_default();
        let is_other = match file.refresh(path, fingerprint, &self.limits, trust) {
            Progress::Same => self.unsettled.remove(path),
            Progress::Unsettled => self.unsettled.insert(name.clone()),
            Progress::News(before) => {
                self.unsettled.remove(path);
                let before: BTreeSet<ObjectId> = before.objects().cloned().collect();
                self.mentions.retract(&name, &before);
                self.mentions.add(&name, file.content.objects());
                touched.objects.extend(before);
                true
            }
        };
        match file.has_failed() {
            true => drop(self.failed.insert(name.clone())),
            false => drop(self.failed.remove(path)),
        }
        if is_new || is_other {
            touched.files.insert(name);
        }
    }

    fn forget(&mut self, path: &Path, touched: &mut Touched) {
        let Some((name, file)) = self.files.remove_entry(path) else { return };
        self.unsettled.remove(path);
        self.failed.remove(path);
        let before: BTreeSet<ObjectId> = file.content.objects().cloned().collect();
        self.mentions.retract(&name, &before);
        touched.objects.extend(before);
        touched.files.insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_for_the_first_look_and_for_what_no_other_look_can_tell() {
        let root = tempfile::tempdir().expect("a directory");
        let path = |name: &str| root.path().join(name);
        let mut tree = Tree::new(root.path(), Limits::default());
        let mut look = |names: &[&str]| {
            let suspects = Suspects::Paths(names.iter().map(|name| path(name)).collect());
            let Touched { files, walked, .. } = tree.refresh(&suspects, Trust::AtOnce);
            (walked.is_some(), files.len())
        };
        std::fs::write(path("a.yaml"), "a: 1").expect("to write");
        std::fs::write(path("b.yaml"), "b: 1").expect("to write");
        assert_eq!(look(&[]), (true, 2), "the first");
        assert_eq!(look(&[]), (false, 0));
        std::fs::write(path("a.yaml"), "a: 2").expect("to write");
        std::fs::write(path("b.yaml"), "b: 2").expect("to write");
        assert_eq!(look(&["a.yaml"]), (false, 1), "the other one is not looked at");
        std::fs::remove_file(path("b.yaml")).expect("to remove");
        assert_eq!(look(&["b.yaml", ".draft"]), (false, 1));
        std::os::unix::fs::symlink(path("a.yaml"), path("c.yaml")).expect("to link");
        assert_eq!(look(&["c.yaml"]), (true, 1));
        assert_eq!(look(&[]), (true, 0), "there are links");
    }
}
