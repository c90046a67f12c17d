//! The simulator: reference clients, a virtual network, a world that changes, and an oracle that watches.
//!
//! Nothing here is used by a server. It exists so that the engine can be run for millions of steps, with every message
//! delayed, lost with its connection, or refused, while an oracle checks what the clients end up with; and so that the
//! conversations written down as [transcripts](transcript) can be played against the engine or against any server.

pub mod play;
mod random;
pub mod transcript;
mod world;

pub use random::Random;
pub use world::{Picture, World, resource};
