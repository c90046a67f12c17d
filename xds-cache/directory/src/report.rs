//! What a reading of the directory found: what is served, and what is wrong with which file.

use std::collections::BTreeMap;
use std::fmt;

use chancery_cache::{Dangling, Duplicate};
use chancery_protocol::TypeUrl;
use chancery_resource::ReadError;

/// What became of the last reading. The newest replaces the one before: a problem stays listed until it is solved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How often the directory was read and published, this time included. 0: not yet.
    pub readings: u64,
    /// How many files there are, good and bad.
    pub files: usize,
    /// How many resources are published, by type.
    pub resources: BTreeMap<TypeUrl, usize>,
    /// What this publish changed.
    pub counts: Counts,
    /// What is wrong, by file and line.
    pub problems: Vec<Problem>,
    /// References among the published resources that lead nowhere.
    pub dangling: Vec<Dangling>,
}

impl Report {
    /// How many resources are published.
    pub fn total(&self) -> usize {
        self.resources.values().sum()
    }
}

/// What a publish changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Resources that were not there before.
    pub added: usize,
    /// Resources with new content.
    pub changed: usize,
    /// Resources that are gone.
    pub removed: usize,
}

/// One problem, where it is, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the directory.
    pub file: String,
    /// The line, from 1. 0 when the problem is with the file as a whole.
    pub line: u64,
    /// The column in characters, from 1. 0 when it is not known.
    pub column: u64,
    /// The field (`clusters[0].connect_timeout`). May be empty.
    pub field: String,
    /// What is wrong, and what may help.
    pub message: String,
    /// What is served instead.
    pub consequence: Consequence,
}

/// What a problem leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consequence {
    /// The file's last good resources stay.
    FileKept,
    /// The file was never good: what can be read of it is served.
    FileInPart,
    /// The resource's last good version stays.
    ResourceKept,
    /// The resource is not served.
    ResourceLeftOut,
    /// Everything stays as it was.
    NothingChanged,
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Consequence::FileKept => "the last good resources of this file stay in place",
            Consequence::FileInPart => "the rest of this file is served",
            Consequence::ResourceKept => "the last good version of this resource stays in place",
            Consequence::ResourceLeftOut => "this resource is left out",
            Consequence::NothingChanged => "everything stays as it was",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {} ({})", self.message, self.consequence)
    }
}

impl Problem {
    pub(crate) fn whole(file: &str, message: String, consequence: Consequence) -> Problem {
        Problem { file: file.to_owned(), line: 0, column: 0, field: String::new(), message, consequence }
    }

    pub(crate) fn unreadable(error: ReadError, consequence: Consequence) -> Problem {
        let ReadError { file, line, column, path, message, help } = error;
        let message = match help {
            Some(help) => format!("{message}; {help}"),
            None => message,
        };
        Problem { file, line, column, field: path, message, consequence }
    }

    /// The second definition loses; its origin is `file:line`.
    pub(crate) fn defined_twice(duplicate: &Duplicate) -> Problem {
        let second = duplicate.second.as_deref().unwrap_or_default();
        let (file, line) = match second.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
            Some((file, Ok(line))) => (file, line),
            _ => (second, 0),
        };
        let (kind, name) = (duplicate.type_url.message_name(), &duplicate.name);
        let first = duplicate.first.as_deref().unwrap_or("another place");
        let message = format!("{kind} {name:?} is already defined in {first}, which is used; rename or remove one");
        Problem { line, ..Problem::whole(file, message, Consequence::ResourceLeftOut) }
    }
}
