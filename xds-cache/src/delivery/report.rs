//! Delivery reports as plain values.

use chancery_protocol::{Identity, Refusal, ResourceName, TypeUrl, Version};

use crate::GroupKey;

/// Where one stream stands with one resource of its view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It acknowledged this version, the present one.
    Acked(Version),
    /// It refused the present version, in these words. When a response of several resources is refused without naming
    /// any, all of them count as refused until the session has narrowed it down.
    Nacked(Refusal),
    /// It wants the resource and has not replied to the present version.
    Pending,
    /// It does not want the resource, there is none, or there is no such stream.
    Unknown,
}

/// What one stream holds.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StreamDelivery {
    /// The stream's number: [`Peer::stream`](chancery_protocol::Peer).
    pub stream: u64,
    /// What the peer calls itself: `node.id`. Not proven.
    pub node: String,
    /// What the transport proved of it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::identity"))]
    pub identity: Identity,
    /// Its group.
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::text"))]
    pub group: GroupKey,
    /// The types it has asked for, in their order on a stream.
    pub types: Vec<TypeDelivery>,
}

/// What one stream holds of one type.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TypeDelivery {
    /// The type.
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::text"))]
    pub type_url: TypeUrl,
    /// Whether it wants the whole wildcard set.
    pub wildcard: bool,
    /// How many names it subscribes to.
    pub names: usize,
    /// How many present resources it wants and has acknowledged.
    pub acked: usize,
    /// How many it has not replied to, removals included.
    pub pending: usize,
    /// The first of those, by name: at most [`TypeDelivery::NAMES_LISTED`].
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::texts"))]
    pub pending_names: Vec<ResourceName>,
    /// Those it refused.
    pub refused: Vec<RefusedResource>,
}

impl TypeDelivery {
    /// How many names a report lists of the pending ones.
    pub const NAMES_LISTED: usize = 100;

    /// Whether nothing is pending and nothing refused.
    pub fn is_settled(&self) -> bool {
        self.pending == 0 && self.refused.is_empty()
    }
}

/// A resource that a stream refused.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RefusedResource {
    /// Its name.
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::text"))]
    pub name: ResourceName,
    /// The version refused, as far as the history can tell.
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::optional_text"))]
    pub version: Option<Version>,
    /// The peer's words. Untrusted text.
    #[cfg_attr(feature = "serde", serde(serialize_with = "plain::refusal"))]
    pub refusal: Refusal,
}

/// On how many streams a commit is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Reach {
    /// Streams looked at.
    pub streams: usize,
    /// Those that hold all they want of it, or something newer.
    pub live: usize,
    /// Those that refuse some resource of the types it changed.
    pub refused: usize,
    /// Those that have yet to reply.
    pub pending: usize,
}

/// How far a stream has come with one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reached {
    Live,
    Refused,
    Pending,
}

impl Reach {
    /// Whether every stream holds it.
    pub fn is_complete(&self) -> bool {
        self.live == self.streams
    }

    pub(crate) fn count(&mut self, reached: Reached) {
        self.streams += 1;
        match reached {
            Reached::Live => self.live += 1,
            Reached::Refused => self.refused += 1,
            Reached::Pending => self.pending += 1,
        }
    }
}

/// How the engine's types look in a serialised report.
#[cfg(feature = "serde")]
mod plain {
    use std::fmt::Display;

    use chancery_protocol::{Identity, Refusal};
    use serde::ser::{SerializeStruct, Serializer};

    pub(super) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn texts<T: Display, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(super) fn optional_text<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn refusal<S: Serializer>(refusal: &Refusal, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Refusal", 2)?;
        fields.serialize_field("code", &refusal.code)?;
        fields.serialize_field("message", &*refusal.message)?;
        fields.end()
    }

    pub(super) fn identity<S: Serializer>(identity: &Identity, serializer: S) -> Result<S::Ok, S::Error> {
        let certificate = identity.certificate.as_ref();
        let mut fields = serializer.serialize_struct("Identity", 4)?;
        fields.serialize_field("address", &identity.address.map(|address| address.to_string()))?;
        fields.serialize_field("uris", &certificate.map(|certificate| &certificate.uris))?;
        fields.serialize_field("dns_names", &certificate.map(|certificate| &certificate.dns_names))?;
        fields.serialize_field("common_name", &certificate.and_then(|certificate| certificate.common_name.as_ref()))?;
        fields.end()
    }
}
