//! The fan-out lab: a server in one process, a herd of raw streams in another, and one resource replaced again and again.

mod client;
mod counting;
mod experiment;
mod floor;
mod peer;
mod server;
mod socket;
mod usage;

pub use experiment::{Experiment, Row, Served};
pub use peer::go_control_plane;
pub use server::{Kind, serve};
pub use usage::Usage;
