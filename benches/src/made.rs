//! The resources that are measured: their names, sizes and contents.

use std::collections::HashMap;

use chancery_protocol::Resource;
use chancery_resource::{EncodeError, encode};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::{Address, Metadata, SocketAddress, address, socket_address};
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter};
use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration, VirtualHost};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, http_connection_manager, http_filter,
};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Any, Duration, Struct, Value};
use prost::{Message, Name};

/// The name of the resource with this number.
pub fn name(number: usize) -> String {
    format!("namespace-{:03}/service-{number:06}/8080", number % 100)
}

/// The number of the resource with this name.
pub fn number(name: &[u8]) -> Option<usize> {
    let digits = name.get(NUMBER_AT..name.len().checked_sub("/8080".len())?)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where the number begins in a name.
const NUMBER_AT: usize = "namespace-000/service-".len();

/// The port of the endpoints of revision 0; each revision has the next one.
const FIRST_PORT: usize = 8_000;

/// How many revisions can be told apart by their ports.
pub const REVISIONS: usize = 50_000;

/// The revision of a load assignment whose endpoints have this port.
pub fn revision_of_port(port: u32) -> Option<usize> {
    usize::try_from(port).ok()?.checked_sub(FIRST_PORT)
}

/// A cluster; another revision has other content.
pub fn cluster(number: usize, revision: usize) -> Cluster {
    Cluster {
        name: name(number),
        connect_timeout: Some(Duration { seconds: 1 + revision as i64, nanos: 0 }),
        ..Cluster::default()
    }
}

/// A load assignment of this many endpoints. Ten of them are what the fan-out lab changes.
pub fn endpoints(number: usize, revision: usize, count: usize) -> ClusterLoadAssignment {
    let endpoint = |at: usize| {
        let port = socket_address::PortSpecifier::PortValue((FIRST_PORT + revision % REVISIONS) as u32);
        let text = format!("10.{}.{}.{}", number / 250 % 250, number % 250, at);
        let socket = SocketAddress { address: text, port_specifier: Some(port), ..Default::default() };
        let address = Some(Address { address: Some(address::Address::SocketAddress(socket)) });
        let host = lb_endpoint::HostIdentifier::Endpoint(Endpoint { address, ..Default::default() });
        LbEndpoint { host_identifier: Some(host), ..Default::default() }
    };
    let locality = LocalityLbEndpoints { lb_endpoints: (0..count).map(endpoint).collect(), ..Default::default() };
    ClusterLoadAssignment { cluster_name: name(number), endpoints: vec![locality], ..Default::default() }
}

/// A listener with messages nested in messages: a connection manager, its routes inline, metadata in maps.
pub fn listener(number: usize, routes: usize) -> Listener {
    let route = |at: usize| Route {
        name: format!("route-{at}"),
        metadata: Some(Metadata {
            filter_metadata: HashMap::from([
                ("z.owner".to_owned(), structure(&[("team", "shop"), ("cost", "low"), ("id", "7")])),
                ("a.origin".to_owned(), structure(&[("file", "routes.yaml"), ("line", "12")])),
            ]),
            ..Default::default()
        }),
        ..Default::default()
    };
    let host = VirtualHost {
        name: "all".into(),
        domains: vec!["*".into()],
        routes: (0..routes).map(route).collect(),
        ..Default::default()
    };
    let inline = RouteConfiguration { name: name(number), virtual_hosts: vec![host], ..Default::default() };
    let router = http_filter::ConfigType::TypedConfig(any(&Router::default()));
    let connections = HttpConnectionManager {
        stat_prefix: "in".into(),
        route_specifier: Some(http_connection_manager::RouteSpecifier::RouteConfig(inline)),
        http_filters: vec![HttpFilter { name: "router".into(), config_type: Some(router), ..Default::default() }],
        ..Default::default()
    };
    let filter =
        Filter { name: "connections".into(), config_type: Some(filter::ConfigType::TypedConfig(any(&connections))) };
    Listener {
        name: name(number),
        filter_chains: vec![FilterChain { filters: vec![filter], ..Default::default() }],
        ..Default::default()
    }
}

fn structure(fields: &[(&str, &str)]) -> Struct {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    Struct { fields: fields.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect() }
}

fn any<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

/// What is measured, as a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Clusters, usually asked for all at once.
    Cluster,
    /// Load assignments, always asked for by name.
    Endpoints,
}

impl Measured {
    /// The resource with this number.
    ///
    /// # Errors
    /// None, for what is made here.
    pub fn resource(self, number: usize, revision: usize) -> Result<Resource, EncodeError> {
        match self {
            Measured::Cluster => encode(&cluster(number, revision)),
            Measured::Endpoints => encode(&endpoints(number, revision, 10)),
        }
    }
}
