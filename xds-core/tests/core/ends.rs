//! How streams and servers end: half-close, reset, a lost connection, age, drain.

use std::time::Duration;

use chancery_core::{End, InsecureAllowEveryone, Limits, Server};
use chancery_protocol::TypeUrl;
use tokio::net::TcpListener;
use tonic::Code;

use crate::client::{Connection, ack, first_delta, first_sotw, framed};
use crate::running::{DEADLINE, DELTA, Running, SOTW, Seen, quick, until};
use crate::world::{World, resource};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

#[tokio::test]
async fn p10_a_half_close_at_any_point_ends_the_stream_cleanly_and_frees_it() {
    let world = World::of_clusters(&["a"]);
    let server = Running::of(&world).await;
    let mut before = server.sotw().await;
    before.half_close();
    assert_eq!(before.end().await.0, Code::Ok);

    let mut after = server.sotw().await;
    after.send(&first_sotw(CLUSTERS, &[]));
    after.next_sotw().await;
    assert_eq!(world.seats(), 1);
    after.half_close();
    assert_eq!(after.end().await.0, Code::Ok);
    assert_eq!(server.log.ends(), [End::HalfClosed, End::HalfClosed]);
    assert_eq!(world.seats(), 0);
    server.stop().await;
}

#[tokio::test]
async fn p10_an_abort_at_any_point_frees_the_stream() {
    let world = World::of([resource(&TypeUrl::CLUSTER, "large", vec![1; 4 << 20])]);
    let server = Running::of(&world).await;
    // Before the first request, in its middle, with a response in flight, and after it was read.
    for stage in 0..4 {
        for cut in ["the stream", "the connection"] {
            let connection = Connection::with_window(server.address, 1 << 16).await;
            let mut stream = connection.stream(DELTA).await;
            let request = framed(&prost::Message::encode_to_vec(&first_delta(CLUSTERS, &[])));
            match stage {
                0 => {}
                1 => stream.send_raw(request.slice(..7)),
                _ => stream.send_raw(request),
            }
            if stage == 2 {
                until("the stream to be seated", || world.seats() == 1).await;
            }
            if stage == 3 {
                stream.next_delta().await;
            }
            let ended = server.log.ends().len();
            match cut {
                "the stream" => drop(stream),
                _ => connection.cut(),
            }
            let end = server.log.next_end(ended).await;
            assert!(matches!(end, End::Lost | End::HalfClosed | End::Truncated), "{cut} at stage {stage}: {end}");
            until("the seat to be free", || world.seats() == 0).await;
        }
    }
    let opened = server.log.count(|seen| matches!(seen, Seen::Opened(_)));
    let closed = server.log.count(|seen| matches!(seen, Seen::Closed(_)));
    assert_eq!((opened, closed), (4, 4));
    server.stop().await;
}

#[tokio::test]
async fn a_drain_ends_streams_as_unavailable_and_sends_no_removal() {
    let world = World::of_clusters(&["a", "b"]);
    let server = Running::of(&world).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = server.delta().await;
        stream.send(&first_delta(CLUSTERS, &[]));
        assert_eq!(stream.next_delta().await.resources.len(), 2);
        streams.push(stream);
    }
    let log = server.log.clone();
    let took = server.stop().await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    for mut stream in streams {
        // `end` fails when any message comes first.
        assert_eq!(stream.end().await, (Code::Unavailable, "the server is draining".into()));
    }
    assert_eq!(log.ends(), vec![End::Draining; 10]);
    assert_eq!(world.seats(), 0);
}

#[tokio::test]
async fn a_drain_is_over_in_time_though_a_peer_reads_nothing() {
    let world = World::of([resource(&TypeUrl::CLUSTER, "large", vec![1; 8 << 20])]);
    let limits = Limits { drain_patience: Duration::from_millis(500), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let connection = Connection::with_window(server.address, 1 << 16).await;
    let stream = connection.stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    until("the response to be sent", || server.log.count(|seen| matches!(seen, Seen::Happened(_))) > 1).await;
    let took = server.stop().await;
    assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(3), "{took:?}");
    connection.closed().await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_connections_nobody_has_used() {
    let server = Running::with_limits(&World::of([]), Limits { drain_patience: DEADLINE, ..quick() }).await;
    // One that says nothing at all, and one that has only greeted.
    let silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let greeted = server.connect().await;
    // The server has seen both when it answers a third.
    let mut third = server.sotw().await;
    third.half_close();
    third.end().await;
    let took = server.stop().await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    greeted.closed().await;
    drop(silent);
}

#[tokio::test]
async fn a_server_that_stops_accepts_nothing_new() {
    let world = World::of_clusters(&["a"]);
    let limits = Limits { drain_window: Duration::from_secs(60), drain_patience: Duration::from_secs(60), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let (address, connection) = (server.address, server.connect().await);
    let mut stream = connection.stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    let response = stream.next_sotw().await;
    let served = server.begin_stop();
    until("the listener to be closed", || std::net::TcpStream::connect(address).is_err()).await;
    let mut late = connection.stream(SOTW).await;
    assert_eq!(late.end().await.0, Code::Unavailable);
    // Whoever is still there is still served.
    stream.send(&ack(&response));
    world.publish([resource(&TypeUrl::CLUSTER, "b", vec![1])]);
    assert_eq!(stream.next_sotw().await.resources[0].value, [1]);
    served.abort();
}

#[tokio::test]
async fn a_connection_of_age_is_told_to_go_and_its_streams_end_as_unavailable() {
    let world = World::of_clusters(&["a"]);
    let limits = Limits { connection_age: Some(Duration::from_millis(200)), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let connection = server.connect().await;
    let mut stream = connection.stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    stream.next_sotw().await;
    assert_eq!(stream.end().await.0, Code::Unavailable);
    assert_eq!(server.log.ends(), [End::Aged]);
    connection.closed().await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_nobody_uses_is_closed() {
    let limits = Limits { handshake_patience: Duration::from_millis(100), ..quick() };
    let server = Running::with_limits(&World::of([]), limits).await;
    server.connect().await.closed().await;
    server.stop().await;
}

#[tokio::test]
async fn routes_in_a_foreign_server_serve_and_drain() {
    let world = World::of_clusters(&["a"]);
    let server = Server::builder(world.clone(), InsecureAllowEveryone).limits(quick()).build().unwrap();
    let drain = server.drain();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let stop = drain.clone();
    let (stopped, stopping) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(
        tonic::transport::Server::builder().add_routes(server.into_routes()).serve_with_incoming_shutdown(
            incoming,
            async move {
                drop(stopping.await);
                stop.start();
            },
        ),
    );
    let mut stream = Connection::open(address).await.stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    assert_eq!(stream.next_sotw().await.resources.len(), 1);
    drop(stopped);
    assert_eq!(stream.end().await.0, Code::Unavailable);
    tokio::time::timeout(DEADLINE, served).await.unwrap().unwrap().unwrap();
}
