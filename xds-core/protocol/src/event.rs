//! What happened on a stream, for whoever watches: sources, observers, delivery reports.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::{Epoch, NameSet, Nonce, Refusal, ResourceName, TypeUrl};

/// Something that happened between a session and its peer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The peer wants more, or less, of a type.
    Subscribed {
        /// The type.
        type_url: TypeUrl,
        /// Whether it now wants the whole wildcard set.
        wildcard: bool,
        /// Names it wants from now on (`*` is not among them).
        added: Vec<ResourceName>,
        /// Names it no longer wants.
        removed: Vec<ResourceName>,
        /// All the names it now wants. Of a type whose members are [collected](crate::Traits::collected), those of the
        /// collections it was told of are wanted beside them, and there may be no names at all.
        names: NameSet,
    },
    /// The first request of a type proved that the peer holds, from an earlier stream, all it wants as of this epoch,
    /// but for some names. Nothing is sent for what it holds, so nothing else reports it.
    Held {
        /// The type.
        type_url: TypeUrl,
        /// The view it was compared with.
        epoch: Epoch,
        /// Names of which it holds something else, or perhaps nothing.
        except: Vec<ResourceName>,
    },
    /// A response was handed out.
    Sent {
        /// The type.
        type_url: TypeUrl,
        /// The response's number.
        nonce: Nonce,
        /// The view it was made from.
        epoch: Epoch,
        /// What it told of.
        told: Told,
    },
    /// The peer accepted a response.
    Acked {
        /// The type.
        type_url: TypeUrl,
        /// The response's number.
        nonce: Nonce,
    },
    /// The peer refused a response.
    Nacked {
        /// The type.
        type_url: TypeUrl,
        /// The response's number.
        nonce: Nonce,
        /// Its words.
        refusal: Refusal,
        /// The resources it refused, as far as is known: the ones its words name, or the response's only one. Empty when
        /// the response held several and the words name none; the session then narrows it down.
        culprits: Vec<ResourceName>,
    },
    /// A request replied to a response that is no longer the newest, or never was: it was put aside.
    Stale {
        /// The type.
        type_url: TypeUrl,
    },
    /// The wait for a dependency, or for the end of one, ran out; the resource went ahead without.
    Overdue {
        /// The type of the resource that waited.
        type_url: TypeUrl,
        /// The resource that waited.
        name: ResourceName,
    },
    /// A resource is larger than the configured limit and was not sent.
    Oversized {
        /// The type.
        type_url: TypeUrl,
        /// The resource.
        name: ResourceName,
        /// Its size, in bytes.
        bytes: usize,
    },
    /// The source has not known a subscribed type for too long: the stream must be closed as unavailable (P89).
    Unsynced {
        /// The type.
        type_url: TypeUrl,
    },
    /// The source can no longer tell what changed since the peer was last told, and only the peer knows what it holds:
    /// the stream must be closed as unavailable, so that a new one says.
    HistoryLost {
        /// The type.
        type_url: TypeUrl,
    },
    /// The peer asks for a type this source does not know; it is left unanswered (P5).
    Unknown {
        /// The type.
        type_url: TypeUrl,
    },
    /// The peer has not replied to a response for longer than the configured patience (P69).
    Silent {
        /// The type.
        type_url: TypeUrl,
        /// The response it owes a reply to.
        nonce: Nonce,
    },
}

/// What a response told of.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The whole wildcard set, as of the epoch.
    Everything,
    /// These names, in their order: present ones and removed ones.
    Names(Arc<[ResourceName]>),
    /// That what the peer holds is still alive.
    Heartbeat,
}
