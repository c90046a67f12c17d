//! Discovery requests as clients write them: the first of a type, acceptance, refusal.

use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::google::rpc::Status;

/// The code clients refuse with: `INVALID_ARGUMENT`.
const INVALID_ARGUMENT: i32 = 3;

/// A node with this id, of cluster `test`.
pub fn node(id: &str) -> Node {
    Node { id: id.to_owned(), cluster: "test".to_owned(), ..Node::default() }
}

/// State of the world: the first request of a type, for these names.
pub fn sotw(type_url: &TypeUrl, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest { type_url: type_url.as_str().to_owned(), resource_names: owned(names), ..Default::default() }
}

/// State of the world: the response was accepted. `names` are the subscribed names from now on, which may be others.
pub fn sotw_ack(response: &DiscoveryResponse, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        version_info: response.version_info.clone(),
        resource_names: owned(names),
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..Default::default()
    }
}

/// State of the world: the response was refused for this reason. `held_version` is that of the last one accepted, or
/// empty.
pub fn sotw_nack(response: &DiscoveryResponse, held_version: &str, names: &[&str], reason: &str) -> DiscoveryRequest {
    DiscoveryRequest {
        version_info: held_version.to_owned(),
        error_detail: Some(refusal(reason)),
        ..sotw_ack(response, names)
    }
}

/// Delta: a request of the client's own accord.
pub fn delta(type_url: &TypeUrl, subscribe: &[&str], unsubscribe: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: type_url.as_str().to_owned(),
        resource_names_subscribe: owned(subscribe),
        resource_names_unsubscribe: owned(unsubscribe),
        ..Default::default()
    }
}

/// Delta: the first request of a type on a new stream, by a client that still holds these names in these versions.
pub fn delta_resume(type_url: &TypeUrl, subscribe: &[&str], held: &[(&str, &str)]) -> DeltaDiscoveryRequest {
    let owned = |&(name, version): &(&str, &str)| (name.to_owned(), version.to_owned());
    let initial_resource_versions = held.iter().map(owned).collect();
    DeltaDiscoveryRequest { initial_resource_versions, ..delta(type_url, subscribe, &[]) }
}

/// Delta: the response was accepted.
pub fn delta_ack(response: &DeltaDiscoveryResponse) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..Default::default()
    }
}

/// Delta: the response was refused for this reason.
pub fn delta_nack(response: &DeltaDiscoveryResponse, reason: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { error_detail: Some(refusal(reason)), ..delta_ack(response) }
}

fn refusal(reason: &str) -> Status {
    Status { code: INVALID_ARGUMENT, message: reason.to_owned(), details: Vec::new() }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
