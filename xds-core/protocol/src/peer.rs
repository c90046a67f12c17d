//! Who is at the other end of a stream: what the transport proved, what the peer says of itself, what it was granted.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::TypeUrl;

/// What the transport proved about the peer. Never taken from a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The peer's address.
    pub address: Option<SocketAddr>,
    /// The verified client certificate, if the peer showed one.
    pub certificate: Option<Certificate>,
}

/// The names a verified client certificate carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// URI subject alternative names (a SPIFFE ID is one).
    pub uris: Vec<String>,
    /// DNS subject alternative names.
    pub dns_names: Vec<String>,
    /// The subject's common name.
    pub common_name: Option<String>,
}

/// What the peer says of itself in the first message of a stream. May narrow what it sees, never widen it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// `node.id`.
    pub id: String,
    /// `node.cluster`.
    pub cluster: String,
    /// `node.locality`: region, zone, sub-zone.
    pub locality: [String; 3],
    /// `node.user_agent_name`, with the version where the peer gives one.
    pub user_agent: String,
    /// The scalars of `node.metadata`, keyed by their dotted path.
    pub metadata: BTreeMap<String, String>,
    /// `node.client_features`.
    pub features: BTreeSet<String>,
}

impl Node {
    /// What the peer can do, of what the protocol asks about.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            ttl: self.features.contains("xds.config.supports-resource-ttl"),
            wrapped_in_sotw: self.features.contains("xds.config.supports-resource-in-sotw"),
        }
    }
}

/// What a peer can do, of what the protocol asks about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capabilities {
    /// Understands TTLs and heartbeats.
    pub ttl: bool,
    /// Understands `Resource` wrappers in state-of-the-world responses.
    pub wrapped_in_sotw: bool,
}

/// What an authorizer grants one caller. A view is a function of identity, node and grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// A class the source may group by: a tenant, a fleet. Equal classes may see equal things.
    pub class: Arc<str>,
    /// How long the grant holds; afterwards the stream is authorized anew, or closed. `None`: as long as the connection.
    pub expires_after: Option<Duration>,
    /// The types the peer may ask for. `None`: every type its view holds.
    pub types: Option<Vec<TypeUrl>>,
}

impl Grant {
    /// Everything in the view, for as long as the connection lives.
    pub fn everything() -> Grant {
        Grant::default()
    }

    /// Whether the peer may ask for this type.
    pub fn allows(&self, type_url: &TypeUrl) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(type_url))
    }
}

/// One stream's other end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// A number for this stream, unique in this process.
    pub stream: u64,
    /// What the transport proved.
    pub identity: Identity,
    /// What the peer says of itself.
    pub node: Node,
}
