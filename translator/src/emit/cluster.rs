//! Backends that are reached alike.

use std::collections::HashMap;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::{
    CircuitBreakers, Cluster, circuit_breakers, cluster,
    cluster::common_lb_config::{LocalityConfigSpecifier, LocalityWeightedLbConfig},
};
use envoy_types::pb::envoy::config::core::v3::{
    HealthStatus, HealthStatusSet, Http1ProtocolOptions, Http2ProtocolOptions, RoutingPriority,
};
use envoy_types::pb::envoy::config::endpoint::v3::{ClusterLoadAssignment, LocalityLbEndpoints};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::{HttpProtocolOptions, http_protocol_options};
use envoy_types::pb::envoy::r#type::v3::Percent;
use envoy_types::pb::google::protobuf;

use super::{endpoints, tls, values};
use crate::ir::{self, Destination, UpstreamProtocol};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// No limit of Envoy's own (1024) on a cluster: that is for a policy to set.
const UNLIMITED: u32 = u32::MAX;
/// Retries that may wait at one time: what keeps a failing backend from being flooded.
const WAITING_RETRIES: u32 = 1024;

pub(super) fn message(cluster: &ir::Cluster) -> Cluster {
    let name = cluster.name.0.to_string();
    let base = Cluster {
        name: name.clone(),
        connect_timeout: values::time(CONNECT_TIMEOUT),
        lb_policy: cluster::LbPolicy::RoundRobin.into(),
        common_lb_config: Some(balancing(cluster)),
        circuit_breakers: Some(limits()),
        ignore_health_on_host_removal: true,
        typed_extension_protocol_options: protocol(cluster.protocol),
        transport_socket: cluster.tls.as_ref().map(|tls| tls::upstream(tls, cluster.protocol)),
        ..Cluster::default()
    };
    match &cluster.destination {
        Destination::Endpoints(endpoints) => Cluster {
            cluster_discovery_type: discovery(cluster::DiscoveryType::Eds),
            eds_cluster_config: Some(cluster::EdsClusterConfig {
                eds_config: Some(values::ads()),
                service_name: endpoints.0.to_string(),
            }),
            ..base
        },
        Destination::Names(names) => Cluster {
            cluster_discovery_type: discovery(cluster::DiscoveryType::StrictDns),
            dns_lookup_family: cluster::DnsLookupFamily::V4Preferred.into(),
            load_assignment: Some(ClusterLoadAssignment {
                cluster_name: name,
                endpoints: vec![LocalityLbEndpoints {
                    lb_endpoints: names.iter().map(|(name, port)| endpoints::member(name, *port)).collect(),
                    ..LocalityLbEndpoints::default()
                }],
                ..ClusterLoadAssignment::default()
            }),
            ..base
        },
    }
}

fn discovery(kind: cluster::DiscoveryType) -> Option<cluster::ClusterDiscoveryType> {
    Some(cluster::ClusterDiscoveryType::Type(kind.into()))
}

/// Without panic: traffic for endpoints that all stand back is not sent to them all. The client of a session reaches its
/// endpoint also while that is leaving.
fn balancing(cluster: &ir::Cluster) -> cluster::CommonLbConfig {
    let reachable = [HealthStatus::Unknown, HealthStatus::Healthy, HealthStatus::Degraded, HealthStatus::Draining];
    let weighted = LocalityConfigSpecifier::LocalityWeightedLbConfig(LocalityWeightedLbConfig {});
    cluster::CommonLbConfig {
        healthy_panic_threshold: Some(Percent { value: 0.0 }),
        override_host_status: cluster
            .sticky
            .then(|| HealthStatusSet { statuses: reachable.into_iter().map(i32::from).collect() }),
        locality_config_specifier: cluster.sticky.then_some(weighted),
        ..cluster::CommonLbConfig::default()
    }
}

fn limits() -> CircuitBreakers {
    let of = |priority: RoutingPriority| circuit_breakers::Thresholds {
        priority: priority.into(),
        max_connections: values::number(UNLIMITED),
        max_pending_requests: values::number(UNLIMITED),
        max_requests: values::number(UNLIMITED),
        max_retries: values::number(WAITING_RETRIES),
        ..circuit_breakers::Thresholds::default()
    };
    CircuitBreakers { thresholds: vec![of(RoutingPriority::Default)], ..CircuitBreakers::default() }
}

fn protocol(protocol: UpstreamProtocol) -> HashMap<String, protobuf::Any> {
    use http_protocol_options::explicit_http_config::ProtocolConfig;
    let protocol = match protocol {
        UpstreamProtocol::Raw => return HashMap::new(),
        UpstreamProtocol::Http1 => ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions::default()),
        UpstreamProtocol::Http2 => ProtocolConfig::Http2ProtocolOptions(Http2ProtocolOptions {
            initial_stream_window_size: values::number(super::connection_manager::STREAM_WINDOW_BYTES),
            initial_connection_window_size: values::number(super::connection_manager::CONNECTION_WINDOW_BYTES),
            ..Http2ProtocolOptions::default()
        }),
    };
    let explicit = http_protocol_options::ExplicitHttpConfig { protocol_config: Some(protocol) };
    let options = HttpProtocolOptions {
        upstream_protocol_options: Some(http_protocol_options::UpstreamProtocolOptions::ExplicitHttpConfig(explicit)),
        ..HttpProtocolOptions::default()
    };
    HashMap::from([(HTTP_OPTIONS.to_owned(), values::any(&options))])
}
