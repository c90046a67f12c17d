//! One file: whether it has to be read again, whether what it says is complete, and what it says.

use std::io;
use std::path::Path;
use std::time::Duration;

use blake3::Hash;
use chancery_resource::located::SyntaxError;
use chancery_translator::api::ObjectId;
use chancery_watch::{Completeness, Fingerprint, Watcher, read_bounded};

use crate::candidate::{Candidate, candidates};
use crate::documents::read_documents;
use crate::source::Limits;

/// How often a file is read in a row.
const MOST_READS: usize = 4;

/// A file of the directory.
#[derive(Debug, Default)]
pub(crate) struct SourceFile {
    state: State,
    pub(crate) content: FileContent,
}

/// How much is known of the file itself.
#[derive(Debug, Default)]
enum State {
    /// It was never read.
    #[default]
    New,
    /// It could not be read, and is tried again.
    Failed,
    /// It said something else when it was read, which may not be all.
    Pending(Fingerprint, Hash),
    /// It was read when it had this fingerprint, and said this.
    Read(Fingerprint, Hash),
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) enum FileContent {
    /// It was not read yet.
    #[default]
    Unknown,
    /// Not a single byte.
    Empty,
    Documents {
        candidates: Vec<Candidate>,
        broken: Vec<SyntaxError>,
    },
    /// It cannot be read.
    Unreadable {
        error: SyntaxError,
        rule: &'static str,
    },
}

impl FileContent {
    /// The objects it speaks of, good or bad.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &ObjectId> {
        let candidates = match self {
            FileContent::Documents { candidates, .. } => candidates.as_slice(),
            FileContent::Unknown | FileContent::Empty | FileContent::Unreadable { .. } => &[],
        };
        candidates.iter().filter_map(Candidate::object)
    }
}

/// What a look at a file came to.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It says what it said.
    Same,
    /// It says something else; this is what it said before.
    News(FileContent),
    /// It may be in the middle of being written.
    Unsettled,
}

/// When a file is taken for complete.
#[derive(Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// As it is: nobody waits.
    AtOnce,
    /// When it was closed or renamed, or says the same twice.
    Finished(&'a Watcher, Duration),
}

impl SourceFile {
    /// Reads the file if it may have changed, and if it may be complete.
    pub(crate) fn refresh(&mut self, path: &Path, now: Fingerprint, limits: &Limits, trust: Trust<'_>) -> Progress {
        if matches!(&self.state, State::Read(read, _) if read.proves_unchanged(&now)) {
            return Progress::Same;
        }
        let read = || read_bounded(path, limits.file_bytes);
        let (bytes, completeness) = match trust {
            Trust::AtOnce => (read(), Completeness::Complete),
            Trust::Finished(watcher, patience) if watcher.is_being_written(path, patience) => {
                return Progress::Unsettled;
            }
            Trust::Finished(watcher, _) => observe(watcher, path, read),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            // The next look does not find it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Progress::Same,
            Err(error) => {
                self.state = State::Failed;
                return self.says(unreadable(&error));
            }
        };
        let digest = blake3::hash(&bytes);
        let (known, seen_before) = match &self.state {
            State::Read(_, read) => (*read == digest, false),
            State::Pending(then, pending) => (false, *pending == digest && then.is_same_as(&now)),
            State::New | State::Failed => (false, false),
        };
        if !known && completeness != Completeness::Complete && !now.is_settled() && !seen_before {
            self.state = State::Pending(now, digest);
            return Progress::Unsettled;
        }
        let progress = match known {
            true => Progress::Same,
            false => self.says(parsed(&bytes, limits)),
        };
        self.state = State::Read(now, digest);
        progress
    }

    /// Whether the last attempt to read it failed.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed)
    }

    fn says(&mut self, content: FileContent) -> Progress {
        Progress::News(std::mem::replace(&mut self.content, content))
    }
}

/// Reads a file; again, when it was replaced meanwhile: one that is replaced all the time would hold up all others.
fn observe<T>(watcher: &Watcher, path: &Path, read: impl Fn() -> T) -> (T, Completeness) {
    let mut observed = watcher.observe(path, &read);
    for _ in 1..MOST_READS {
        if observed.1 != Completeness::Overtaken {
            break;
        }
        observed = watcher.observe(path, &read);
    }
    observed
}

fn unreadable(error: &io::Error) -> FileContent {
    let (rule, help) = match error.kind() {
        io::ErrorKind::FileTooLarge => ("file-size", Some("split it, or allow larger files".to_owned())),
        io::ErrorKind::PermissionDenied => ("file-access", Some("let the server read it".to_owned())),
        _ => ("file-access", None),
    };
    let message = format!("cannot be read: {error}");
    FileContent::Unreadable { error: SyntaxError { at: Default::default(), message, help }, rule }
}

fn parsed(bytes: &[u8], limits: &Limits) -> FileContent {
    match read_documents(bytes) {
        Ok(_) if bytes.is_empty() => FileContent::Empty,
        Ok(read) => {
            let documents = read.documents.into_iter();
            let candidates = documents.flat_map(|document| candidates(document, limits.problems_per_object)).collect();
            FileContent::Documents { candidates, broken: read.broken }
        }
        Err(error) => FileContent::Unreadable { error, rule: "encoding" },
    }
}
