//! The whole directory: every file as last read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chancery_watch::{Listing, scan};

use crate::file::{Progress, SourceFile, Trust};
use crate::problem::{Consequence, Problem};
use crate::source::Limits;

/// Everything known of the files.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    limits: Limits,
    pub(crate) files: BTreeMap<PathBuf, SourceFile>,
    /// Files that say something new, which may not be all.
    pub(crate) unsettled: BTreeSet<PathBuf>,
    /// Directories that cannot be looked into.
    pub(crate) unreadable: Vec<Problem>,
}

impl Tree {
    pub(crate) fn new(root: &Path, limits: Limits) -> Tree {
        Tree {
            root: root.to_owned(),
            limits,
            files: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            unreadable: Vec::new(),
        }
    }

    /// Reads what may have changed.
    pub(crate) fn refresh(&mut self, trust: Trust<'_>) -> Progress {
        let Listing { files, unreadable } = scan(&self.root);
        let hidden = |path: &Path| unreadable.iter().any(|(directory, _)| path.starts_with(directory));
        self.files.retain(|path, _| files.contains_key(path) || hidden(path));
        self.unsettled.clear();
        for (path, fingerprint) in files {
            let file = self.files.entry(path.clone()).or_default();
            if file.refresh(&path, fingerprint, &self.limits, trust) == Progress::Unsettled {
                self.unsettled.insert(path);
            }
        }
        self.unreadable = unreadable
            .iter()
            .map(|(path, error)| {
                let message = format!("cannot be read: {error}");
                Problem::of_file(&path.display().to_string(), "file-access", message, Consequence::NothingChanged)
            })
            .collect();
        match self.unsettled.is_empty() {
            true => Progress::Done,
            false => Progress::Unsettled,
        }
    }
}
