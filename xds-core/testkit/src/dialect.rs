//! The messages of the two protocol variants, as far as a client that works with either must tell them apart.

use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use prost::Message;

use crate::{Variant, request};

/// One variant's messages. Implemented by [`Delta`] and [`Sotw`].
pub trait Dialect: Send + Sync + 'static {
    /// What a client sends.
    type Request: Message + Default + Clone + 'static;
    /// What a server sends.
    type Response: Message + Default + Clone + 'static;
    /// Which variant this is.
    const VARIANT: Variant;

    /// Puts the node into a request that has none.
    fn introduce(request: &mut Self::Request, node: Node);
    /// The first request of a type: for everything if no names are given and the type allows it.
    fn subscribe(type_url: &TypeUrl, names: &[&str]) -> Self::Request;
    /// The acceptance of a response. `names` are all those subscribed, which only state-of-the-world repeats.
    fn ack(response: &Self::Response, names: &[&str]) -> Self::Request;
    /// The response's type URL.
    fn type_url(response: &Self::Response) -> &str;
    /// The response's nonce.
    fn nonce(response: &Self::Response) -> &str;
    /// How many resources it brings, and how many names it says are gone.
    fn counts(response: &Self::Response) -> (usize, usize);
}

/// Incremental xDS: [`DeltaDiscoveryRequest`] and [`DeltaDiscoveryResponse`].
#[derive(Debug, Clone, Copy)]
pub struct Delta;

/// State of the world: [`DiscoveryRequest`] and [`DiscoveryResponse`].
#[derive(Debug, Clone, Copy)]
pub struct Sotw;

impl Dialect for Delta {
    type Request = DeltaDiscoveryRequest;
    type Response = DeltaDiscoveryResponse;
    const VARIANT: Variant = Variant::Delta;

    fn introduce(request: &mut Self::Request, node: Node) {
        request.node.get_or_insert(node);
    }

    fn subscribe(type_url: &TypeUrl, names: &[&str]) -> Self::Request {
        request::delta(type_url, names, &[])
    }

    fn ack(response: &Self::Response, _names: &[&str]) -> Self::Request {
        request::delta_ack(response)
    }

    fn type_url(response: &Self::Response) -> &str {
        &response.type_url
    }

    fn nonce(response: &Self::Response) -> &str {
        &response.nonce
    }

    fn counts(response: &Self::Response) -> (usize, usize) {
        (response.resources.len(), response.removed_resources.len())
    }
}

impl Dialect for Sotw {
    type Request = DiscoveryRequest;
    type Response = DiscoveryResponse;
    const VARIANT: Variant = Variant::Sotw;

    fn introduce(request: &mut Self::Request, node: Node) {
        request.node.get_or_insert(node);
    }

    fn subscribe(type_url: &TypeUrl, names: &[&str]) -> Self::Request {
        request::sotw(type_url, names)
    }

    fn ack(response: &Self::Response, names: &[&str]) -> Self::Request {
        request::sotw_ack(response, names)
    }

    fn type_url(response: &Self::Response) -> &str {
        &response.type_url
    }

    fn nonce(response: &Self::Response) -> &str {
        &response.nonce
    }

    fn counts(response: &Self::Response) -> (usize, usize) {
        (response.resources.len(), 0)
    }
}
