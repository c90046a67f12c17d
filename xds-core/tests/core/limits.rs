//! Each limit, at its value and just beyond it.

use std::time::Duration;

use chancery_core::{End, InsecureAllowEveryone, Limits, Rate, Server};
use chancery_protocol::{Settings, TypeUrl};
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use envoy_types::pb::google::protobuf::{Struct, Value, value::Kind};
use prost::Message;
use tokio::time::Instant;
use tonic::Code;

use crate::client::{Connection, first_delta, first_sotw, framed};
use crate::running::{Running, SOTW, Seen, quick, until};
use crate::world::{World, resource};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/// Whether a delta stream that begins with this request is answered, or how it ends.
async fn outcome(server: &Running, request: &DeltaDiscoveryRequest) -> Result<(), (Code, String)> {
    let mut stream = server.delta().await;
    stream.send(request);
    match stream.next_bytes().await {
        Some(_) => Ok(()),
        None => Err(stream.end().await),
    }
}

fn code(outcome: Result<(), (Code, String)>) -> Code {
    outcome.map_or_else(|(code, _)| code, |()| Code::Ok)
}

#[tokio::test]
async fn a_request_may_be_as_large_as_the_limit() {
    let limits = Limits { message_bytes: 50_000, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let mut request = first_delta(CLUSTERS, &["a"]);
    let padding = 50_000 - request.encoded_len();
    request.node.as_mut().unwrap().cluster = "c".repeat(padding - 8);
    while request.encoded_len() < 50_000 {
        request.node.as_mut().unwrap().cluster.push('c');
    }
    assert_eq!(request.encoded_len(), 50_000);
    assert_eq!(outcome(&server, &request).await, Ok(()));
    request.node.as_mut().unwrap().cluster.push('c');
    assert_eq!(code(outcome(&server, &request).await), Code::ResourceExhausted);
    assert_eq!(server.log.ends().last(), Some(&End::MessageTooLarge { announced: 50_001, limit: 50_000 }));
    server.stop().await;
}

#[tokio::test]
async fn buffered_requests_of_all_streams_share_a_budget_that_acknowledgements_do_not_need() {
    let limits = Limits { buffered_request_bytes: 60_000, node_bytes: 100_000, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let mut large = first_delta(CLUSTERS, &["a"]);
    large.node.as_mut().unwrap().cluster = "c".repeat(70_000);
    let wire = framed(&large.encode_to_vec());
    // Nearly all of it: more than half of the budget. Of two that do so one is refused, whichever comes second.
    let (mut hog, mut other) = (server.delta().await, server.delta().await);
    hog.send_raw(wire.slice(..60_000));
    other.send_raw(wire.slice(..60_000));
    let hog_was_late = tokio::select! {
        end = hog.end() => { assert_eq!(end.0, Code::ResourceExhausted); true }
        end = other.end() => { assert_eq!(end.0, Code::ResourceExhausted); false }
    };
    let mut hog = if hog_was_late { other } else { hog };
    assert_eq!(outcome(&server, &first_delta(CLUSTERS, &["a"])).await, Ok(()));
    hog.send_raw(wire.slice(60_000..));
    assert_eq!(hog.next_delta().await.resources.len(), 1);
    // What was drawn has been given back.
    assert_eq!(outcome(&server, &large).await, Ok(()));
    server.stop().await;
}

#[tokio::test]
async fn a_node_may_be_as_large_as_the_limit() {
    let limits = Limits { node_bytes: 1_000, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let request = |size: usize| {
        let text = Value { kind: Some(Kind::StringValue("v".repeat(size))) };
        let mut request = first_delta(CLUSTERS, &["a"]);
        request.node.as_mut().unwrap().metadata = Some(Struct { fields: [("k".to_owned(), text)].into() });
        request
    };
    let fits = (0..1_000).rev().find(|size| request(*size).node.unwrap().metadata.unwrap().encoded_len() == 1_000);
    let fits = fits.unwrap();
    assert_eq!(outcome(&server, &request(fits)).await, Ok(()));
    assert_eq!(code(outcome(&server, &request(fits + 1)).await), Code::ResourceExhausted);
    // What else is kept of a node counts apart from its metadata.
    let named = |size: usize| {
        let mut request = first_delta(CLUSTERS, &["a"]);
        request.node.as_mut().unwrap().id = "i".repeat(size);
        request
    };
    assert_eq!(outcome(&server, &named(1_000)).await, Ok(()));
    assert_eq!(code(outcome(&server, &named(1_001)).await), Code::ResourceExhausted);
    server.stop().await;
}

#[tokio::test]
async fn names_are_limited_per_stream_and_over_all_streams() {
    let world = World::of(["a", "b", "c", "d"].map(|name| resource(&TypeUrl::ENDPOINTS, name, vec![1])));
    let limits = Limits { subscribed_names: 4, ..quick() };
    let settings = Settings { max_names: 3, ..Settings::default() };
    let builder = Server::builder(world, InsecureAllowEveryone).limits(limits).settings(settings);
    let server = Running::start(builder).await;
    assert_eq!(code(outcome(&server, &first_delta(ENDPOINTS, &["a", "b", "c", "d"])).await), Code::ResourceExhausted);
    let mut first = server.delta().await;
    first.send(&first_delta(ENDPOINTS, &["a", "b", "c"]));
    first.next_delta().await;
    let ended = server.log.ends().len();
    let refused = outcome(&server, &first_delta(ENDPOINTS, &["a", "b"])).await;
    assert_eq!(code(refused), Code::ResourceExhausted);
    assert_eq!(server.log.next_end(ended).await, End::BudgetExhausted { budget: "subscribed_names", limit: 4 });
    assert_eq!(outcome(&server, &first_delta(ENDPOINTS, &["a"])).await, Ok(()));
    // One name too many in a later request.
    first.send(&DeltaDiscoveryRequest { node: None, ..first_delta(ENDPOINTS, &["d"]) });
    assert_eq!(first.end().await.0, Code::ResourceExhausted);
    until("all streams to end", || server.log.ends().len() == 4).await;
    assert_eq!(outcome(&server, &first_delta(ENDPOINTS, &["a", "b", "c"])).await, Ok(()));
    server.stop().await;
}

#[tokio::test]
async fn new_streams_over_the_rate_are_told_when_to_come_back() {
    let limits = Limits { new_streams: Rate { per_second: 0.5, burst: 3.0 }, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let connection = server.connect().await;
    for _ in 0..3 {
        let mut stream = connection.stream(SOTW).await;
        stream.send(&first_sotw(CLUSTERS, &[]));
        stream.next_sotw().await;
    }
    let mut refused = connection.stream(SOTW).await;
    assert_eq!(refused.end().await.0, Code::Unavailable);
    let pushback: u64 = refused.headers["grpc-retry-pushback-ms"].to_str().unwrap().parse().unwrap();
    assert!((1..=4_100).contains(&pushback), "{pushback} ms");
    server.stop().await;
}

#[tokio::test]
async fn requests_over_the_rate_are_read_later_and_none_is_lost() {
    let world = World::of((0..20).map(|at| resource(&TypeUrl::ENDPOINTS, &format!("e{at}"), vec![1])));
    let limits = Limits { requests_per_stream: Rate { per_second: 20.0, burst: 10.0 }, ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let mut stream = server.delta().await;
    let started = Instant::now();
    for at in 0..20 {
        let mut request = first_delta(ENDPOINTS, &[&format!("e{at}")]);
        request.node.take_if(|_| at > 0);
        stream.send(&request);
    }
    let mut names = 0;
    while names < 20 {
        names += stream.next_delta().await.resources.len();
    }
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn streams_per_connection_are_limited_by_http2() {
    let limits = Limits { streams_per_connection: 2, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let connection = server.connect().await;
    let (first, _second) = (connection.stream(SOTW).await, connection.stream(SOTW).await);
    // The client knows the limit and waits with the third until another stream has ended.
    let third = connection.stream(SOTW);
    let mut third = std::pin::pin!(third);
    assert!(tokio::time::timeout(Duration::from_millis(100), third.as_mut()).await.is_err());
    drop(first);
    let mut third = third.await;
    third.send(&first_sotw(CLUSTERS, &[]));
    third.next_sotw().await;
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let limits = Limits { connections_per_address: 2, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let (first, second) = (server.connect().await, server.connect().await);
    let _streams = (first.stream(SOTW).await, second.stream(SOTW).await);
    server.connect().await.closed().await;
    drop(_streams);
    first.cut();
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let again = server.connect().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !again.is_closed() {
            break;
        }
        assert!(Instant::now() < deadline, "the place is not given back");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_does_not_come_is_not_waited_for() {
    let limits = Limits { request_patience: Duration::from_millis(150), ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let wire = framed(&first_sotw(CLUSTERS, &[]).encode_to_vec());
    for sent in [0, 3, 10] {
        let mut stream = server.sotw().await;
        if sent > 0 {
            stream.send_raw(wire.slice(..sent));
        }
        assert_eq!(stream.end().await.0, Code::DeadlineExceeded);
    }
    // In mid-stream, nothing has to come; but what has begun must be ended.
    let mut stream = server.sotw().await;
    stream.send_raw(wire.clone());
    stream.next_sotw().await;
    let _ = tokio::time::timeout(Duration::from_millis(300), stream.next_bytes()).await.expect_err("silence is fine");
    stream.send_raw(wire.slice(..10));
    assert_eq!(stream.end().await.0, Code::DeadlineExceeded);
    server.stop().await;
}

#[tokio::test]
async fn a_source_that_is_not_ready_is_waited_for_and_never_served_as_empty() {
    let world = World::unknown();
    let limits = Limits { ready_patience: Duration::from_millis(300), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    assert_eq!(stream.end().await, (Code::Unavailable, "the server is not ready".into()));
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    until("the stream to wait", || server.log.count(|seen| matches!(seen, Seen::Opened(_))) == 2).await;
    world.publish([resource(&TypeUrl::CLUSTER, "a", vec![1])]);
    assert_eq!(stream.next_sotw().await.resources.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let limits = Limits { header_bytes: 2_000, ..quick() };
    let server = Running::with_limits(&World::of_clusters(&["a"]), limits).await;
    let connection = Connection::open(server.address).await;
    let headers = |size: usize| {
        http::HeaderMap::from_iter([(
            http::HeaderName::from_static("padding"),
            http::HeaderValue::from_str(&"p".repeat(size)).unwrap(),
        )])
    };
    let fine = connection.stream_with(SOTW, headers(1_000)).await;
    assert_eq!(fine.status, 200);
    let refused = connection.stream_with(SOTW, headers(3_000)).await;
    assert_eq!(refused.status, 431);
    server.stop().await;
}
