//! Messages written out for one stream alone, with prost: what has to come out of everything that is shared.

use std::collections::BTreeMap;
use std::time::Duration;

use chancery_protocol::sim::{Habits, Upward};
use chancery_protocol::{
    Base, Capabilities, DeltaResponse, Dress, HeldVersion, Payload, Reply, Resource, ResourceName, SotwResponse,
    TypeUrl, View,
};
use envoy_types::pb::envoy::config::core::v3::{ControlPlane, Node};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource as Wrapper,
    ResourceError, ResourceName as WireName,
};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::google::rpc::Status;
use prost::Message;

/// Who the server says it is.
pub(crate) const IDENTIFIER: &str = "simulated";

/// The type of a resource in a wrapper.
pub(crate) const WRAPPER: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";

const NOT_FOUND: i32 = 5;

/// A state-of-the-world response.
pub(crate) fn sotw<V: View>(response: &SotwResponse, view: &V) -> DiscoveryResponse {
    let SotwResponse { type_url, capabilities, dress, .. } = response;
    let in_wrapper = |resource: &Resource| {
        *dress == Dress::Heartbeat || (resource.ttl().is_some() && capabilities.ttl && capabilities.wrapped_in_sotw)
    };
    let in_any = |resource: &Resource| match in_wrapper(resource) {
        true => Any {
            type_url: WRAPPER.to_owned(),
            value: wrapper(resource, *dress, readable_in_sotw(*capabilities)).encode_to_vec(),
        },
        false => any(resource),
    };
    DiscoveryResponse {
        version_info: response.version.to_string(),
        resources: content(type_url, &response.payload, view).iter().map(in_any).collect(),
        type_url: type_url.as_str().to_owned(),
        nonce: response.nonce.to_string(),
        control_plane: control_plane(),
        ..DiscoveryResponse::default()
    }
}

/// A delta response.
pub(crate) fn delta<V: View>(response: &DeltaResponse, view: &V) -> DeltaDiscoveryResponse {
    let DeltaResponse { type_url, capabilities, dress, .. } = response;
    let present = content(type_url, &response.payload, view);
    let present = present.iter().map(|resource| wrapper(resource, *dress, *capabilities));
    let unresolved = response.unresolved.iter().map(|name| {
        let name = name.as_str().to_owned();
        Wrapper { name: name.clone(), aliases: vec![name], ..Wrapper::default() }
    });
    let absent = |name: &ResourceName| ResourceError {
        resource_name: Some(WireName { name: name.as_str().to_owned(), ..WireName::default() }),
        error_detail: Some(Status { code: NOT_FOUND, message: "does not exist".to_owned(), details: Vec::new() }),
    };
    DeltaDiscoveryResponse {
        system_version_info: response.system_version.to_string(),
        resources: present.chain(unresolved).collect(),
        type_url: type_url.as_str().to_owned(),
        removed_resources: texts(&response.removed),
        nonce: response.nonce.to_string(),
        control_plane: control_plane(),
        resource_errors: response.removed.iter().map(absent).collect(),
        ..DeltaDiscoveryResponse::default()
    }
}

/// What a payload says, name by name.
fn content<V: View>(type_url: &TypeUrl, payload: &Payload, view: &V) -> Vec<Resource> {
    let base = view.iter(type_url).filter(|resource| payload.base == Base::Wildcard && !resource.on_demand());
    let mut said: BTreeMap<ResourceName, Resource> = base.map(|one| (one.name().clone(), one.clone())).collect();
    for (name, listed) in &payload.listed {
        match listed {
            Some(resource) => drop(said.insert(name.clone(), resource.clone())),
            None => drop(said.remove(name)),
        }
    }
    said.into_values().collect()
}

fn any(resource: &Resource) -> Any {
    Any { type_url: resource.type_url().as_str().to_owned(), value: resource.body().to_vec() }
}

/// In state of the world a TTL stands in a wrapper, or nowhere; a heartbeat is a wrapper anyway.
fn readable_in_sotw(capabilities: Capabilities) -> Capabilities {
    Capabilities { ttl: capabilities.ttl && capabilities.wrapped_in_sotw, ..capabilities }
}

fn wrapper(resource: &Resource, dress: Dress, capabilities: Capabilities) -> Wrapper {
    let is_full = dress == Dress::Full;
    let seconds = |ttl: Duration| envoy_types::pb::google::protobuf::Duration {
        seconds: ttl.as_secs() as i64,
        nanos: ttl.subsec_nanos() as i32,
    };
    Wrapper {
        name: resource.name().as_str().to_owned(),
        aliases: if is_full { texts(resource.aliases()) } else { Vec::new() },
        version: resource.version().to_string(),
        resource: is_full.then(|| any(resource)),
        ttl: resource.ttl().filter(|_| capabilities.ttl).map(seconds),
        ..Wrapper::default()
    }
}

fn control_plane() -> Option<ControlPlane> {
    Some(ControlPlane { identifier: IDENTIFIER.to_owned() })
}

/// The bytes of a request; the first of a stream says what its client can do.
pub(crate) fn request(request: &Upward, habits: Option<Habits>) -> Vec<u8> {
    let node = habits.map(|habits| Node {
        id: "one".to_owned(),
        client_features: [
            habits.capabilities.ttl.then_some("xds.config.supports-resource-ttl"),
            habits.capabilities.wrapped_in_sotw.then_some("xds.config.supports-resource-in-sotw"),
        ]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect(),
        ..Node::default()
    });
    match request {
        Upward::Sotw(request) => {
            let (response_nonce, error_detail) = reply(&request.reply);
            let message = DiscoveryRequest {
                version_info: request.version.as_ref().map(version).unwrap_or_default(),
                node,
                resource_names: texts(&request.names),
                type_url: request.type_url.as_str().to_owned(),
                response_nonce,
                error_detail,
                ..DiscoveryRequest::default()
            };
            message.encode_to_vec()
        }
        Upward::Delta(request) => {
            let (response_nonce, error_detail) = reply(&request.reply);
            let held = request.initial_versions.iter().map(|(name, held)| (name, held));
            let message = DeltaDiscoveryRequest {
                node,
                type_url: request.type_url.as_str().to_owned(),
                resource_names_subscribe: texts(&request.subscribe),
                resource_names_unsubscribe: texts(&request.unsubscribe),
                initial_resource_versions: held.map(|(name, held)| (name.as_str().to_owned(), version(held))).collect(),
                response_nonce,
                error_detail,
                ..DeltaDiscoveryRequest::default()
            };
            message.encode_to_vec()
        }
    }
}

fn reply(reply: &Reply) -> (String, Option<Status>) {
    match reply {
        Reply::None => (String::new(), None),
        Reply::Foreign => ("foreign".to_owned(), None),
        Reply::Ack(nonce) => (nonce.to_string(), None),
        Reply::Nack(nonce, refusal) => {
            let status = Status { code: refusal.code, message: refusal.message.to_string(), details: Vec::new() };
            (nonce.to_string(), Some(status))
        }
    }
}

fn version(held: &HeldVersion) -> String {
    match held {
        HeldVersion::Known(version) => version.to_string(),
        HeldVersion::Foreign => "foreign".to_owned(),
    }
}

fn texts(names: &[ResourceName]) -> Vec<String> {
    names.iter().map(|name| name.as_str().to_owned()).collect()
}
