//! Clusters, and whether they have anybody to send a request to.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, HealthStatus};
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use serde::Serialize;

/// Whether a cluster can take requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "standing")]
pub enum Standing {
    /// No cluster of this name is among the resources.
    Missing,
    /// It has no endpoints that are not said to be unhealthy: Envoy answers 503.
    Empty,
    /// It has endpoints.
    Ready {
        /// The first of them, up to 16, as `address:port`.
        endpoints: Vec<String>,
        /// How many there are.
        total: usize,
    },
    /// Its endpoints are not among the resources: they come from DNS, or from elsewhere.
    Elsewhere {
        /// Where from.
        from: String,
    },
}

/// A cluster a request goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// Its name.
    pub cluster: String,
    /// Whether it can take requests.
    #[serde(flatten)]
    pub standing: Standing,
}

/// All clusters by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clusters(HashMap<String, Standing>);

const SHOWN: usize = 16;

impl Clusters {
    pub(crate) fn new(clusters: &[Cluster], assignments: &[ClusterLoadAssignment]) -> Clusters {
        let by_name: HashMap<&str, &ClusterLoadAssignment> =
            assignments.iter().map(|assignment| (assignment.cluster_name.as_str(), assignment)).collect();
        Clusters(clusters.iter().map(|cluster| (cluster.name.clone(), standing(cluster, &by_name))).collect())
    }

    pub(crate) fn upstream(&self, name: &str) -> Upstream {
        Upstream { cluster: name.to_owned(), standing: self.0.get(name).cloned().unwrap_or(Standing::Missing) }
    }
}

fn standing(cluster: &Cluster, assignments: &HashMap<&str, &ClusterLoadAssignment>) -> Standing {
    let elsewhere = |from: &str| Standing::Elsewhere { from: from.to_owned() };
    let kind = match &cluster.cluster_discovery_type {
        Some(ClusterDiscoveryType::ClusterType(kind)) => return elsewhere(&kind.name),
        Some(ClusterDiscoveryType::Type(kind)) => DiscoveryType::try_from(*kind).unwrap_or(DiscoveryType::Static),
        None => DiscoveryType::Static,
    };
    match kind {
        DiscoveryType::Static => cluster.load_assignment.as_ref().map_or(Standing::Empty, of_assignment),
        DiscoveryType::Eds => {
            let service = cluster.eds_cluster_config.as_ref().map(|eds| eds.service_name.as_str()).unwrap_or_default();
            let name = if service.is_empty() { &cluster.name } else { service };
            assignments.get(name).map_or(Standing::Empty, |assignment| of_assignment(assignment))
        }
        DiscoveryType::StrictDns | DiscoveryType::LogicalDns => elsewhere("DNS"),
        DiscoveryType::OriginalDst => elsewhere("the connection's original destination"),
    }
}

fn of_assignment(assignment: &ClusterLoadAssignment) -> Standing {
    let mut endpoints = Vec::new();
    let mut total = 0;
    for endpoint in assignment.endpoints.iter().flat_map(|locality| &locality.lb_endpoints) {
        let health = HealthStatus::try_from(endpoint.health_status).unwrap_or(HealthStatus::Unknown);
        if matches!(health, HealthStatus::Unhealthy | HealthStatus::Draining | HealthStatus::Timeout) {
            continue;
        }
        total += 1;
        if endpoints.len() < SHOWN {
            endpoints.push(match &endpoint.host_identifier {
                Some(HostIdentifier::Endpoint(endpoint)) => shown(endpoint.address.as_ref()),
                Some(HostIdentifier::EndpointName(name)) => name.clone(),
                None => "without an address".to_owned(),
            });
        }
    }
    if total == 0 { Standing::Empty } else { Standing::Ready { endpoints, total } }
}

fn shown(address: Option<&Address>) -> String {
    match address.and_then(|address| address.address.as_ref()) {
        Some(AddressKind::SocketAddress(socket)) => match &socket.port_specifier {
            Some(PortSpecifier::PortValue(port)) if socket.address.contains(':') => {
                format!("[{}]:{port}", socket.address)
            }
            Some(PortSpecifier::PortValue(port)) => format!("{}:{port}", socket.address),
            Some(PortSpecifier::NamedPort(port)) => format!("{}:{port}", socket.address),
            None => socket.address.clone(),
        },
        Some(AddressKind::Pipe(pipe)) => pipe.path.clone(),
        Some(AddressKind::EnvoyInternalAddress(_)) => "an internal listener".to_owned(),
        None => "without an address".to_owned(),
    }
}
