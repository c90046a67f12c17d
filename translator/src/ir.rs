//! What is to be served, in the terms of proxying: the objects are no longer in it, and Envoy's messages not yet.
//!
//! Every reference is resolved, every conflict decided, every default filled in. Lowering makes it,
//! emission turns it into messages without further decisions.

mod backend;
mod chain;
mod route;

pub use backend::{
    Certificate, Cluster, ClusterName, Destination, Endpoint, EndpointName, Endpoints, Locality, SecretBody,
    SecretItem, SecretName, ServerIdentity, TrustedBy, UpstreamProtocol, UpstreamTls,
};
pub use chain::{
    ClientCertificates, Forward, Http, Listener, PlainChain, RouteTable, RouteTableName, Socket, Sockets, Termination,
    TlsAction, TlsChain, Transport, VirtualHost,
};
pub use route::{
    Action, Cors, Edit, HeaderEdits, Match, Mirror, OriginMatch, PathMatch, Redirect, RedirectPath, Retry, Rewrite,
    RewriteHost, RewritePath, Route, Session, SessionStore, Share, TextMatch, Timeouts, ValueMatch, WeightedCluster,
};

/// All that one proxy serves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proxy {
    /// Its sockets, by bound address, port and transport.
    pub listeners: Vec<Listener>,
    /// Its route tables.
    pub route_tables: Vec<RouteTable>,
    /// Where requests and connections go.
    pub clusters: Vec<Cluster>,
    /// Who is behind the clusters.
    pub endpoints: Vec<Endpoints>,
    /// Certificates and authorities.
    pub secrets: Vec<SecretItem>,
}
