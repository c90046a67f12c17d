//! Which files there are: the directory, walked.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How deep directories may lie in each other.
pub(crate) const MAX_DEPTH: usize = 32;
/// How long after its last change a file's times can be trusted: a second write within one tick of the clock leaves no trace.
const SETTLED: Duration = Duration::from_secs(1);

/// The files found.
#[derive(Debug, Default)]
pub struct Listing {
    /// The files, and what tells whether they have changed.
    pub files: BTreeMap<PathBuf, Fingerprint>,
    /// Directories, and files, that could not be looked at.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Whether anything was reached through a link, or has other names: notifications do not name it when it is changed there.
    pub has_links: bool,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64),
    settled: bool,
}

impl Fingerprint {
    pub(crate) fn of(metadata: &Metadata) -> Fingerprint {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        let settled = age.is_some_and(|age| age > SETTLED);
        Fingerprint { bytes: metadata.len(), modified, identity: identity(metadata), settled }
    }

    /// Whether a file read under the fingerprint `self` need not be read again, now that it has this one.
    pub fn proves_unchanged(&self, now: &Fingerprint) -> bool {
        self.settled && self == now
    }

    /// Whether nothing was written between the two, as far as the file's times tell.
    pub fn is_same_as(&self, other: &Fingerprint) -> bool {
        Fingerprint { settled: other.settled, ..*self } == *other
    }

    /// Whether the file was not changed for a while when it was looked at.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// How large the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Whether the file has other names, through which it can be written unnoticed.
#[cfg(unix)]
pub(crate) fn is_linked(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file() && metadata.nlink() > 1
}

#[cfg(not(unix))]
pub(crate) fn is_linked(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
pub(crate) fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
pub(crate) fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Every YAML and JSON file below `root`. Names that begin with a dot are passed over, links are followed.
pub fn scan(root: &Path) -> Listing {
    let mut listing = Listing::default();
    walk(root, &mut Vec::new(), &mut listing);
    listing
}

fn walk(directory: &Path, above: &mut Vec<(u64, u64)>, listing: &mut Listing) {
    let (entries, here) = match fs::read_dir(directory).and_then(|entries| Ok((entries, fs::metadata(directory)?))) {
        Ok((entries, metadata)) => (entries, identity(&metadata)),
        Err(error) => return listing.unreadable.push((directory.to_owned(), error)),
    };
    // A link that leads back up, or a tree no person made.
    if above.len() >= MAX_DEPTH || (above.contains(&here) && here != (0, 0)) {
        return;
    }
    above.push(here);
    for entry in entries {
        let path = match entry {
            Ok(entry) if hidden(&entry.file_name()) => continue,
            Ok(entry) => {
                listing.has_links |= entry.file_type().is_ok_and(|of| of.is_symlink());
                entry.path()
            }
            Err(error) => {
                listing.unreadable.push((directory.to_owned(), error));
                continue;
            }
        };
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => walk(&path, above, listing),
            Ok(metadata) if metadata.is_file() && is_text_file(&path) => {
                listing.has_links |= is_linked(&metadata);
                listing.files.insert(path, Fingerprint::of(&metadata));
            }
            Ok(_) => {}
            // Gone since it was listed, or a link to nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => listing.unreadable.push((path, error)),
        }
    }
    above.pop();
}

pub(crate) fn hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

pub(crate) fn is_text_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
