//! The simulator: reference clients, a virtual network, a world that changes, and an oracle that watches.
//!
//! Nothing here is used by a server. It exists so that the engine can be run for millions of steps, with every message
//! delayed, lost with its connection, or refused, while an oracle checks what the clients end up with; and so that the
//! conversations written down as [transcripts](transcript) can be played against the engine or against any server.

mod carriage;
mod client;
mod held;
mod network;
mod oracle;
mod plan;
pub mod play;
mod pool;
mod quiet;
mod random;
mod refusing;
mod run;
mod scene;
pub mod transcript;
mod truth;
mod world;

pub use carriage::{Carriage, Direct};
pub use client::Client;
pub use network::{Downward, Upward};
pub use oracle::Offence;
pub use plan::{Plan, Tally};
pub use random::Random;
pub use refusing::Refusing;
pub use run::{run, run_with};
pub use scene::Scene;
pub use truth::{Cure, Habits, Truth};
pub use world::{Picture, World, resource};
