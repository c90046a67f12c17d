//! What proxies at the edge hold of every type: listeners that name route tables that name clusters that name endpoints.

use envoy_types::pb::envoy::config::cluster::v3::{Cluster, cluster};
use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ConfigSource, HeaderValue, HeaderValueOption, SocketAddress, address,
    config_source, socket_address,
};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter};
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost, route, route_action, route_match,
};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds, http_connection_manager, http_filter,
};
use envoy_types::pb::google::protobuf::{Any, Duration};
use prost::{Message, Name};

use crate::made::name;

/// The route table all hosts are in, where they are in one.
pub const TABLE: &str = "shops";

/// How many clusters the hosts' routes lead to.
pub const CLUSTERS: usize = 10;

/// A cluster whose endpoints are asked for.
pub fn cluster(number: usize) -> Cluster {
    Cluster {
        name: name(number),
        connect_timeout: Some(Duration { seconds: 1, nanos: 0 }),
        cluster_discovery_type: Some(cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Eds.into())),
        eds_cluster_config: Some(cluster::EdsClusterConfig { eds_config: Some(aggregated()), ..Default::default() }),
        ..Default::default()
    }
}

/// A listener whose routes are asked for.
pub fn listener(number: usize) -> Listener {
    let rds = Rds { config_source: Some(aggregated()), route_config_name: name(number) };
    let router = http_filter::ConfigType::TypedConfig(any(&Router::default()));
    let connections = HttpConnectionManager {
        stat_prefix: "in".into(),
        route_specifier: Some(http_connection_manager::RouteSpecifier::Rds(rds)),
        http_filters: vec![HttpFilter { name: "router".into(), config_type: Some(router), ..Default::default() }],
        ..Default::default()
    };
    let filter =
        Filter { name: "connections".into(), config_type: Some(filter::ConfigType::TypedConfig(any(&connections))) };
    let port = socket_address::PortSpecifier::PortValue(10_000 + (number % 50_000) as u32);
    let socket = SocketAddress { address: "127.0.0.1".into(), port_specifier: Some(port), ..Default::default() };
    Listener {
        name: name(number),
        address: Some(Address { address: Some(address::Address::SocketAddress(socket)) }),
        filter_chains: vec![FilterChain { filters: vec![filter], ..Default::default() }],
        ..Default::default()
    }
}

/// A route table of one host for everything.
pub fn routes(number: usize) -> RouteConfiguration {
    let host = VirtualHost {
        name: "all".into(),
        domains: vec!["*".into()],
        routes: vec![to_cluster(number)],
        ..Default::default()
    };
    RouteConfiguration { name: name(number), virtual_hosts: vec![host], ..Default::default() }
}

/// A host of one route; revisions differ in a header it adds.
pub fn host(number: usize, revision: usize) -> VirtualHost {
    let header = HeaderValue { key: "x-revision".into(), value: revision.to_string(), ..Default::default() };
    let added = HeaderValueOption { header: Some(header), ..Default::default() };
    let route = Route { request_headers_to_add: vec![added], ..to_cluster(number % CLUSTERS) };
    VirtualHost {
        name: host_name(number),
        domains: vec![format!("host-{number:06}.example.com")],
        routes: vec![route],
        ..Default::default()
    }
}

/// The name of a host as a resource of its own: that of the table, and its domain.
pub fn host_name(number: usize) -> String {
    format!("{TABLE}/host-{number:06}.example.com")
}

/// A route table of one host among many tables.
pub fn table_of_one(number: usize, revision: usize) -> RouteConfiguration {
    RouteConfiguration { name: name(number), virtual_hosts: vec![host(number, revision)], ..Default::default() }
}

fn to_cluster(number: usize) -> Route {
    let to = RouteAction {
        cluster_specifier: Some(route_action::ClusterSpecifier::Cluster(name(number))),
        ..Default::default()
    };
    let all = RouteMatch { path_specifier: Some(route_match::PathSpecifier::Prefix("/".into())), ..Default::default() };
    Route { r#match: Some(all), action: Some(route::Action::Route(to)), ..Default::default() }
}

fn aggregated() -> ConfigSource {
    let ads = config_source::ConfigSourceSpecifier::Ads(AggregatedConfigSource::default());
    ConfigSource { resource_api_version: 2, config_source_specifier: Some(ads), ..Default::default() }
}

fn any<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}
