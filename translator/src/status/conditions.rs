//! How conditions are written.

use crate::api::{Condition, Truth};
use crate::reasons;

/// Conditions of one object at one generation.
#[derive(Debug)]
pub(crate) struct Conditions {
    generation: i64,
    all: Vec<Condition>,
}

impl Conditions {
    pub(crate) fn at(generation: i64) -> Conditions {
        Conditions { generation, all: Vec::new() }
    }

    pub(crate) fn say(
        &mut self,
        kind: &str,
        status: Truth,
        reason: &str,
        message: impl Into<String>,
    ) -> &mut Conditions {
        self.all.push(Condition {
            kind: kind.to_owned(),
            status,
            reason: reason.to_owned(),
            message: shortened(message.into()),
            observed_generation: self.generation,
            last_transition_time: None,
        });
        self
    }

    pub(crate) fn yes(&mut self, kind: &str, message: &str) -> &mut Conditions {
        self.say(kind, Truth::True, kind, message)
    }

    pub(crate) fn no(&mut self, kind: &str, reason: &str, message: impl Into<String>) -> &mut Conditions {
        self.say(kind, Truth::False, reason, message)
    }

    /// Says that all references lead to something, or which do not.
    pub(crate) fn references(&mut self, fault: Option<(&str, String)>) -> &mut Conditions {
        match fault {
            None => self.yes(reasons::RESOLVED_REFS, "All references are resolved"),
            Some((reason, message)) => self.no(reasons::RESOLVED_REFS, reason, message),
        }
    }

    pub(crate) fn done(&mut self) -> Vec<Condition> {
        std::mem::take(&mut self.all)
    }
}

/// The API allows 32,768 bytes.
fn shortened(mut message: String) -> String {
    const MOST: usize = 32_000;
    if message.len() > MOST {
        let mut end = MOST;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
    message
}
