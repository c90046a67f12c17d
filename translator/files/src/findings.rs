//! What is wrong with one document, with a bound on how much of it is told.

use chancery_resource::located::Position;

use crate::cursor::Cursor;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) at: Position,
    pub(crate) field: String,
    /// The name of the rule that is broken.
    pub(crate) rule: &'static str,
    pub(crate) message: String,
}

/// What was found so far.
#[derive(Debug)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    most: usize,
    untold: usize,
}

impl Findings {
    /// Tells this many at most: the first ones usually explain the others.
    pub(crate) fn at_most(most: usize) -> Findings {
        Findings { found: Vec::new(), most, untold: 0 }
    }

    /// Takes note that the value breaks a rule.
    pub(crate) fn add(&mut self, cursor: &Cursor<'_>, rule: &'static str, message: impl Into<String>) {
        match self.found.len() < self.most {
            true => {
                self.found.push(Finding { at: cursor.position(), field: cursor.path(), rule, message: message.into() })
            }
            false => self.untold += 1,
        }
    }

    /// As [`Findings::add`], of a field that is missing.
    pub(crate) fn add_missing(&mut self, cursor: &Cursor<'_>, field: &str, rule: &'static str, message: String) {
        let before = self.found.len();
        self.add(cursor, rule, message);
        if let Some(finding) = self.found.get_mut(before) {
            if !finding.field.is_empty() {
                finding.field.push('.');
            }
            finding.field.push_str(field);
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All that is told.
    pub(crate) fn told(mut self) -> Vec<Finding> {
        if let (Some(last), true) = (self.found.last_mut(), self.untold > 0) {
            last.message.push_str(&format!("; and {} more problems of this object", self.untold));
        }
        self.found.sort_by_key(|finding| finding.at);
        self.found
    }
}
