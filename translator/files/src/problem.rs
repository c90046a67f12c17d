//! One thing that is wrong in the files: where, of which object, against which rule, and what it leads to.

use std::fmt;

use chancery_translator::api::ObjectId;
use serde::{Serialize, Serializer};

use crate::findings::Finding;

/// One problem, or a note.
///
/// ```
/// use chancery_files::{Consequence, Problem, Severity};
///
/// let problem = Problem {
///     file: "shop.yaml".into(),
///     line: 7,
///     column: 3,
///     object: None,
///     field: "spec.hostnmaes".into(),
///     rule: "unknown-field".into(),
///     message: "there is no field `hostnmaes` here; did you mean `hostnames`?".into(),
///     consequence: Consequence::ObjectLeftOut,
/// };
/// assert_eq!(problem.severity(), Severity::Error);
/// assert_eq!(
///     problem.to_string(),
///     "shop.yaml:7:3: spec.hostnmaes: there is no field `hostnmaes` here; did you mean `hostnames`? \
///      [unknown-field] (this object is left out)"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, or the directory.
    pub file: String,
    /// The line, from 1. 0 when the problem is with the file as a whole.
    pub line: u32,
    /// The column in characters, from 1. 0 when it is not known.
    pub column: u32,
    /// The object, if it can be told.
    #[serde(serialize_with = "as_text")]
    pub object: Option<ObjectId>,
    /// The field, like `spec.rules[0].backendRefs[1].port`; empty for the object as a whole.
    pub field: String,
    /// The name of the rule that is broken, for programs: `unknown-field`, `required`, `redirect-with-backends`.
    pub rule: String,
    /// What is wrong, and what may help.
    pub message: String,
    /// What it leads to.
    pub consequence: Consequence,
}

fn as_text<S: Serializer>(object: &Option<ObjectId>, serializer: S) -> Result<S::Ok, S::Error> {
    object.as_ref().map(ToString::to_string).serialize(serializer)
}

/// What a problem leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Consequence {
    /// The last good version of the object stays.
    ObjectKept,
    /// The object is not served.
    ObjectLeftOut,
    /// What may have been objects cannot be told from this; those that were here stay.
    DocumentLeftOut,
    /// The objects this file had last stay.
    FileKept,
    /// Nothing of the file is served.
    FileLeftOut,
    /// Everything stays as it was.
    NothingChanged,
    /// None: this is a note.
    Nothing,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Something is not served as it is written.
    Error,
    /// Worth knowing.
    Note,
}

impl Problem {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self.consequence {
            Consequence::Nothing => Severity::Note,
            _ => Severity::Error,
        }
    }

    pub(crate) fn of_file(file: &str, rule: &str, message: String, consequence: Consequence) -> Problem {
        Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            object: None,
            field: String::new(),
            rule: rule.to_owned(),
            message,
            consequence,
        }
    }

    pub(crate) fn found(file: &str, object: Option<ObjectId>, finding: &Finding, consequence: Consequence) -> Problem {
        Problem {
            file: file.to_owned(),
            line: finding.at.line,
            column: finding.at.column,
            object,
            field: finding.field.clone(),
            rule: finding.rule.to_owned(),
            message: finding.message.clone(),
            consequence,
        }
    }
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Consequence::ObjectKept => "the last good version of this object stays in place",
            Consequence::ObjectLeftOut => "this object is left out",
            Consequence::DocumentLeftOut => "this document is left out; objects it had before stay in place",
            Consequence::FileKept => "the last good objects of this file stay in place",
            Consequence::FileLeftOut => "this file is left out",
            Consequence::NothingChanged => "everything stays as it was",
            Consequence::Nothing => "note",
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
        f.write_str(":")?;
        if let Some(object) = &self.object {
            write!(f, " {object}")?;
        }
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        if self.object.is_some() || !self.field.is_empty() {
            f.write_str(":")?;
        }
        write!(f, " {} [{}] ({})", self.message, self.rule, self.consequence)
    }
}
