//! One name of which the peer may hold something else than the view: what it was told, what is on its way, what it refused.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{Digest, HeldVersion, Moment, Nonce, Resource};

/// What the peer holds under one name.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// Nothing.
    Lacks,
    /// This.
    Holds(Resource),
    /// Something an earlier stream left it with, known by version only.
    Version(HeldVersion),
    /// One of these, or nothing: it refused a response that told of several.
    Unsure(Vec<Resource>),
}

impl Told {
    /// Whether the peer certainly holds something under the name.
    pub(crate) fn holds_something(&self) -> bool {
        matches!(self, Told::Holds(_) | Told::Version(_))
    }

    /// What the peer certainly holds, if it is known.
    pub(crate) fn held(&self) -> Option<&Resource> {
        match self {
            Told::Holds(resource) => Some(resource),
            Told::Lacks | Told::Version(_) | Told::Unsure(_) => None,
        }
    }

    pub(super) fn into_candidates(self) -> Vec<Resource> {
        match self {
            Told::Lacks | Told::Version(_) => Vec::new(),
            Told::Holds(resource) => alloc::vec![resource],
            Told::Unsure(candidates) => candidates,
        }
    }
}

/// A response on its way: what it said of one name.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) nonce: Nonce,
    /// `None`: that it is gone.
    pub(crate) content: Option<Resource>,
}

/// Content the peer refused, and is not sent again unless it changes. Boxed: it is rare, and each of many streams may have an exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// None.
    No,
    /// This content, and it alone was at fault. `None`: the removal.
    Alone(Option<Box<Digest>>),
    /// This content, among others, in a variant that cannot narrow it down.
    Among(Option<Box<Digest>>),
}

/// One name of which the peer may hold something else than the view at the anchor.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    pub(crate) told: Told,
    pub(crate) sent: Option<Sent>,
    /// What the peer is to hold, as of the anchor.
    pub(crate) desired: Option<Resource>,
    pub(crate) refused: Refused,
    /// Whether an answer is owed, whatever the peer holds.
    pub(super) owed: bool,
    /// Suspects of one refused response, sent apart from others to find the one at fault.
    pub(crate) batch: Option<u32>,
    /// When this became due.
    pub(crate) since: Moment,
    /// Since when nothing the peer holds names this resource; for removals.
    pub(crate) free_since: Option<Moment>,
}

/// What has to be said about a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Need<'a> {
    /// Nothing, and nothing remains to be remembered.
    Settled,
    /// Nothing for now: a reply is due, or the content was refused.
    Waiting,
    /// What it is now.
    Tell(&'a Resource),
    /// That it is gone, or does not exist.
    Remove,
}

impl Exception {
    pub(super) fn new(now: Moment, told: Told, desired: Option<Resource>) -> Exception {
        Exception {
            told,
            sent: None,
            desired,
            refused: Refused::No,
            owed: false,
            batch: None,
            since: now,
            free_since: None,
        }
    }

    /// Whether an answer is owed, whatever the peer holds.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed
    }

    /// Whether the peer has refused nothing of late under this name.
    pub(crate) fn is_welcome(&self) -> bool {
        self.refused == Refused::No && self.batch.is_none()
    }

    /// Whether word is on its way that the resource is gone.
    pub(crate) fn is_leaving(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.content.is_none())
    }

    /// What has to be said, when an answer is not owed anyway.
    pub(crate) fn need(&self) -> Need<'_> {
        if self.sent.is_some() {
            return Need::Waiting;
        }
        if let Refused::Alone(content) | Refused::Among(content) = &self.refused
            && content.as_deref() == self.desired.as_ref().map(Resource::digest)
        {
            return Need::Waiting;
        }
        match (&self.told, &self.desired) {
            // A peer that refused what it was told still waits for an answer it can use: that there is nothing.
            (Told::Lacks, None) if self.refused == Refused::No => Need::Settled,
            (Told::Holds(held), Some(desired)) if satisfied(held, desired) => Need::Settled,
            (Told::Version(HeldVersion::Known(held)), Some(desired)) if *held == desired.version() => Need::Settled,
            (_, Some(desired)) => Need::Tell(desired),
            (_, None) => Need::Remove,
        }
    }
}

/// The same content; and a TTL, once given, does not outlive its removal.
fn satisfied(held: &Resource, desired: &Resource) -> bool {
    held.same_content(desired) && (held.ttl().is_none() || desired.ttl().is_some())
}
