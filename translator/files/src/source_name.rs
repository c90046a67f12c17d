//! The name of a file: its path, and how that is shown.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

/// A file's path, cheap to hand around. The order is that of paths.
#[derive(Debug, Clone)]
pub(crate) struct SourceName {
    path: Arc<Path>,
    shown: Arc<str>,
}

impl SourceName {
    pub(crate) fn of(path: &Path) -> SourceName {
        SourceName { path: path.into(), shown: path.display().to_string().into() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As people read it.
    pub(crate) fn shown(&self) -> &Arc<str> {
        &self.shown
    }
}

impl PartialEq for SourceName {
    fn eq(&self, other: &SourceName) -> bool {
        Arc::ptr_eq(&self.path, &other.path) || self.path == other.path
    }
}

impl Eq for SourceName {}

impl PartialOrd for SourceName {
    fn partial_cmp(&self, other: &SourceName) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SourceName {
    fn cmp(&self, other: &SourceName) -> Ordering {
        self.path.cmp(&other.path)
    }
}

impl Borrow<Path> for SourceName {
    fn borrow(&self) -> &Path {
        &self.path
    }
}
