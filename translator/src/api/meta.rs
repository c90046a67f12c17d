//! What every object says of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::{GATEWAY_GROUP, MULTICLUSTER_GROUP};

/// The kinds of objects that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    GatewayClass,
    Gateway,
    ListenerSet,
    HTTPRoute,
    GRPCRoute,
    TLSRoute,
    TCPRoute,
    UDPRoute,
    ReferenceGrant,
    BackendTLSPolicy,
    Service,
    ServiceImport,
    EndpointSlice,
    Secret,
    ConfigMap,
    ClusterTrustBundle,
    Namespace,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 17] = [
        Kind::GatewayClass,
        Kind::Gateway,
        Kind::ListenerSet,
        Kind::HTTPRoute,
        Kind::GRPCRoute,
        Kind::TLSRoute,
        Kind::TCPRoute,
        Kind::UDPRoute,
        Kind::ReferenceGrant,
        Kind::BackendTLSPolicy,
        Kind::Service,
        Kind::ServiceImport,
        Kind::EndpointSlice,
        Kind::Secret,
        Kind::ConfigMap,
        Kind::ClusterTrustBundle,
        Kind::Namespace,
    ];

    /// The kind as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::GatewayClass => "GatewayClass",
            Kind::Gateway => "Gateway",
            Kind::ListenerSet => "ListenerSet",
            Kind::HTTPRoute => "HTTPRoute",
            Kind::GRPCRoute => "GRPCRoute",
            Kind::TLSRoute => "TLSRoute",
            Kind::TCPRoute => "TCPRoute",
            Kind::UDPRoute => "UDPRoute",
            Kind::ReferenceGrant => "ReferenceGrant",
            Kind::BackendTLSPolicy => "BackendTLSPolicy",
            Kind::Service => "Service",
            Kind::ServiceImport => "ServiceImport",
            Kind::EndpointSlice => "EndpointSlice",
            Kind::Secret => "Secret",
            Kind::ConfigMap => "ConfigMap",
            Kind::ClusterTrustBundle => "ClusterTrustBundle",
            Kind::Namespace => "Namespace",
        }
    }

    /// The kind in lower case, as names of resources have it.
    pub(crate) fn lower(self) -> &'static str {
        match self {
            Kind::HTTPRoute => "httproute",
            Kind::GRPCRoute => "grpcroute",
            Kind::TLSRoute => "tlsroute",
            Kind::TCPRoute => "tcproute",
            Kind::UDPRoute => "udproute",
            Kind::ServiceImport => "serviceimport",
            Kind::Service => "service",
            _ => "object",
        }
    }

    /// The API group of the kind; empty for the core group.
    pub fn group(self) -> &'static str {
        match self {
            Kind::ServiceImport => MULTICLUSTER_GROUP,
            Kind::EndpointSlice => "discovery.k8s.io",
            Kind::ClusterTrustBundle => "certificates.k8s.io",
            Kind::Service | Kind::Secret | Kind::ConfigMap | Kind::Namespace => "",
            _ => GATEWAY_GROUP,
        }
    }

    /// The kind of this group and name, of any version.
    pub fn of(group: &str, kind: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|known| known.as_str() == kind && known.group() == group)
    }

    /// Whether objects of the kind live in a namespace.
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Kind::GatewayClass | Kind::Namespace | Kind::ClusterTrustBundle)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which object is meant. Shown as `HTTPRoute shop/cart`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for what lives in none.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectId {
    /// The object of this kind, namespace and name.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> ObjectId {
        ObjectId { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.is_empty() {
            true => write!(f, "{} {}", self.kind, self.name),
            false => write!(f, "{} {}/{}", self.kind, self.namespace, self.name),
        }
    }
}

/// What is read of an object's metadata.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The namespace; empty for what lives in none.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
    /// Grows with every change of the specification.
    pub generation: i64,
    /// When the object was created, as RFC 3339 writes it. Absent sorts last.
    pub creation_timestamp: Option<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// The order in which objects of one kind are served: the oldest first, then by namespace and name.
    pub fn age(&self) -> (bool, &str, &str, &str) {
        let created = self.creation_timestamp.as_deref().unwrap_or_default();
        (created.is_empty(), created, &self.namespace, &self.name)
    }
}
