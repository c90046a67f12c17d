//! The candidates that were considered and not taken, and why.

use serde::Serialize;

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// A listener.
    Listener,
    /// A filter chain.
    FilterChain,
    /// A virtual host.
    VirtualHost,
    /// A route.
    Route,
}

/// A candidate that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// What it is.
    pub candidate: Candidate,
    /// Its name; empty when it has none.
    pub name: String,
    /// Its place in what holds it, from 0.
    pub position: usize,
    /// Why it was not taken.
    pub reason: String,
}

/// The candidates that were not taken, in the order they were considered, up to [`Trace::MOST`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Trace {
    /// The first of them.
    pub rejected: Vec<Rejected>,
    /// How many more there were.
    pub left_out: usize,
}

impl Trace {
    /// The most that are kept of each kind of candidate.
    pub const MOST: usize = 64;

    pub(crate) fn reject(&mut self, candidate: Candidate, name: &str, position: usize, reason: impl Into<String>) {
        let before = self.rejected.iter().filter(|rejected| rejected.candidate == candidate).count();
        if before >= Trace::MOST {
            self.left_out += 1;
        } else {
            self.rejected.push(Rejected { candidate, name: name.to_owned(), position, reason: reason.into() });
        }
    }
}
