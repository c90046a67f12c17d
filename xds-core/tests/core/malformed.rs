//! Every malformed request of P1 to P10 gets its documented status, and another stream of the server notices nothing.

use chancery_protocol::{TypeUrl, Violation};
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, ResourceLocator};
use prost::Message;
use tonic::Code;

use crate::client::{Stream, ack, first_delta, first_sotw, framed};
use crate::running::{DELTA, Running, SOTW};
use crate::world::{World, resource};

const CDS: &str = "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters";
const VHDS: &str = "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts";

/// A stream that must not notice anything.
struct Bystander {
    stream: Stream,
    world: World,
    pushes: u8,
}

impl Bystander {
    async fn on(server: &Running, world: &World) -> Bystander {
        let mut stream = server.sotw().await;
        stream.send(&first_sotw(TypeUrl::CLUSTER.as_str(), &[]));
        let response = stream.next_sotw().await;
        stream.send(&ack(&response));
        Bystander { stream, world: world.clone(), pushes: 0 }
    }

    async fn is_undisturbed(&mut self) {
        self.pushes += 1;
        self.world.publish([resource(&TypeUrl::CLUSTER, "pushed", vec![self.pushes])]);
        let response = self.stream.next_sotw().await;
        assert_eq!(response.resources[0].value, [self.pushes]);
        self.stream.send(&ack(&response));
    }
}

async fn answer(server: &Running, path: &str, wire: impl Into<bytes::Bytes>) -> (Code, String) {
    let mut stream = server.connect().await.stream(path).await;
    stream.send_raw(wire);
    stream.end().await
}

#[tokio::test]
async fn each_malformed_first_request_gets_its_status_and_nobody_else_notices() {
    let world = World::of_clusters(&["a"]);
    let server = Running::of(&world).await;
    let mut bystander = Bystander::on(&server, &world).await;
    let cds = TypeUrl::CLUSTER.as_str();
    let no_node = DiscoveryRequest { node: None, ..first_sotw(cds, &[]) };
    let message = |message: &DiscoveryRequest| framed(&message.encode_to_vec());
    let delta = |type_url: &str| framed(&first_delta(type_url, &["a"]).encode_to_vec());
    let mut compressed = message(&first_sotw(cds, &[])).to_vec();
    compressed[0] = 1;
    let cases = [
        ("P1 no node", SOTW, message(&no_node), Code::InvalidArgument, "node"),
        ("P3 no type", SOTW, message(&first_sotw("", &[])), Code::InvalidArgument, "type_url"),
        ("P3 no type, delta", DELTA, delta(""), Code::InvalidArgument, "type_url"),
        ("P4 other type", CDS, message(&first_sotw(TypeUrl::SECRET.as_str(), &[])), Code::InvalidArgument, "Secret"),
        ("P4 other type, delta", VHDS, delta(cds), Code::InvalidArgument, "Cluster"),
        ("P9 VHDS", SOTW, message(&first_sotw(TypeUrl::VIRTUAL_HOST.as_str(), &[])), Code::Unimplemented, "delta"),
        (
            "P9 LEDS",
            SOTW,
            message(&first_sotw(TypeUrl::LOCALITY_ENDPOINTS.as_str(), &["x"])),
            Code::Unimplemented,
            "delta",
        ),
        ("not a message", SOTW, framed(b"\xff\xff\xff"), Code::InvalidArgument, "protobuf"),
        ("invalid UTF-8", SOTW, framed(b"\x12\x00\x22\x02\xc3\x28"), Code::InvalidArgument, "UTF-8"),
        ("a long type", SOTW, message(&first_sotw(&"t".repeat(5000), &[])), Code::InvalidArgument, "4096"),
        ("compressed", SOTW, compressed.into(), Code::Unimplemented, "compressed"),
    ];
    for (what, path, wire, code, words) in cases {
        let (got, text) = answer(&server, path, wire).await;
        assert_eq!(got, code, "{what}: {text}");
        assert!(text.contains(words), "{what}: {text}");
        bystander.is_undisturbed().await;
    }
    assert_eq!(server.log.ends().len(), 11);
    server.stop().await;
}

#[tokio::test]
async fn p2_a_later_node_is_ignored() {
    let world = World::of_clusters(&["a"]);
    let server = Running::of(&world).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(TypeUrl::CLUSTER.as_str(), &[]));
    let response = stream.next_sotw().await;
    let other = DiscoveryRequest { node: crate::client::node("stranger"), ..ack(&response) };
    stream.send(&other);
    world.publish([resource(&TypeUrl::CLUSTER, "b", vec![1])]);
    assert_eq!(stream.next_sotw().await.resources[0].value, [1]);
    server.stop().await;
}

#[tokio::test]
async fn p3_an_empty_type_is_filled_in_on_a_stream_of_one_type() {
    let server = Running::of(&World::of_clusters(&["a"])).await;
    let mut stream = server.connect().await.stream(CDS).await;
    stream.send(&first_sotw("", &[]));
    assert_eq!(stream.next_sotw().await.type_url, TypeUrl::CLUSTER.as_str());
    server.stop().await;
}

#[tokio::test]
async fn p5_an_unknown_type_disturbs_no_other() {
    let server = Running::of(&World::of_clusters(&["a"])).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw("type.googleapis.com/acme.v1.Widget", &["w"]));
    stream.send(&first_sotw(TypeUrl::CLUSTER.as_str(), &[]));
    assert_eq!(stream.next_sotw().await.type_url, TypeUrl::CLUSTER.as_str());
    server.stop().await;
}

#[tokio::test]
async fn a_violation_in_mid_stream_ends_that_stream_alone() {
    let world = World::of_clusters(&["a"]);
    let server = Running::of(&world).await;
    let connection = server.connect().await;
    let (mut good, mut bad) = (connection.stream(CDS).await, connection.stream(CDS).await);
    for stream in [&mut good, &mut bad] {
        stream.send(&first_sotw("", &[]));
        let response = stream.next_sotw().await;
        stream.send(&ack(&response));
    }
    bad.send(&first_sotw(TypeUrl::LISTENER.as_str(), &[]));
    assert_eq!(bad.end().await.0, Code::InvalidArgument);
    let ends = server.log.ends();
    assert!(
        matches!(
            &ends[..],
            [chancery_core::End::Malformed(chancery_core::wire::Malformed::Violation(Violation::OtherTypeUrl { .. }))]
        ),
        "{ends:?}"
    );
    world.publish([resource(&TypeUrl::CLUSTER, "b", vec![1])]);
    assert_eq!(good.next_sotw().await.resources[0].value, [1]);
    server.stop().await;
}

#[tokio::test]
async fn p84_a_locator_with_parameters_is_answered_with_an_error() {
    let server = Running::of(&World::of_clusters(&["a"])).await;
    let mut stream = server.delta().await;
    let mut request = first_delta(TypeUrl::CLUSTER.as_str(), &["a"]);
    let dynamic_parameters = [("region".to_owned(), "north".to_owned())].into();
    request.resource_locators_subscribe = vec![ResourceLocator { name: "dynamic".into(), dynamic_parameters }];
    stream.send(&request);
    let response = stream.next_delta().await;
    assert_eq!(response.resources.len(), 1);
    let [error] = &response.resource_errors[..] else { panic!("{:?}", response.resource_errors) };
    assert_eq!(error.resource_name.as_ref().unwrap().name, "dynamic");
    assert_eq!(error.error_detail.as_ref().unwrap().code, Code::InvalidArgument as i32);
    server.stop().await;
}
