//! The responses a peer still owes a reply to, by nonce, and what came of the others.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::{Moment, Nonce, ResourceName};

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
    flights: BTreeMap<Nonce, Flight>,
    last: Option<Nonce>,
}

impl Ledger {
    /// Notes a response.
    pub(crate) fn sent(&mut self, nonce: Nonce, flight: Flight) {
        self.flights.insert(nonce, flight);
        self.last = Some(nonce);
    }

    /// The reply to this response has come: what it told of. `None`: it was answered before, or is none of ours.
    pub(crate) fn settle(&mut self, nonce: Nonce) -> Option<Flight> {
        self.flights.remove(&nonce)
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
        let (nonce, flight) = self.flights.iter_mut().next()?;
        (!flight.called_silent).then_some((*nonce, flight))
    }

    /// Since when the oldest response nobody has complained about is unanswered.
    pub(crate) fn waiting_since(&self) -> Option<Moment> {
        self.flights.values().next().filter(|flight| !flight.called_silent).map(|flight| flight.sent_at)
    }
}
