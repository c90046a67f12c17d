#![doc = include_str!("../README.md")]

mod candidate;
mod compose;
mod concern;
mod cursor;
mod delivered;
mod digest;
mod documents;
mod file;
mod findings;
mod generations;
mod keeper;
mod mentions;
mod names;
mod normal;
mod problem;
mod reading;
mod rules;
mod schema;
mod source;
mod source_name;
mod status_file;
mod structure;
mod tree;
mod watching;

pub use problem::{Consequence, Problem, Severity};
pub use reading::{Location, Place, Reading, Report};
pub use source::{FilesError, GatewayFiles, Limits, Timing, read};
pub use status_file::{StatusFile, StatusFileError, Written};
pub use watching::Watching;
