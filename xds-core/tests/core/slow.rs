//! A peer that does not read: it costs nobody else anything, and not for long.

use std::time::Duration;

use chancery_core::{End, Limits};
use chancery_protocol::TypeUrl;
use tokio::time::{Instant, sleep};

use crate::client::{Connection, ack, first_sotw};
use crate::running::{Running, SOTW, Seen, quick, until};
use crate::world::{World, resource};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

fn sent(server: &Running) -> usize {
    server.log.count(|seen| matches!(seen, Seen::Happened(chancery_protocol::Event::Sent { .. })))
}

#[tokio::test]
async fn a_peer_that_stops_reading_holds_up_nobody_and_is_closed_after_the_deadline() {
    let large = |mark: u8| resource(&TypeUrl::CLUSTER, "large", vec![mark; 4 << 20]);
    let world = World::of([large(0)]);
    let limits = Limits { progress_patience: Duration::from_millis(700), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let connection = Connection::with_window(server.address, 1 << 16).await;
    let stuck = connection.stream(SOTW).await;
    stuck.send(&first_sotw(CLUSTERS, &[]));
    until("the stalled stream to be sent to", || sent(&server) == 1).await;

    let mut reader = server.sotw().await;
    reader.send(&first_sotw(CLUSTERS, &[]));
    for mark in 1..10 {
        let response = reader.next_sotw().await;
        reader.send(&ack(&response));
        world.publish([large(mark)]);
    }
    // The stalled stream was sent one response and skipped all others.
    reader.next_sotw().await;
    assert_eq!(sent(&server), 11);

    let started = Instant::now();
    assert_eq!(server.log.next_end(0).await, End::Stalled);
    assert!(started.elapsed() < Duration::from_secs(3));
    // It does not take its end, either: that costs it the connection.
    connection.closed().await;
    assert_eq!(server.log.ends().len(), 1, "the reader is still there");
    server.stop().await;
}

#[tokio::test]
async fn a_peer_that_reads_slowly_is_not_taken_for_one_that_stopped() {
    let world = World::of([resource(&TypeUrl::CLUSTER, "large", vec![7; 3 << 20])]);
    let limits = Limits { progress_patience: Duration::from_millis(500), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let mut stream = Connection::with_window(server.address, 1 << 16).await.stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    // About 1.5 s for all of it: three times the patience.
    stream.pause_between_reads = Duration::from_millis(8);
    assert_eq!(stream.next_sotw().await.resources[0].value.len(), 3 << 20);
    stream.half_close();
    sleep(Duration::ZERO).await;
    assert_eq!(stream.end().await.0, tonic::Code::Ok);
    assert_eq!(server.log.ends(), [End::HalfClosed]);
    server.stop().await;
}

#[tokio::test]
async fn an_idle_stream_is_not_taken_for_a_stalled_one() {
    let world = World::of_clusters(&["a"]);
    let limits = Limits { progress_patience: Duration::from_millis(100), ..quick() };
    let server = Running::with_limits(&world, limits).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    let response = stream.next_sotw().await;
    stream.send(&ack(&response));
    assert!(tokio::time::timeout(Duration::from_millis(400), stream.next_bytes()).await.is_err());
    world.publish([resource(&TypeUrl::CLUSTER, "b", vec![1])]);
    assert_eq!(stream.next_sotw().await.resources[0].value, [1]);
    server.stop().await;
}
