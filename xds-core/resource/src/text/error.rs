//! What is wrong with a file, and where.

use std::fmt;

use crate::located::{Position, SyntaxError};

/// One problem in one file: where it is, what it is, and what may help.
///
/// ```
/// let (_, errors) = chancery_resource::read_documents("bad.yaml", "clusters:\n- name: shop\n  tpye: EDS\n");
/// assert_eq!(
///     errors[0].to_string(),
///     "bad.yaml:3:3: clusters[0].tpye: envoy.config.cluster.v3.Cluster has no such field; did you mean `type`?"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The name of the file, as the reader was given it.
    pub file: String,
    /// The line, from 1. 0 when it is not known.
    pub line: u64,
    /// The column in characters, from 1. 0 when it is not known.
    pub column: u64,
    /// The place in the document (`listeners[0].filter_chains[1].name`). Empty for the document as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that can be said.
    pub help: Option<String>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ReadError {}

/// A problem found while a document is read: a [`ReadError`] that does not know its file yet.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: Position,
    pub(super) path: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Problem {
    pub(super) fn in_file(self, file: &str) -> ReadError {
        let Problem { at, path, message, help } = self;
        ReadError { file: file.into(), line: at.line.into(), column: at.column.into(), path, message, help }
    }
}

impl From<SyntaxError> for Problem {
    fn from(error: SyntaxError) -> Self {
        let SyntaxError { at, message, help } = error;
        Problem { at, path: String::new(), message, help }
    }
}
