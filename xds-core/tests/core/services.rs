//! Every service and method of the discovery API, health and reflection.

use chancery_core::{Health, InsecureAllowEveryone, ServeError, Server};
use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use prost::Message;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::client::{Connection, first_delta, first_sotw};
use crate::running::{Running, quick};
use crate::world::{World, resource};

/// Service, noun, type; and whether there is a state-of-the-world form.
const METHODS: [(&str, &str, TypeUrl, bool); 10] = [
    ("listener.v3.ListenerDiscoveryService", "Listeners", TypeUrl::LISTENER, true),
    ("route.v3.RouteDiscoveryService", "Routes", TypeUrl::ROUTE, true),
    ("route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes", TypeUrl::SCOPED_ROUTE, true),
    ("route.v3.VirtualHostDiscoveryService", "VirtualHosts", TypeUrl::VIRTUAL_HOST, false),
    ("cluster.v3.ClusterDiscoveryService", "Clusters", TypeUrl::CLUSTER, true),
    ("endpoint.v3.EndpointDiscoveryService", "Endpoints", TypeUrl::ENDPOINTS, true),
    ("endpoint.v3.LocalityEndpointDiscoveryService", "LocalityEndpoints", TypeUrl::LOCALITY_ENDPOINTS, false),
    ("secret.v3.SecretDiscoveryService", "Secrets", TypeUrl::SECRET, true),
    ("extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs", TypeUrl::EXTENSION_CONFIG, true),
    ("runtime.v3.RuntimeDiscoveryService", "Runtime", TypeUrl::RUNTIME, true),
];

#[tokio::test]
async fn every_service_of_the_discovery_api_is_served_in_both_forms() {
    // A name with a slash, as virtual hosts have it.
    let world = World::of(METHODS.map(|(_, _, type_url, _)| resource(&type_url, "c/x", vec![1])));
    let server = Running::of(&world).await;
    let connection = server.connect().await;
    for (service, noun, type_url, has_sotw) in METHODS {
        let path = |method: &str| format!("/envoy.service.{service}/{method}{noun}");
        let mut delta = connection.stream(&path("Delta")).await;
        delta.send(&first_delta("", &["c/x"]));
        let response = delta.next_delta().await;
        assert_eq!((response.type_url.as_str(), response.resources.len()), (type_url.as_str(), 1));

        let mut sotw = connection.stream(&path("Stream")).await;
        if has_sotw {
            sotw.send(&first_sotw(type_url.as_str(), &["c/x"]));
            let response = sotw.next_sotw().await;
            assert_eq!((response.type_url.as_str(), response.resources.len()), (type_url.as_str(), 1));
        } else {
            assert_eq!(sotw.end().await.0, Code::Unimplemented, "P9");
        }
        let mut fetch = connection.stream(&path("Fetch")).await;
        fetch.send(&DiscoveryRequest::default());
        assert_eq!(fetch.end().await.0, Code::Unimplemented);
    }
    let mut unknown = connection.stream("/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats").await;
    unknown.send(&DeltaDiscoveryRequest::default());
    assert_eq!(unknown.end().await.0, Code::Unimplemented);
    server.stop().await;
}

async fn health_of(connection: &Connection, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.into() };
    let mut call = connection.call("/grpc.health.v1.Health/Check", &request).await;
    call.next::<HealthCheckResponse>().await.status()
}

#[tokio::test]
async fn health_is_not_serving_until_the_source_is_ready() {
    let health = Health::new();
    let builder = Server::builder(World::of([]), InsecureAllowEveryone).health(health.clone()).limits(quick());
    let server = Running::start(builder).await;
    let connection = server.connect().await;
    let ads = "envoy.service.discovery.v3.AggregatedDiscoveryService";
    assert_eq!(health_of(&connection, "").await, ServingStatus::NotServing);
    assert_eq!(health_of(&connection, ads).await, ServingStatus::NotServing);
    health.ready().await;
    assert_eq!(health_of(&connection, "").await, ServingStatus::Serving);
    assert_eq!(health_of(&connection, ads).await, ServingStatus::Serving);
    server.stop().await;
}

#[tokio::test]
async fn reflection_answers_from_the_descriptors_it_was_given() {
    let descriptors = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let builder = Server::builder(World::of([]), InsecureAllowEveryone).reflection(descriptors).limits(quick());
    let server = Running::start(builder).await;
    let mut call = server.connect().await.stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo").await;
    // ServerReflectionRequest { list_services: "" }
    call.send_bytes(&[0x3a, 0x00]);
    let answer = call.next_bytes().await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("grpc.health.v1.Health"));
    server.stop().await;
    let broken = Server::builder(World::of([]), InsecureAllowEveryone).reflection(vec![0xff; 3]).build();
    assert!(matches!(broken, Err(ServeError::Descriptors(_))));
}

#[tokio::test]
async fn plain_text_does_not_leave_the_machine_unless_told_so() {
    let listener = || tokio::net::TcpListener::bind("0.0.0.0:0");
    let builder = || Server::builder(World::of([]), InsecureAllowEveryone).limits(quick());
    let refused = builder().build().unwrap().serve(listener().await.unwrap(), async {}).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("insecure_plaintext"), "{text}");
    builder().insecure_plaintext().build().unwrap().serve(listener().await.unwrap(), async {}).await.unwrap();
}

#[tokio::test]
async fn what_is_not_grpc_is_told_so() {
    let server = Running::of(&World::of([])).await;
    let headers =
        http::HeaderMap::from_iter([(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"))]);
    let stream = server.connect().await.stream_with(crate::running::SOTW, headers).await;
    assert_eq!(stream.status, 415);
    assert_eq!(DiscoveryRequest::default().encoded_len(), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_virtual_host_stream_of_its_own_names_its_route_configuration_in_a_header() {
    let hosts = ["one/a", "one/b", "two/a"];
    let world = World::of(hosts.map(|name| resource(&TypeUrl::VIRTUAL_HOST, name, vec![1])));
    let server = Running::of(&world).await;
    let connection = server.connect().await;
    let mut headers = http::HeaderMap::new();
    headers.insert(chancery_core::COLLECTION_HEADER, "one".parse().unwrap());
    let path = "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts";
    let mut stream = connection.stream_with(path, headers).await;
    stream.send(&first_delta("", &[]));
    let response = stream.next_delta().await;
    let names: Vec<&str> = response.resources.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["one/a", "one/b"]);
}
