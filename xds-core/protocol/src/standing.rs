//! What one peer holds of one type: the view at some epoch, with exceptions.
//!
//! The exceptions are few: names that changed and were not sent yet, were sent and not answered yet, were refused, or
//! are owed an answer. Everything else is as the view had it at the anchor's epoch, so a settled stream keeps one epoch
//! per type, however many resources there are.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

mod asked;
mod brought;
mod compare;
mod exception;
mod exceptions;
mod owed;
mod reply;

use asked::Asked;
pub(crate) use brought::Brought;
pub(crate) use exception::{Exception, Need, Refused, Sent, Told};
pub(crate) use exceptions::Exceptions;
pub(crate) use owed::Room;

use crate::names::Names;
use crate::{Digest, Epoch, HeldVersion, Moment, Nonce, Reference, Refusal, Resource, ResourceName};

/// What the peer holds of the names that are no exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Nothing has been compared yet.
    Unset,
    /// What the view held at this epoch.
    At(Epoch),
    /// The whole wildcard set of this epoch, once the peer accepts this response.
    Sent(Epoch, Nonce),
    /// Perhaps some of the wildcard set of this epoch: the peer refused it and did not say which part.
    Refused(Epoch),
}

/// What one peer holds of one type.
#[derive(Debug)]
pub(crate) struct Standing {
    anchor: Anchor,
    pub(crate) exceptions: Exceptions,
    /// Resources accepted, whose own pull references the peer has not settled yet, with the moment of acceptance.
    pub(crate) warming: BTreeMap<ResourceName, Warming>,
    /// What is on its way under names given up meanwhile: a peer that asks for one again may apply it.
    overtaken: BTreeMap<ResourceName, Sent>,
    /// Since when the peer holds a whole set of which nobody knows whether each member has all it needs.
    pub(crate) unproven_since: Option<Moment>,
    /// The sum of what the peer is to hold, as of the anchor; for named state-of-the-world types.
    pub(crate) desired: Digest,
    /// Names asked for since the last comparison.
    asked: Asked,
    /// Names given up since the last comparison.
    dropped: Vec<ResourceName>,
    /// A refusal of the whole wildcard set, to be looked into with the view at hand.
    refusal: Option<(Nonce, Refusal)>,
    /// What the peer brought from an earlier stream.
    pub(crate) inherited: Inherited,
    next_batch: u32,
}

/// An accepted resource that is of use only once what it names has arrived too.
#[derive(Debug, Clone)]
pub(crate) struct Warming {
    pub(crate) since: Moment,
    /// What it waits for.
    pub(crate) references: Vec<Reference>,
    /// What the peer serves from meanwhile.
    pub(crate) former: Told,
    /// What it accepted since, one of which it may serve from by now.
    pub(crate) perhaps: Vec<Resource>,
}

/// What the first request of a type says of an earlier stream.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// When the first request came, if it brought anything.
    pub(crate) at: Option<Moment>,
    /// The version of the whole type (state of the world).
    pub(crate) version: Option<HeldVersion>,
    /// Versions by name (delta).
    pub(crate) versions: Brought,
}

/// What a comparison found that the caller must act on.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// The outcome of a refusal of the whole set.
    pub(crate) refusal: Option<(Nonce, Refusal, Vec<ResourceName>)>,
    /// The peer was found to hold everything as of the view from an earlier stream, but for these names.
    pub(crate) held_but: Option<Vec<ResourceName>>,
    /// The view cannot tell what has changed, and the peer's names are unknown: only a new stream helps.
    pub(crate) lost: bool,
}

impl Standing {
    /// Of a peer that has just asked for the type.
    pub(crate) fn new(inherited: Inherited) -> Standing {
        Standing {
            anchor: Anchor::Unset,
            exceptions: Exceptions::default(),
            warming: BTreeMap::new(),
            overtaken: BTreeMap::new(),
            unproven_since: inherited.at,
            desired: Digest::EMPTY,
            asked: Asked::default(),
            dropped: Vec::new(),
            refusal: None,
            inherited,
            next_batch: 0,
        }
    }

    /// These names are owed an answer.
    pub(crate) fn ask(&mut self, names: impl IntoIterator<Item = ResourceName>) {
        self.asked.extend(names);
    }

    /// All of these names are owed an answer.
    pub(crate) fn ask_all(&mut self, names: Names) {
        self.asked.extend_by_all(names);
    }

    /// These names are no longer wanted by name.
    pub(crate) fn drop_names(&mut self, names: &[ResourceName]) {
        if names.is_empty() {
            return;
        }
        self.asked.remove(names);
        for name in names {
            self.inherited.versions.remove(name);
            self.dropped.push(name.clone());
        }
    }

    /// Everything is to be told anew.
    pub(crate) fn restart(&mut self) {
        let asked = core::mem::take(&mut self.asked);
        *self = Standing { asked, next_batch: self.next_batch, ..Standing::new(Inherited::default()) };
    }

    pub(crate) fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Whether the whole wildcard set has to be sent before anything else.
    pub(crate) fn whole_due(&self) -> bool {
        self.anchor == Anchor::Unset
    }

    /// Whether the peer certainly holds what is no exception.
    pub(crate) fn anchored(&self) -> bool {
        matches!(self.anchor, Anchor::At(_))
    }

    /// Whether nothing is left to say or to hear.
    pub(crate) fn settled(&self) -> bool {
        self.anchored() && self.exceptions.is_empty() && self.asked.is_empty()
    }

    /// Whether more of a large first subscription may be looked at, now that this much of it is owed.
    pub(crate) fn has_room(&self, most: usize) -> bool {
        self.asked.has_rest() && self.exceptions.owed_count() < most.max(1)
    }

    /// Whether something was asked for, given up or refused as a whole, and not looked at yet.
    pub(crate) fn has_questions(&self) -> bool {
        !self.asked.is_empty() || !self.dropped.is_empty() || self.refusal.is_some()
    }

    /// Whether what the peer asked for under this name has been looked at, and answered.
    pub(crate) fn is_compared(&self, name: &ResourceName) -> bool {
        !self.exceptions.owes(name) && !self.asked.contains(name)
    }
}

/// The two variants of the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Sotw,
    Delta,
}

/// What a peer that refuses a response of several resources has done with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partial {
    /// Applied them: clusters and listeners.
    GoodPartApplied,
    /// Applied them, and they cannot be sent apart: clusters and listeners, state of the world.
    GoodPartAppliedWhole,
    /// Applied some, nobody knows which: every type subscribed by name.
    AnySubsetApplied,
}
