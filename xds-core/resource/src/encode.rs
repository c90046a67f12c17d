//! From a message to a [`Resource`]: the one place where a resource gets its bytes, its name and its digest.

use std::time::Duration;

use bytes::Bytes;
use chancery_protocol::{Digest, Parts, Resource, ResourceName, TypeUrl};
use prost_reflect::{DynamicMessage, ReflectMessage};

use crate::canonical::{Malformed, canonicalize};
use crate::references::references;
use crate::wire::{WireType, push_delimited_tag, push_varint, read_slot};

/// Why no resource could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The message says no name, and none was given.
    #[error("a resource of type {type_url} needs a name: give one with `Draft::name`, or fill the message's own name")]
    Nameless {
        /// The type of the message.
        type_url: TypeUrl,
    },
    /// The bytes are not an encoding of the type.
    #[error("not a valid {type_url}: {cause}")]
    Malformed {
        /// The type the bytes are said to have.
        type_url: TypeUrl,
        /// What is wrong with them.
        cause: Malformed,
    },
}

/// A resource in the making: a message, encoded canonically, and what is to be said about it.
///
/// ```
/// use std::time::Duration;
/// use chancery_resource::Draft;
/// use envoy_types::pb::envoy::config::cluster::v3::Cluster;
///
/// let cluster = Cluster { name: "shop".into(), ..Default::default() };
/// let resource = Draft::new(&cluster)?.ttl(Duration::from_secs(30)).origin("clusters.yaml:3").encode()?;
/// assert_eq!(resource.name().as_str(), "shop");
/// assert_eq!(resource.ttl(), Some(Duration::from_secs(30)));
/// # Ok::<(), chancery_resource::EncodeError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a draft is no resource until `encode` is called"]
pub struct Draft {
    type_url: TypeUrl,
    body: Vec<u8>,
    name: Option<ResourceName>,
    aliases: Vec<ResourceName>,
    ttl: Option<Duration>,
    on_demand: bool,
    origin: Option<Box<str>>,
}

impl Draft {
    /// A draft of this message; its type is the message's own.
    ///
    /// # Errors
    /// [`EncodeError::Malformed`] when an `Any` within does not hold what its type URL says.
    pub fn new<M: prost::Message + prost::Name>(message: &M) -> Result<Draft, EncodeError> {
        Draft::typed(TypeUrl::of_message(&M::full_name()), &message.encode_to_vec())
    }

    /// A draft of a message that is already encoded, in any order, as the `value` of an `Any` of this type.
    ///
    /// A type without descriptors is taken as it is: its bytes are the caller's to keep stable, and it needs a name.
    ///
    /// # Errors
    /// [`EncodeError::Malformed`] when the bytes do not decode as their type.
    pub fn from_any(type_url: &str, value: &[u8]) -> Result<Draft, EncodeError> {
        Draft::typed(TypeUrl::parse(type_url), value)
    }

    /// A draft of a message known by reflection only.
    ///
    /// # Errors
    /// [`EncodeError::Malformed`] when an `Any` within does not hold what its type URL says.
    pub fn from_dynamic(message: &DynamicMessage) -> Result<Draft, EncodeError> {
        let type_url = TypeUrl::of_message(message.descriptor().full_name());
        Draft::typed(type_url, &prost::Message::encode_to_vec(message))
    }

    fn typed(type_url: TypeUrl, bytes: &[u8]) -> Result<Draft, EncodeError> {
        match canonicalize(type_url.message_name(), bytes) {
            Ok(body) => {
                Ok(Draft { type_url, body, name: None, aliases: Vec::new(), ttl: None, on_demand: false, origin: None })
            }
            Err(cause) => Err(EncodeError::Malformed { type_url, cause }),
        }
    }

    /// Names the resource, instead of the name the message says.
    pub fn name(mut self, name: impl AsRef<str>) -> Draft {
        self.name = Some(ResourceName::new(name.as_ref()));
        self
    }

    /// How long a peer keeps the resource without hearing of it again. Not part of the content.
    pub fn ttl(mut self, ttl: Duration) -> Draft {
        self.ttl = Some(ttl);
        self
    }

    /// Adds a name a peer may ask for this resource by.
    pub fn alias(mut self, alias: impl AsRef<str>) -> Draft {
        self.aliases.push(ResourceName::new(alias.as_ref()));
        self
    }

    /// Serves the resource only to a peer that asks for it by name.
    pub fn on_demand(mut self) -> Draft {
        self.on_demand = true;
        self
    }

    /// Where the resource comes from (`routes.yaml:12`), for messages to people. Never sent.
    pub fn origin(mut self, origin: impl AsRef<str>) -> Draft {
        self.origin = Some(origin.as_ref().into());
        self
    }

    /// Puts messages that are encoded canonically already into the body at this byte, as the values of a repeated field: a
    /// message of many parts can be made anew from its parts when one of them has changed.
    ///
    /// The result is canonical when the field's number is greater than those before the byte, and less than those after it.
    ///
    /// ```
    /// use chancery_resource::Draft;
    /// use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
    ///
    /// let host = VirtualHost { name: "shop".into(), ..Default::default() };
    /// let whole = RouteConfiguration { name: "r".into(), virtual_hosts: vec![host.clone()], ..Default::default() };
    /// let empty = Draft::new(&RouteConfiguration { name: "r".into(), ..Default::default() })?;
    /// let end = empty.body().len();
    /// let assembled = empty.with_repeated(end, 2, [Draft::new(&host)?.body()].into_iter());
    /// assert_eq!(assembled.encode()?, chancery_resource::encode(&whole)?);
    /// # Ok::<(), chancery_resource::EncodeError>(())
    /// ```
    ///
    /// # Panics
    /// When the byte is beyond the end of the body.
    pub fn with_repeated<'a>(mut self, at: usize, field: u32, parts: impl Iterator<Item = &'a [u8]>) -> Draft {
        let rest = self.body.split_off(at);
        for part in parts {
            push_delimited_tag(&mut self.body, field);
            push_varint(&mut self.body, part.len() as u64);
            self.body.extend_from_slice(part);
        }
        self.body.extend_from_slice(&rest);
        self
    }

    /// The type of the message.
    pub fn type_url(&self) -> &TypeUrl {
        &self.type_url
    }

    /// The canonical encoding of the message.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The canonical encoding of the message, for one who puts it elsewhere.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The resource.
    ///
    /// # Errors
    /// [`EncodeError::Nameless`] when no name was given and the message has none.
    pub fn encode(self) -> Result<Resource, EncodeError> {
        let name = match self.name.filter(|name| !name.as_str().is_empty()) {
            Some(name) => name,
            None => match name_of(&self.type_url, &self.body) {
                Some(name) => ResourceName::new(name),
                None => return Err(EncodeError::Nameless { type_url: self.type_url }),
            },
        };
        let mut aliases = self.aliases;
        aliases.retain(|alias| *alias != name && !alias.as_str().is_empty());
        aliases.sort_unstable();
        aliases.dedup();
        let digest = digest(&self.type_url, &name, &aliases, &self.body);
        Ok(Resource::from_parts(Parts {
            references: references(&self.type_url, &self.body),
            type_url: self.type_url,
            name,
            body: Bytes::from(self.body),
            digest,
            ttl: self.ttl,
            aliases,
            on_demand: self.on_demand,
            origin: self.origin,
        }))
    }
}

/// The resource this message is, named as the message says.
///
/// # Errors
/// [`EncodeError::Nameless`] for a message without a name of its own (give one through [`Draft::name`]), and
/// [`EncodeError::Malformed`] for one with an `Any` that does not hold what its type URL says.
///
/// ```
/// use envoy_types::pb::envoy::config::cluster::v3::Cluster;
/// let resource = chancery_resource::encode(&Cluster { name: "shop".into(), ..Default::default() })?;
/// assert_eq!(resource.type_url(), &chancery_protocol::TypeUrl::CLUSTER);
/// # Ok::<(), chancery_resource::EncodeError>(())
/// ```
pub fn encode<M: prost::Message + prost::Name>(message: &M) -> Result<Resource, EncodeError> {
    Draft::new(message)?.encode()
}

/// The name a message of this type says, read from its encoding. `None` for a type whose messages say no name, and for an
/// empty name.
pub fn name_of<'a>(type_url: &TypeUrl, body: &'a [u8]) -> Option<&'a str> {
    // Each of these messages keeps its name in field 1.
    let named = matches!(type_url.short()?, "sds" | "cds" | "eds" | "ecds" | "lds" | "srds" | "rds" | "vhds" | "rtds");
    let mut at = 0;
    let mut name = None;
    while let (true, Some(slot)) = (named && at < body.len(), read_slot(body, at)) {
        if slot.number == 1 && slot.wire_type == WireType::Delimited {
            name = std::str::from_utf8(&body[slot.payload..slot.end]).ok();
        } else if slot.number > 1 && name.is_some() {
            break;
        }
        at = slot.end;
    }
    name.filter(|name| !name.is_empty())
}

/// BLAKE3 over everything a peer could tell apart, each part behind its length.
fn digest(type_url: &TypeUrl, name: &ResourceName, aliases: &[ResourceName], body: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(b"chancery resource 1");
    part(type_url.as_str().as_bytes());
    part(name.as_str().as_bytes());
    part(body);
    for alias in aliases {
        part(alias.as_str().as_bytes());
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}
