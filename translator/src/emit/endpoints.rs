//! Who is behind a cluster, by address.

use envoy_types::pb::envoy::config::core::v3::{self as core, HealthStatus};
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};

use super::values;
use crate::ir::{Endpoints, Locality, Transport};

pub(super) fn message(endpoints: &Endpoints) -> ClusterLoadAssignment {
    ClusterLoadAssignment {
        cluster_name: endpoints.name.0.to_string(),
        endpoints: endpoints.localities.iter().map(locality).collect(),
        ..ClusterLoadAssignment::default()
    }
}

/// A weight of 0 is said by saying none: among weighted localities that one gets nothing, and can still be asked for.
///
/// Endpoints that are leaving stand back only for others of their own service: where all are leaving, they go on.
fn locality(locality: &Locality) -> LocalityLbEndpoints {
    let somebody_stays = locality.endpoints.iter().any(|endpoint| !endpoint.draining);
    let endpoints = locality.endpoints.iter().map(|endpoint| LbEndpoint {
        health_status: match endpoint.draining && somebody_stays {
            true => HealthStatus::Draining.into(),
            false => HealthStatus::Unknown.into(),
        },
        ..member(endpoint.address.ip(), endpoint.address.port())
    });
    LocalityLbEndpoints {
        locality: Some(core::Locality { zone: locality.name.to_string(), ..core::Locality::default() }),
        lb_endpoints: endpoints.collect(),
        load_balancing_weight: Some(locality.weight).filter(|weight| *weight > 0).and_then(values::number),
        ..LocalityLbEndpoints::default()
    }
}

/// An endpoint at an address or name.
pub(super) fn member(address: impl ToString, port: u16) -> LbEndpoint {
    let address = Some(values::address(address, port, Transport::Tcp));
    LbEndpoint {
        host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(Endpoint { address, ..Endpoint::default() })),
        ..LbEndpoint::default()
    }
}
