//! From a socket to what answers: listeners, their chains, route tables and virtual hosts.

use std::net::IpAddr;
use std::sync::Arc;

use super::backend::{ClusterName, SecretName};
use super::route::{Route, Share};
use crate::provenance::Origin;
use crate::route_tables::TableForm;

/// What a socket carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Transport {
    Tcp,
    Udp,
}

/// Where a listener is bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// The address.
    pub address: IpAddr,
    /// The port that is bound.
    pub port: u16,
    /// What it carries.
    pub transport: Transport,
}

/// The sockets of one listener: the first, and further ones that are served alike.
pub type Sockets = Vec<IpAddr>;

/// One socket and what is behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Where it is bound; its name comes from this.
    pub socket: Socket,
    /// The port clients know, of which redirects speak.
    pub spec_port: u16,
    /// Further addresses it is bound to, on the same port.
    pub further_addresses: Sockets,
    /// What answers on a connection without TLS, if anything does. For UDP: what datagrams meet.
    pub plain: Option<PlainChain>,
    /// What answers on a connection with TLS, each for other server names.
    pub tls: Vec<TlsChain>,
    /// The listeners of Gateways and ListenerSets that are served here.
    pub origins: Vec<Origin>,
}

/// What answers without TLS.
#[derive(Debug, Clone, PartialEq)]
pub enum PlainChain {
    /// HTTP.
    Http(Http),
    /// Whatever comes is forwarded. For a UDP listener: datagrams.
    Forward(Forward),
}

/// What answers on TLS connections for one server name.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsChain {
    /// `shop.example`, `*.example`, or none for every other name.
    pub server_name: Option<Arc<str>>,
    /// What is done.
    pub action: TlsAction,
    /// The listener, or the route, it comes from.
    pub origins: Vec<Origin>,
}

/// What is done with a TLS connection.
#[derive(Debug, Clone, PartialEq)]
pub enum TlsAction {
    /// TLS ends here, and HTTP is inside.
    Https(Termination, Http),
    /// TLS ends here, and what is inside is forwarded.
    Terminate(Termination, Forward),
    /// It is forwarded as it is.
    Passthrough(Forward),
    /// It is closed: nobody serves the name, and no other chain may answer for it.
    Close,
}

/// How TLS ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Termination {
    /// The certificates, of which the client's abilities choose.
    pub certificates: Vec<SecretName>,
    /// What is offered, in order: `h2`, `http/1.1`. Empty for what is not HTTP.
    pub application_protocols: Vec<&'static str>,
    /// What clients must show.
    pub clients: ClientCertificates,
}

/// What clients must show.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientCertificates {
    /// Nothing.
    NotAsked,
    /// A certificate of one of the authorities in this secret.
    Required(SecretName),
    /// They are asked, and let in whatever they show. The secret holds the authorities, if any are known.
    Optional(Option<SecretName>),
}

/// An HTTP connection manager.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Its route table.
    pub routes: RouteTableName,
    /// The form of that.
    pub form: TableForm,
}

/// The name of a route table: made in [`names`](crate::names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteTableName(pub Arc<str>);

/// The hosts and routes of one connection manager.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteTable {
    /// Its name.
    pub name: RouteTableName,
    /// How its hosts are sent.
    pub form: TableForm,
    /// Its hosts, no domain twice.
    pub hosts: Vec<VirtualHost>,
    /// The listeners it belongs to.
    pub origins: Vec<Origin>,
}

/// The routes of one host name.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualHost {
    /// `shop.example`, `*.example` or `*`; it is also what the name comes from.
    pub domain: Arc<str>,
    /// In the order in which they are tried. When none fits: 404.
    pub routes: Vec<Route>,
    /// The listener, and the routes it has its hosts from.
    pub origins: Vec<Origin>,
}

/// Where connections or datagrams are forwarded to.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// The clusters and their shares; a share of the cluster nobody serves ends in a reset.
    pub clusters: Vec<(ClusterName, u32)>,
    /// The rule it comes from.
    pub origins: Vec<Origin>,
}

impl Share {
    /// All of it.
    pub const WHOLE: Share = Share { numerator: 1_000_000 };
}
