//! Where requests and connections end up: clusters, endpoints and secrets.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::provenance::Origin;

/// The name of a cluster: made in [`names`](crate::names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(pub Arc<str>);

/// The name of a set of endpoints: made in [`names`](crate::names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName(pub Arc<str>);

/// The name of a secret: made in [`names`](crate::names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(pub Arc<str>);

/// Backends that are reached alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Who is behind it.
    pub destination: Destination,
    /// What they speak.
    pub protocol: UpstreamProtocol,
    /// How TLS to them is made, if it is.
    pub tls: Option<UpstreamTls>,
    /// Whether a client can ask for one endpoint, to stay with it.
    pub sticky: bool,
    /// The backends and policies that shape it.
    pub origins: Vec<Origin>,
}

/// Who is behind a cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// Endpoints by address, sent separately.
    Endpoints(EndpointName),
    /// Names, resolved by the proxy, each with a port.
    Names(Vec<(Arc<str>, u16)>),
}

/// What backends speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpstreamProtocol {
    /// Bytes: TCP, UDP, TLS passed through.
    Raw,
    /// HTTP/1.1. Upgrades to WebSocket go through.
    Http1,
    /// HTTP/2, known beforehand.
    Http2,
}

/// How TLS to backends is made.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamTls {
    /// Who must have signed the backend's certificate.
    pub trusted: TrustedBy,
    /// The server name that is sent.
    pub server_name: String,
    /// The names of which the certificate must carry one.
    pub identities: Vec<ServerIdentity>,
    /// The certificate that is shown.
    pub client_certificate: Option<SecretName>,
}

/// Who must have signed a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedBy {
    /// An authority in this secret.
    Secret(SecretName),
    /// An authority the proxy's system knows.
    System,
}

/// A name a certificate must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ServerIdentity {
    Dns(String),
    Uri(String),
}

/// The endpoints of a service port, or of all services of a sticky rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoints {
    /// Their name.
    pub name: EndpointName,
    /// Them; for a service port, one locality.
    pub localities: Vec<Locality>,
    /// The service and its slices.
    pub origins: Vec<Origin>,
}

/// Endpoints that share a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Locality {
    /// Which service, where there are several; empty otherwise.
    pub name: Arc<str>,
    /// The share, relative to other localities. 0: only for clients that already belong here.
    pub weight: u32,
    /// Sorted, no address twice.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether it is leaving: it keeps what it has, and gets nothing new unless nobody else is there.
    pub draining: bool,
}

/// A secret and what is in it.
#[derive(Clone, PartialEq)]
pub struct SecretItem {
    /// Its name.
    pub name: SecretName,
    /// What is in it.
    pub body: SecretBody,
    /// The object it comes from.
    pub origins: Vec<Origin>,
}

/// What is in a secret.
#[derive(Clone, PartialEq)]
pub enum SecretBody {
    /// A certificate and its key.
    Certificate(Certificate),
    /// Authorities, PEM.
    Authorities(String),
}

/// A certificate chain and its private key, PEM.
#[derive(Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Certificate {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

/// Shows the name alone: what is in a secret is nobody's business.
impl std::fmt::Debug for SecretItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretItem").field("name", &self.name).finish_non_exhaustive()
    }
}
