//! Random worlds of Gateway API objects and random changes to them, for the tests that compare what is kept with what is made
//! anew.

#![allow(dead_code, reason = "each test that includes this uses a part of it")]

mod edits;
pub(crate) mod objects;
pub(crate) mod same;
pub(crate) mod surroundings;

/// A number somebody sets to run a test otherwise.
pub(crate) fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}
