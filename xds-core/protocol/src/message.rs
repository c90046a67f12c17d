//! What sessions take in and give out: discovery requests and responses without their wire form.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{Capabilities, Digest, Listed, Resource, ResourceName, TypeUrl, Version};

/// The number of a response on its stream: unique there, and never compared across streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub u64);

impl Nonce {
    /// The nonce a peer sent back. `None`: not one of ours.
    pub fn parse(text: &str) -> Option<Nonce> {
        text.parse().ok().map(Nonce)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which response a request replies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// None: the peer speaks of its own accord (an empty nonce).
    None,
    /// The response with this nonce, accepted.
    Ack(Nonce),
    /// The response with this nonce, refused, with the peer's words. Told by `error_detail` alone.
    Nack(Nonce, Refusal),
    /// A nonce that is none of ours: another stream's, another server's.
    Foreign,
}

impl Reply {
    /// The response replied to.
    pub fn nonce(&self) -> Option<Nonce> {
        match self {
            Reply::Ack(nonce) | Reply::Nack(nonce, _) => Some(*nonce),
            Reply::None | Reply::Foreign => None,
        }
    }
}

/// A peer's words on why it refused a response (`error_detail`). Untrusted text, cut to a bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC status code the peer gave.
    pub code: i32,
    /// Its message, at most [`Refusal::LONGEST`] bytes of it.
    pub message: Box<str>,
}

impl Refusal {
    /// How much of a peer's message is kept, in bytes.
    pub const LONGEST: usize = 4096;

    /// A refusal in these words, cut to [`Refusal::LONGEST`].
    pub fn new(code: i32, message: &str) -> Refusal {
        let mut end = message.len().min(Self::LONGEST);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        Refusal { code, message: message[..end].into() }
    }
}

/// A state-of-the-world request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SotwRequest {
    /// The type asked for.
    pub type_url: TypeUrl,
    /// What the peer says it holds. `None`: nothing (an empty `version_info`).
    pub version: Option<HeldVersion>,
    /// The names it subscribes to from now on, `*` among them if it said so.
    pub names: Vec<ResourceName>,
    /// The response it replies to.
    pub reply: Reply,
}

/// A version a peer says it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldVersion {
    /// One of our form.
    Known(Version),
    /// Some other server's.
    Foreign,
}

impl HeldVersion {
    /// The version in this text; `None` for an empty one.
    pub fn parse(text: &str) -> Option<HeldVersion> {
        (!text.is_empty()).then(|| Version::parse(text).map_or(HeldVersion::Foreign, HeldVersion::Known))
    }
}

/// A delta request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaRequest {
    /// The type asked for.
    pub type_url: TypeUrl,
    /// Names subscribed from now on, `*` among them if the peer said so.
    pub subscribe: Vec<ResourceName>,
    /// Names no longer subscribed.
    pub unsubscribe: Vec<ResourceName>,
    /// What the peer still holds from an earlier stream, as it came: of a name said twice the last counts. Counts only in the first
    /// request of its type.
    pub initial_versions: Vec<(ResourceName, HeldVersion)>,
    /// The response it replies to.
    pub reply: Reply,
}

/// The resources of a response.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// Whether the response starts from the view's whole wildcard set, in the view's order.
    pub base: Base,
    /// What stands beside the base, or instead of the base's resource of that name (`None`: leaves it out). With
    /// [`Base::Nothing`], the whole content.
    pub listed: Listed,
}

/// What a [`Payload`] starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Nothing: only what is listed.
    Nothing,
    /// Every resource of the view's wildcard set.
    Wildcard,
}

impl Payload {
    /// The resources, in order of their names, given the view the response was made from.
    pub fn resources<'a, V: crate::View>(
        &'a self,
        type_url: &TypeUrl,
        view: &'a V,
    ) -> impl Iterator<Item = &'a Resource> {
        let base = (self.base == Base::Wildcard).then(|| view.iter(type_url)).into_iter().flatten();
        let kept = base.filter(|resource| !resource.on_demand() && !self.listed.has(resource.name()));
        let listed = self.listed.iter().filter_map(|(_, resource)| resource.as_ref());
        merge_by_name(kept, listed)
    }
}

fn merge_by_name<'a>(
    left: impl Iterator<Item = &'a Resource>,
    right: impl Iterator<Item = &'a Resource>,
) -> impl Iterator<Item = &'a Resource> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    core::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(a), Some(b)) if a.name() <= b.name() => left.next(),
        (Some(_), None) => left.next(),
        _ => right.next(),
    })
}

/// How the resources of a response are dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dress {
    /// With their bodies.
    Full,
    /// Name, version and TTL only: a heartbeat.
    Heartbeat,
}

/// A state-of-the-world response, but for the parts the transport adds (`control_plane`).
#[derive(Debug, Clone, PartialEq)]
pub struct SotwResponse {
    /// The type answered.
    pub type_url: TypeUrl,
    /// The version of all the peer should hold of this type afterwards.
    pub version: Version,
    /// The number to reply with.
    pub nonce: Nonce,
    /// The resources.
    pub payload: Payload,
    /// Bodies or heartbeats.
    pub dress: Dress,
    /// What the peer can read: decides on wrappers and TTLs.
    pub capabilities: Capabilities,
    /// Equal for responses with equal resources in equal dress, whoever gets them: what an encoded body is shared by.
    pub content: Digest,
}

/// A delta response, but for the parts the transport adds.
#[derive(Debug, Clone, PartialEq)]
pub struct DeltaResponse {
    /// The type answered.
    pub type_url: TypeUrl,
    /// The version of the view's whole set of this type; for people, clients must not use it.
    pub system_version: Version,
    /// The number to reply with.
    pub nonce: Nonce,
    /// New and changed resources.
    pub payload: Payload,
    /// Names that are gone, or that do not exist.
    pub removed: Vec<ResourceName>,
    /// Names a peer asked for by an alias that resolves to nothing: answered without a resource.
    pub unresolved: Vec<ResourceName>,
    /// Bodies or heartbeats.
    pub dress: Dress,
    /// What the peer can read.
    pub capabilities: Capabilities,
    /// Equal for responses with equal content, whoever gets them: what an encoded body is shared by.
    pub content: Digest,
}

impl SotwRequest {
    /// The first request of a type, for these names.
    pub fn first(type_url: TypeUrl, names: &[&str]) -> SotwRequest {
        let names = names.iter().map(|name| ResourceName::new(name)).collect();
        SotwRequest { type_url, version: None, names, reply: Reply::None }
    }
}

impl DeltaRequest {
    /// The first request of a type, subscribing to these names.
    pub fn first(type_url: TypeUrl, names: &[&str]) -> DeltaRequest {
        DeltaRequest {
            type_url,
            subscribe: names.iter().map(|name| ResourceName::new(name)).collect(),
            unsubscribe: Vec::new(),
            initial_versions: Vec::new(),
            reply: Reply::None,
        }
    }
}

/// A text for people that came from a peer, with control characters replaced: safe to print and to log.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
