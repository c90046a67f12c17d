//! One resource, encoded once and shared by everybody who serves it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use crate::{Digest, ResourceName, TypeUrl, Version};

/// That one resource names another: a route names a cluster, a cluster names its endpoints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The type of the resource named.
    pub type_url: TypeUrl,
    /// Its name. For a collected type (VHDS) the name of the collection.
    pub name: ResourceName,
}

/// A resource as the engine sees it: a name, canonical bytes, their version, and what else it names.
///
/// Immutable, and cheap to clone. The engine never looks into the bytes; `chancery-resource` is the one place that makes
/// them, so that equal content has equal bytes. Equality compares identity and content (type, name, digest, TTL).
#[derive(Clone)]
pub struct Resource(Arc<Made>);

struct Made {
    parts: Parts,
    /// Kept: a peer that comes back names thousands, each of which is compared.
    version: Version,
}

/// What a [`Resource`] is made of.
#[derive(Clone)]
pub struct Parts {
    /// The resource's type.
    pub type_url: TypeUrl,
    /// The canonical name.
    pub name: ResourceName,
    /// The canonical encoding of the message: the `value` of its `Any`.
    pub body: Bytes,
    /// A collision-resistant hash over type, name, body and aliases.
    pub digest: Digest,
    /// How long a peer keeps the resource without hearing of it again. Not part of the content.
    pub ttl: Option<Duration>,
    /// The resources this one names and a peer gets from the same server, sorted, without duplicates.
    pub references: Vec<Reference>,
    /// Other names a peer may ask for this resource by.
    pub aliases: Vec<ResourceName>,
    /// Served only to a peer that asks for it by name: not part of the wildcard set.
    pub on_demand: bool,
    /// Where the resource came from (`routes.yaml:12`), for messages to people; never sent, not part of the content.
    pub origin: Option<Box<str>>,
}

impl Resource {
    /// The resource made of these parts. Sorts the references.
    ///
    /// This is the low-level door. Use `chancery_resource::encode`, which computes body, digest and references.
    pub fn from_parts(mut parts: Parts) -> Resource {
        parts.references.sort_unstable();
        parts.references.dedup();
        let version = parts.digest.version();
        Resource(Arc::new(Made { parts, version }))
    }

    /// The resource's type.
    pub fn type_url(&self) -> &TypeUrl {
        &self.0.parts.type_url
    }

    /// The canonical name.
    pub fn name(&self) -> &ResourceName {
        &self.0.parts.name
    }

    /// The canonical encoding of the message.
    pub fn body(&self) -> &Bytes {
        &self.0.parts.body
    }

    /// The hash of name and content.
    pub fn digest(&self) -> &Digest {
        &self.0.parts.digest
    }

    /// The content version sent on the wire.
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// How long a peer keeps the resource without hearing of it again.
    pub fn ttl(&self) -> Option<Duration> {
        self.0.parts.ttl
    }

    /// The resources this one names, sorted.
    pub fn references(&self) -> &[Reference] {
        &self.0.parts.references
    }

    /// Other names a peer may ask for this resource by.
    pub fn aliases(&self) -> &[ResourceName] {
        &self.0.parts.aliases
    }

    /// Whether the resource is served only when asked for by name.
    pub fn on_demand(&self) -> bool {
        self.0.parts.on_demand
    }

    /// Where the resource came from, for messages to people.
    pub fn origin(&self) -> Option<&str> {
        self.0.parts.origin.as_deref()
    }

    /// A copy of the parts, to make a changed resource of.
    pub fn to_parts(&self) -> Parts {
        self.0.parts.clone()
    }

    /// Whether a peer that holds `other` holds this content too. TTLs do not count.
    pub fn same_content(&self, other: &Resource) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.parts.digest == other.0.parts.digest
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.parts.digest == other.0.parts.digest
                && self.0.parts.ttl == other.0.parts.ttl
                && self.0.parts.on_demand == other.0.parts.on_demand
                && self.0.parts.name == other.0.parts.name
                && self.0.parts.type_url == other.0.parts.type_url)
    }
}

impl Eq for Resource {}

/// Names and sizes only: a resource may be a secret.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}/{}@{} ({} bytes)",
            self.0.parts.type_url,
            self.0.parts.name,
            self.version(),
            self.0.parts.body.len()
        )
    }
}
