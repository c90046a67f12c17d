#![doc = include_str!("../README.md")]

mod directory;
mod file;
mod hold;
mod report;
mod scan;
mod tree;
mod watcher;

pub use directory::{Directory, DirectoryError, Timing};
pub use report::{Consequence, Counts, Problem, Report};
pub use tree::{Reading, read};
