//! Whether a path is a directory that can be read.

use std::io;
use std::path::{Path, PathBuf};

/// Why a path is no directory to read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It is not there, or may not be read.
    #[error("cannot read the directory {}: {source}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
}

/// Looks whether this is a directory that can be read now.
///
/// # Errors
/// When it is not.
pub fn check_root(path: &Path) -> Result<(), RootError> {
    let looked = std::fs::metadata(path).and_then(|metadata| match metadata.is_dir() {
        true => std::fs::read_dir(path).map(|_| true),
        false => Ok(false),
    });
    match looked {
        Ok(true) => Ok(()),
        Ok(false) => Err(RootError::NotADirectory { path: path.to_owned() }),
        Err(source) => Err(RootError::Unreadable { path: path.to_owned(), source }),
    }
}
