#![doc = include_str!("../README.md")]

mod directory;
mod file;
mod report;
mod tree;

pub use directory::{Directory, DirectoryError, Timing};
pub use report::{Consequence, Counts, Problem, Report};
pub use tree::{Reading, read};
