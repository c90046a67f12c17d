//! What the player says and hears, in the words of a transcript, as messages of either variant.

use std::collections::BTreeMap;

use chancery_protocol::TypeUrl;
use chancery_protocol::sim::transcript::Expectation;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::google::rpc::Status;
use prost::{Message, Name};

use super::content::label;
use crate::{Delta, Dialect, Sotw};

/// One request, whatever its variant; each takes what it has a field for.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) type_url: String,
    pub(super) subscribe: Vec<String>,
    pub(super) unsubscribe: Vec<String>,
    /// All names subscribed (state of the world).
    pub(super) names: Vec<String>,
    pub(super) nonce: String,
    pub(super) version: String,
    pub(super) refusal: Option<Status>,
    pub(super) holds: BTreeMap<String, String>,
    pub(super) node: Option<Node>,
}

/// One response, in the words of a transcript.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) said: Expectation,
    pub(super) type_url: TypeUrl,
    pub(super) version: String,
    pub(super) nonce: String,
    /// The versions of the resources in it, by name (delta).
    pub(super) versions: BTreeMap<String, String>,
}

pub(super) trait Voice: Dialect {
    fn speak(spoken: Spoken) -> Self::Request;
    fn hear(response: Self::Response) -> Heard;
}

impl Voice for Delta {
    fn speak(spoken: Spoken) -> DeltaDiscoveryRequest {
        DeltaDiscoveryRequest {
            node: spoken.node,
            type_url: spoken.type_url,
            resource_names_subscribe: spoken.subscribe,
            resource_names_unsubscribe: spoken.unsubscribe,
            initial_resource_versions: spoken.holds.into_iter().collect(),
            response_nonce: spoken.nonce,
            error_detail: spoken.refusal,
            ..Default::default()
        }
    }

    fn hear(response: DeltaDiscoveryResponse) -> Heard {
        let type_url = TypeUrl::parse(&response.type_url);
        let mut said = Expectation { removed: response.removed_resources, ..silence(&type_url) };
        let mut versions = BTreeMap::new();
        for resource in response.resources {
            match resource.resource {
                Some(ref body) => {
                    versions.insert(resource.name.clone(), resource.version);
                    said.resources.push((resource.name, text(body)));
                }
                None if resource.ttl.is_some() => said.beat(resource.name),
                None => said.unresolved.push(resource.name),
            }
        }
        Heard { said, type_url, version: response.system_version_info, nonce: response.nonce, versions }
    }
}

impl Voice for Sotw {
    fn speak(spoken: Spoken) -> DiscoveryRequest {
        DiscoveryRequest {
            version_info: spoken.version,
            node: spoken.node,
            resource_names: spoken.names,
            type_url: spoken.type_url,
            response_nonce: spoken.nonce,
            error_detail: spoken.refusal,
            ..Default::default()
        }
    }

    fn hear(response: DiscoveryResponse) -> Heard {
        let type_url = TypeUrl::parse(&response.type_url);
        let mut said = silence(&type_url);
        for any in response.resources {
            match unwrapped(&any) {
                Some(Resource { resource: Some(body), .. }) => said.resources.push(named(&body)),
                Some(Resource { name, resource: None, .. }) => said.beat(name),
                None => said.resources.push(named(&any)),
            }
        }
        Heard { said, type_url, version: response.version_info, nonce: response.nonce, versions: BTreeMap::new() }
    }
}

/// The wrapper a state-of-the-world resource with a TTL comes in.
fn unwrapped(any: &Any) -> Option<Resource> {
    let wrapper = any.type_url.rsplit('/').next() == Some(Resource::full_name().as_str());
    wrapper.then(|| Resource::decode(any.value.as_slice()).ok())?
}

fn silence(type_url: &TypeUrl) -> Expectation {
    let type_name = type_url.short().map_or(type_url.as_str(), |short| short).to_owned();
    Expectation { type_name, ..Expectation::default() }
}

fn named(body: &Any) -> (String, String) {
    label(body).unwrap_or_else(|| (format!("not content of a transcript: {}", body.type_url), String::new()))
}

fn text(body: &Any) -> String {
    named(body).1
}

trait Beat {
    fn beat(&mut self, name: String);
}

impl Beat for Expectation {
    fn beat(&mut self, name: String) {
        self.heartbeat = true;
        self.resources.push((name, String::new()));
    }
}
