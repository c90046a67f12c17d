//! What to simulate, and what happened.

use alloc::vec::Vec;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Everything else follows from this number.
    pub seed: u64,
    /// The delta variant, or state of the world. Where the truth comes from elsewhere, each client has its own habits.
    pub delta: bool,
    /// How many random steps.
    pub steps: u64,
    /// How many clients.
    pub clients: usize,
    /// One content in this many is refused; zero for none. Where the truth comes from elsewhere, it says what is.
    pub bad_once_in: u64,
    /// One step in this many loses a connection; zero for none.
    pub loss_once_in: u64,
    /// How many clients never read.
    pub stalled: usize,
    /// Print every message.
    pub trace: bool,
}

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps taken, those of the quiet phases included.
    pub steps: u64,
    /// Changes published.
    pub published: u64,
    /// Responses sent, per client.
    pub responses: Vec<u64>,
    /// Polls of each client's session.
    pub polls: Vec<u64>,
    /// Responses refused.
    pub refused: u64,
    /// Connections lost.
    pub lost: u64,
    /// Waits that ended with their deadline.
    pub overdue: u64,
    /// Streams that began with something the protocol cannot tell the server of.
    pub blind: u64,
}
