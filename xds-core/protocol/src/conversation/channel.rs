//! One type of one stream: what the peer wants of it, what it holds, and what it owes replies to.

use crate::heartbeat::Heartbeat;
use crate::interest::Interest;
use crate::ledger::Ledger;
use crate::standing::{Inherited, Room, Standing, Variant};
use crate::{Moment, ResourceName, Settings, TypeUrl, View};

/// The most responses of one type a peer may owe replies to: what growing subscriptions can drive it to.
const MOST_UNANSWERED: usize = 256;

/// The most unanswered responses with which more of a large first subscription is looked at.
const MOST_UNDER_WAY: usize = 4;

/// One type of one stream.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) type_url: TypeUrl,
    pub(crate) interest: Interest,
    pub(crate) standing: Standing,
    pub(crate) ledger: Ledger,
    pub(crate) heartbeat: Heartbeat,
    /// Whether the names the last request listed are those of the interest.
    pub(crate) recalls_names: bool,
    /// The first answer is due even if it is empty.
    pub(crate) greeting: bool,
    /// The last response was cut at the byte budget, or is for one route configuration of several: the rest follows at once.
    pub(crate) continuing: bool,
    /// Since when the source has not known the type.
    pub(super) unsynced_since: Option<Moment>,
}

impl Channel {
    /// Of a type that the peer asks for the first time.
    pub(super) fn new(type_url: TypeUrl) -> Channel {
        Channel {
            type_url,
            interest: Interest::none(),
            standing: Standing::new(Inherited::default()),
            ledger: Ledger::default(),
            heartbeat: Heartbeat::default(),
            recalls_names: false,
            greeting: false,
            continuing: false,
            unsynced_since: None,
        }
    }

    /// How much of a large first subscription may be looked at: of types that wait for nothing, and for which nothing waits, a part.
    pub(super) fn room(&self, variant: Variant, settings: &Settings) -> Room {
        match variant {
            Variant::Delta if !self.type_url.traits().reanswered => Room::Ample,
            Variant::Sotw => Room::Ample,
            Variant::Delta if self.ledger.unanswered() < MOST_UNDER_WAY => Room::Names(settings.names_at_once),
            Variant::Delta => Room::None,
        }
    }

    /// Whether there is more of a large first subscription to look at, and room for it.
    pub(super) fn looks_further(&self, settings: &Settings) -> bool {
        self.ledger.unanswered() < MOST_UNDER_WAY && self.standing.has_room(settings.names_at_once)
    }

    /// Whether a response that is not owed may go out.
    pub(crate) fn window_open(&self) -> bool {
        self.ledger.unanswered() == 0 || (self.continuing && self.ledger.unanswered() < MOST_UNANSWERED)
    }

    /// Whether there is nothing to say but what is on its way, and nothing to wait for but replies.
    pub(super) fn is_quiet(&self) -> bool {
        // With the window closed only answers that are owed may go out.
        (self.standing.exceptions.is_empty() || !self.window_open())
            && !self.greeting
            && !self.standing.whole_due()
            && !self.standing.has_questions()
            && !self.standing.exceptions.owes_anything()
            && self.standing.warming.is_empty()
            && self.heartbeat.is_idle()
            && self.unsynced_since.is_none()
    }

    /// Owes the peer a name once more, if it asks for it and it exists.
    pub(super) fn owe_again<V: View>(&mut self, now: Moment, view: &V, name: &ResourceName) {
        if let Some(desired) = self.interest.desired(view, &self.type_url, name) {
            self.standing.owe_again(now, name, Some(desired));
        }
    }

    /// Whether an answer that is owed may go out.
    pub(crate) fn may_answer(&self) -> bool {
        self.ledger.unanswered() < MOST_UNANSWERED
    }
}
