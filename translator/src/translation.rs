//! What a translation comes to.

use std::collections::BTreeMap;
use std::fmt;

use chancery_cache::ResourceSet;

use crate::api::{ObjectId, Status};
use crate::key::ProxyId;
use crate::provenance::{Origin, Provenances};

/// What a world comes to: resources for each proxy, a status for each object that gets one, and what went wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Translation {
    /// What each proxy is to serve.
    pub proxies: BTreeMap<ProxyId, ProxyResources>,
    /// The status of every object that has one from us, without times; see [`merge_status`](crate::merge_status).
    pub statuses: BTreeMap<ObjectId, Status>,
    /// What is wrong with which object. Each is also in its status.
    pub problems: Vec<Problem>,
}

/// What one proxy is to serve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyResources {
    /// The Gateways it serves.
    pub gateways: Vec<ObjectId>,
    /// Its resources.
    pub resources: ResourceSet,
    /// Where each comes from.
    pub provenance: Provenances,
}

/// Something that is wrong with an object, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The reason its status gives, like `BackendNotFound`.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.origin, self.message, self.reason)
    }
}
