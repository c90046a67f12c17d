//! What arrives is what was meant, at every size, and equal streams share one encoding.

use std::sync::atomic::Ordering;

use chancery_core::{InsecureAllowEveryone, Server, Sessions};
use chancery_protocol::{
    Base, Capabilities, DeltaSession, Digest, Dress, Event, Moment, Nonce, Payload, Session, Settings, SotwRequest,
    SotwResponse, TypeUrl, View, Violation,
};
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use tokio_stream::StreamExt;

use crate::client::{ack, first_delta, first_sotw};
use crate::running::{Running, quick};
use crate::world::{World, resource};

const SIZES: [usize; 7] = [0, 1, 16 * 1024 - 1, 16 * 1024, 512 * 1024, 1024 * 1024, 5 * 1024 * 1024];

fn body(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31) as u8).collect()
}

#[tokio::test]
async fn a_state_of_the_world_response_arrives_whole_at_every_size() {
    let type_url = TypeUrl::CLUSTER;
    let world = World::of([]);
    let server = Running::of(&world).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(type_url.as_str(), &[]));
    let mut empty = stream.next_sotw().await;
    assert!(empty.resources.is_empty());
    for size in SIZES {
        stream.send(&ack(&empty));
        world.publish([resource(&type_url, "a", body(size)), resource(&type_url, "b", body(3))]);
        let response = stream.next_sotw().await;
        assert_eq!(response.type_url, type_url.as_str());
        assert_eq!(response.version_info.len(), 16);
        let any = |size| envoy_types::pb::google::protobuf::Any { type_url: type_url.to_string(), value: body(size) };
        assert!(response.resources == [any(size), any(3)], "a resource of {size} bytes");
        empty = response;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_delta_response_arrives_whole_at_every_size() {
    let type_url = TypeUrl::ENDPOINTS;
    let world = World::of(SIZES.map(|size| resource(&type_url, &format!("e{size}"), body(size))));
    let server =
        Running::start(Server::builder(world.clone(), InsecureAllowEveryone).identifier("replica-1").limits(quick()))
            .await;
    let mut stream = server.delta().await;
    for (at, size) in SIZES.into_iter().enumerate() {
        let name = format!("e{size}");
        let mut request = first_delta(type_url.as_str(), &[&name]);
        request.node.take_if(|_| at > 0);
        stream.send(&request);
        let response = stream.next_delta().await;
        let [resource] = &response.resources[..] else { panic!("{} resources", response.resources.len()) };
        assert_eq!(resource.name, name);
        assert!(resource.resource.as_ref().unwrap().value == body(size), "a resource of {size} bytes");
        assert_eq!(response.control_plane.unwrap().identifier, "replica-1");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_tonic_client_reads_what_is_framed_by_hand() {
    let world = World::of_clusters(&["a", "b"]);
    let server = Running::of(&world).await;
    let mut client = AggregatedDiscoveryServiceClient::connect(format!("http://{}", server.address)).await.unwrap();
    let requests = tokio_stream::once(first_sotw(TypeUrl::CLUSTER.as_str(), &[])).chain(tokio_stream::pending());
    let mut responses = client.stream_aggregated_resources(requests).await.unwrap().into_inner();
    let response = responses.message().await.unwrap().unwrap();
    assert_eq!(response.resources.len(), 2);
    assert_eq!(response.control_plane, None);
    drop(responses);
    server.stop().await;
}

/// Sends the whole wildcard set once, without looking at the view.
struct Blind(Option<SotwRequest>);

struct BlindSessions;

impl Session for Blind {
    type Request = SotwRequest;
    type Response = SotwResponse;
    fn handle_request(&mut self, _: Moment, request: SotwRequest) -> Result<(), Violation> {
        self.0 = Some(request);
        Ok(())
    }
    fn handle_timeout(&mut self, _: Moment) {}
    fn poll_transmit<V: View>(&mut self, _: Moment, _: &V) -> Option<SotwResponse> {
        Some(SotwResponse {
            type_url: self.0.take()?.type_url,
            version: Digest::EMPTY.version(),
            nonce: Nonce(1),
            payload: Payload { base: Base::Wildcard, listed: Default::default() },
            dress: Dress::Full,
            capabilities: Capabilities::default(),
            content: Digest::from_bytes([1; 32]),
        })
    }
    fn poll_event(&mut self) -> Option<Event> {
        None
    }
    fn poll_timeout(&self) -> Option<Moment> {
        None
    }
}

impl Sessions for BlindSessions {
    type Sotw = Blind;
    type Delta = DeltaSession;
    fn sotw(&self, _: Settings) -> Blind {
        Blind(None)
    }
    fn delta(&self, settings: Settings) -> DeltaSession {
        DeltaSession::new(settings)
    }
}

#[tokio::test]
async fn streams_of_own_sessions_share_one_encoding() {
    let world = World::unknown();
    let picture = world.publish([resource(&TypeUrl::CLUSTER, "a", body(100_000))]);
    let builder = Server::builder(world.clone(), InsecureAllowEveryone).sessions(BlindSessions).limits(quick());
    let server = Running::start(builder).await;
    let mut bodies = Vec::new();
    for _ in 0..5 {
        let mut stream = server.sotw().await;
        stream.send(&first_sotw(TypeUrl::CLUSTER.as_str(), &[]));
        bodies.push(stream.next_sotw().await);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    // One encoding walks through the resources twice: once to measure, once to write.
    assert_eq!(picture.walks.load(Ordering::Relaxed), 2);
    server.stop().await;
}
