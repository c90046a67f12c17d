#![doc = include_str!("../README.md")]

mod absences;
mod activity;
mod bounded;
mod root;
mod scan;
mod watcher;

pub use absences::{Absences, Verdict};
pub use bounded::read_bounded;
pub use root::{RootError, check_root};
pub use scan::{Fingerprint, Listing, scan};
pub use watcher::{Completeness, Watcher};
