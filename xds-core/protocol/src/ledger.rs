//! The responses a peer still owes a reply to, by nonce, and what came of the others.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::{Moment, Nonce, ResourceName};

/// Room for as many responses is kept when none is unanswered.
const MOST_KEPT: usize = 8;

/// What one response told of, kept until its reply.
#[derive(Debug)]
pub(crate) struct Flight {
    /// The names it told of, present and removed. Empty for the whole wildcard set and for heartbeats.
    pub(crate) names: Arc<[ResourceName]>,
    /// Whether it carried the whole wildcard set.
    pub(crate) whole: bool,
    /// When it was handed out.
    pub(crate) sent_at: Moment,
    /// Whether the peer has been called silent over it.
    pub(crate) called_silent: bool,
}

/// The responses of one type on one stream.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In the order they were handed out, which is that of their nonces.
    flights: VecDeque<(Nonce, Flight)>,
    last: Option<Nonce>,
}

impl Ledger {
    /// Notes a response.
    pub(crate) fn sent(&mut self, nonce: Nonce, flight: Flight) {
        self.flights.push_back((nonce, flight));
        self.last = Some(nonce);
    }

    /// The reply to this response has come: what it told of. `None`: it was answered before, or is none of ours.
    pub(crate) fn settle(&mut self, nonce: Nonce) -> Option<Flight> {
        let at = self.flights.binary_search_by_key(&nonce, |(nonce, _)| *nonce).ok()?;
        let (_, flight) = self.flights.remove(at)?;
        if self.flights.is_empty() {
            match self.flights.capacity() > MOST_KEPT {
                true => self.flights = VecDeque::new(),
                // Goes back to the beginning of its memory, which is at hand.
                false => self.flights.clear(),
            }
        }
        Some(flight)
    }

    /// Whether this is the newest response of the type.
    pub(crate) fn is_last(&self, nonce: Nonce) -> bool {
        self.last == Some(nonce)
    }

    /// How many responses are unanswered.
    pub(crate) fn unanswered(&self) -> usize {
        self.flights.len()
    }

    /// The oldest unanswered response nobody has complained about.
    pub(crate) fn oldest_uncalled(&mut self) -> Option<(Nonce, &mut Flight)> {
        let (nonce, flight) = self.flights.front_mut()?;
        (!flight.called_silent).then_some((*nonce, flight))
    }

    /// Since when the oldest response nobody has complained about is unanswered.
    pub(crate) fn waiting_since(&self) -> Option<Moment> {
        self.flights.front().filter(|(_, flight)| !flight.called_silent).map(|(_, flight)| flight.sent_at)
    }
}
