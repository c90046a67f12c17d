//! The whole directory: every file as last read, put together into one set of resources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chancery_cache::ResourceSet;
use chancery_watch::{Listing, scan};

use crate::file::SourceFile;
use crate::report::{Consequence, Problem};
use crate::{DirectoryError, Report};

/// Everything known of the files, between two readings.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    files: BTreeMap<PathBuf, SourceFile>,
    unreadable: Vec<Problem>,
}

/// All that a directory says at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The resources.
    pub resources: ResourceSet,
    /// How many files there are.
    pub files: usize,
    /// What is wrong with the files, by file and line.
    pub problems: Vec<Problem>,
}

/// Reads a directory once, without publishing anything.
///
/// # Errors
/// When it is not a directory that can be read.
///
/// ```
/// # let directory = tempfile::tempdir().unwrap();
/// # std::fs::write(directory.path().join("shop.yaml"), "clusters: [{name: shop}, {nmae: cart}]").unwrap();
/// let reading = chancery_directory::read(directory.path())?;
/// assert_eq!((reading.resources.len(), reading.problems.len()), (1, 1));
/// # Ok::<(), chancery_directory::DirectoryError>(())
/// ```
pub fn read(root: impl AsRef<Path>) -> Result<Reading, DirectoryError> {
    let root = root.as_ref();
    DirectoryError::check(root)?;
    let mut tree = Tree::new(root.to_owned());
    tree.refresh();
    Ok(tree.reading())
}

impl Tree {
    pub(crate) fn new(root: PathBuf) -> Tree {
        Tree { root, files: BTreeMap::new(), unreadable: Vec::new() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads what may have changed.
    pub(crate) fn refresh(&mut self) {
        let Listing { files, unreadable, .. } = scan(&self.root);
        for (path, file) in &mut self.files {
            let hidden = unreadable.iter().any(|(directory, _)| path.starts_with(directory));
            if !files.contains_key(path) && !hidden {
                file.vanish();
            }
        }
        for (path, fingerprint) in files {
            let file = self.files.entry(path.clone()).or_default();
            if !file.is_unchanged(&fingerprint) {
                file.read(&path, fingerprint);
            }
        }
        self.unreadable = unreadable
            .into_iter()
            .map(|(path, error)| {
                let message = format!("cannot be read: {error}");
                Problem::whole(&path.display().to_string(), message, Consequence::NothingChanged)
            })
            .collect();
        self.files.retain(|_, file| !file.is_forgotten());
    }

    /// What the files say together.
    pub(crate) fn reading(&self) -> Reading {
        let mut resources = ResourceSet::new();
        let mut problems = self.unreadable.clone();
        for file in self.files.values() {
            problems.extend(file.problems.iter().cloned());
            for resource in &file.offered {
                if let Err(duplicate) = resources.insert(resource.clone()) {
                    problems.push(Problem::defined_twice(&duplicate));
                }
            }
        }
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        let files = self.files.values().filter(|file| !file.is_gone()).count();
        Reading { resources, files, problems }
    }

    /// Takes note that the last reading is published.
    pub(crate) fn settle(&mut self) {
        self.files.values_mut().for_each(SourceFile::settle);
        self.files.retain(|_, file| !file.is_forgotten());
    }
}

impl Reading {
    /// The report of this reading, as far as it goes without publishing.
    pub(crate) fn report(&self) -> Report {
        let mut report = Report { files: self.files, problems: self.problems.clone(), ..Report::default() };
        for resource in self.resources.iter() {
            *report.resources.entry(resource.type_url().clone()).or_default() += 1;
        }
        report
    }
}
