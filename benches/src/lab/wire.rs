//! Requests as the bytes they are: what a stream asks for, and how it accepts what it gets.

use bytes::{BufMut, Bytes, BytesMut};
use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use http::uri::PathAndQuery;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

/// Which of the two protocols a stream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Delta,
    Sotw,
}

impl Variant {
    /// The aggregated service's method.
    pub(super) fn method(self) -> PathAndQuery {
        PathAndQuery::from_static(match self {
            Variant::Delta => "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
            Variant::Sotw => "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
        })
    }
}

/// A resource a stream says it holds: its name and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: String,
    pub(super) version: String,
}

/// What is asked of one type. Streams share it, and with it the bytes of the requests.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// The first request.
    pub(super) request: Bytes,
    /// How many resources there are to come.
    pub(super) expected: usize,
    pub(super) type_url: TypeUrl,
    /// An acceptance, but for nonce and version.
    acceptance: Bytes,
    variant: Variant,
}

impl Ask {
    /// Asks for these names, or for everything where there are none; `expected` resources are to come.
    pub(super) fn new(
        variant: Variant,
        node: &Node,
        type_url: TypeUrl,
        names: Vec<String>,
        held: &[Held],
        expected: usize,
    ) -> Ask {
        let (node, url) = (Some(node.clone()), type_url.as_str().to_owned());
        let (request, acceptance) = match variant {
            Variant::Delta => {
                let accepted = DeltaDiscoveryRequest { type_url: url.clone(), ..Default::default() };
                let request = DeltaDiscoveryRequest {
                    node,
                    type_url: url,
                    resource_names_subscribe: names,
                    initial_resource_versions: held
                        .iter()
                        .map(|held| (held.name.clone(), held.version.clone()))
                        .collect(),
                    ..Default::default()
                };
                (request.encode_to_vec(), accepted.encode_to_vec())
            }
            Variant::Sotw => {
                // Every request of this variant says all names again.
                let accepted = DiscoveryRequest { type_url: url, resource_names: names, ..Default::default() };
                let request = DiscoveryRequest { node, ..accepted.clone() };
                (request.encode_to_vec(), accepted.encode_to_vec())
            }
        };
        Ask { request: request.into(), expected, type_url, acceptance: acceptance.into(), variant }
    }

    /// The acceptance of a response: its two parts, one behind the other.
    pub(super) fn acceptance(&self, version: &[u8], nonce: &[u8]) -> [Bytes; 2] {
        let mut tail = BytesMut::with_capacity(version.len() + nonce.len() + 8);
        let mut text = |field, text: &[u8]| {
            encode_key(field, WireType::LengthDelimited, &mut tail);
            encode_varint(text.len() as u64, &mut tail);
            tail.put(text);
        };
        match self.variant {
            Variant::Delta => text(6, nonce),
            Variant::Sotw => {
                text(1, version);
                text(5, nonce);
            }
        }
        [self.acceptance.clone(), tail.freeze()]
    }
}
