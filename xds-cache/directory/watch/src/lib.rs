#![doc = include_str!("../README.md")]

mod absences;
mod activity;
mod bounded;
mod glance;
mod root;
mod scan;
mod suspects;
mod watcher;

pub use absences::{Absences, Verdict};
pub use bounded::read_bounded;
pub use glance::{Glimpse, glance};
pub use root::{RootError, check_root};
pub use scan::{Fingerprint, Listing, scan};
pub use suspects::Suspects;
pub use watcher::{Completeness, Watcher};
