//! Real Envoys: installed, launched, configured, read.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use chancery_protocol::TypeUrl;
use chancery_testkit::{
    Bootstrap, Echo, Envoy, EnvoyVersion, Launch, LaunchError, Load, ManagementTls, Pace, Relay, Streams,
    TestAuthority, Variant, http, provision_python, socket_address, validate,
};
use envoy_types::pb::envoy::config::core::v3::{
    Address, SocketAddress, address::Address as Kind, socket_address::PortSpecifier,
};
use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source::Specifier};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter::ConfigType};
use envoy_types::pb::envoy::extensions::filters::network::direct_response::v3::Config as Direct;
use envoy_types::util::pack_any;
use serde_json::{Value, json};

use crate::management::{Fixed, Management};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn envoy_1_36_serves_a_backend_and_says_so() {
    serves_a_backend(EnvoyVersion::V1_36).await;
}

#[tokio::test]
async fn envoy_1_38_serves_a_backend_and_says_so() {
    serves_a_backend(EnvoyVersion::V1_38).await;
}

#[tokio::test]
async fn envoy_1_40_serves_a_backend_and_says_so() {
    serves_a_backend(EnvoyVersion::V1_40).await;
}

async fn serves_a_backend(version: EnvoyVersion) {
    let echo = Echo::start("blue").await.expect("a backend");
    let envoy = Envoy::launch(version, &fixed(echo.address())).await.expect("an Envoy");
    envoy.wait_live(PATIENCE).await.expect("a live Envoy");
    let address = envoy.wait_listener("web", PATIENCE).await.expect("its listener");

    let load = Load::start(address, "echo.test", "/steady", Pace::default()).expect("load");
    let answer = http::get(address, "echo.test", "/hello?x=1").await.expect("an answer");
    let said = answer.json();
    assert_eq!((answer.status, &said["backend"], &said["path"]), (200, &json!("blue"), &json!("/hello?x=1")));
    assert_eq!(said["headers"]["host"], "echo.test");

    let requests = envoy.wait_stat("http.web.downstream_rq_2xx", PATIENCE, |count| count > 20).await;
    assert!(requests.expect("requests to be counted") > 20);
    let report = load.stop().await;
    assert_eq!(report.failed, 0, "{report}");
    assert_eq!(report.served_by.get("blue"), Some(&report.total));
    assert!(echo.requests() > report.total);
    assert_eq!(envoy.admin().update_rejected().await.expect("the admin interface"), []);
    let number = envoy.admin().get("/server_info").await.expect("the admin interface").json()["version"].to_string();
    assert!(number.contains(version.number()), "{number}");
    assert!(envoy.resident_bytes().is_some_and(|bytes| bytes > 10_000_000));
    assert!(envoy.stop().await.expect("an end").success());
}

#[tokio::test]
async fn a_wrong_bootstrap_is_reported_with_envoys_words() {
    let bootstrap = Bootstrap::without_management().listener(json!({ "name": "web", "no_such_field": 1 }));
    let refused = Envoy::launch(EnvoyVersion::V1_40, &bootstrap).await.expect_err("it is wrong");
    let text = refused.to_string();
    assert!(matches!(refused, LaunchError::Ended { .. }) && text.contains("no_such_field"), "{text}");
}

#[tokio::test]
async fn a_deadline_that_passes_tells_what_was_seen_last() {
    let envoy = Envoy::launch(EnvoyVersion::V1_40, &Bootstrap::without_management()).await.expect("an Envoy");
    let late = envoy.wait_listener("web", Duration::from_millis(50)).await.expect_err("there is none").to_string();
    assert!(late.contains("listener \"web\"") && late.contains("listeners {}"), "{late}");
}

#[tokio::test]
async fn every_kind_of_bootstrap_is_valid_to_the_oldest_and_the_newest_envoy() {
    let authority = TestAuthority::new("authority").expect("an authority");
    let files = tempfile::tempdir().expect("a directory");
    let client = authority.client("proxy", &["spiffe://test/proxy"]).expect("a certificate");
    let client = client.write(files.path(), "client").expect("to write");
    let trusted = files.path().join("authority.crt");
    std::fs::write(&trusted, authority.certificate_pem()).expect("to write");
    let tls = ManagementTls { authority: trusted, server_name: "localhost".to_owned(), client: Some(client) };
    for version in [EnvoyVersion::V1_36, EnvoyVersion::V1_40] {
        for variant in Variant::ALL {
            for streams in [Streams::Aggregated, Streams::PerType] {
                let plain = Bootstrap::new(SocketAddr::from(([127, 0, 0, 1], 18000)))
                    .another_server(SocketAddr::from(([127, 0, 0, 2], 18000)))
                    .node("proxy-1", "edge")
                    .locality("earth", "north", "a")
                    .metadata("team", "web")
                    .runtime_layer("layer-1")
                    .variant(variant)
                    .streams(streams);
                let secure = plain.clone().tls(tls.clone()).without_keepalive();
                let named = Bootstrap::with_host("localhost", 18000).variant(variant).streams(streams);
                for bootstrap in [plain, secure, named] {
                    let text = bootstrap.to_yaml();
                    let judged = validate(version, &text).await.expect("an Envoy to ask");
                    assert_eq!(judged, Ok(()), "{version}\n{text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn both_variants_take_a_listener_from_a_server_and_show_its_version() {
    for variant in Variant::ALL {
        let server = Management::start(vec![direct_listener("hello")]).await;
        let relay = Relay::start(server.address).await.expect("a relay");
        let envoy = Envoy::launch(EnvoyVersion::V1_40, &Bootstrap::new(relay.address()).variant(variant)).await;
        let envoy = envoy.expect("an Envoy");
        envoy.wait_live(PATIENCE).await.expect("a live Envoy");
        let version = envoy.admin().version_of(&TypeUrl::LISTENER, "hello").await.expect("the admin interface");
        let expected = if variant == Variant::Delta { "fixed-delta" } else { "fixed-sotw" };
        assert_eq!(version.as_deref(), Some(expected));

        // The relay moves the proxy to another server without its knowing.
        let other = Management::start(vec![direct_listener("hello")]).await;
        relay.move_to(other.address);
        drop(server);
        let updates = "listener_manager.lds.update_attempt";
        let before = envoy.admin().stat(updates).await.expect("the admin interface");
        let again = envoy.wait_stat("control_plane.connected_state", PATIENCE, |connected| connected == 1).await;
        again.expect("to be connected again");
        envoy.wait_stat(updates, PATIENCE, |count| count > before).await.expect("an answer of the other server");
        assert_eq!(envoy.admin().update_rejected().await.expect("the admin interface"), []);
    }
}

#[tokio::test]
async fn a_proxy_proves_itself_to_its_server_by_certificate() {
    let authority = TestAuthority::new("authority").expect("an authority");
    let own = authority.server(&["localhost"], &[]).expect("a certificate");
    let server = Management::start_tls(vec![direct_listener("hello")], &authority.certificate_pem(), &own).await;
    let files = tempfile::tempdir().expect("a directory");
    let client = authority.client("proxy", &["spiffe://test/proxy"]).expect("a certificate");
    let trusted = files.path().join("authority.crt");
    std::fs::write(&trusted, authority.certificate_pem()).expect("to write");
    let tls = ManagementTls {
        authority: trusted,
        server_name: "localhost".to_owned(),
        client: Some(client.write(files.path(), "client").expect("to write")),
    };
    let envoy =
        Launch::new(EnvoyVersion::V1_40, &Bootstrap::new(server.address).tls(tls)).start().await.expect("an Envoy");
    envoy.wait_listener("hello", PATIENCE).await.expect("its listener");
}

#[tokio::test]
async fn a_tls_listener_is_asked_for_by_a_client_that_trusts_its_authority() {
    let echo = Echo::start("blue").await.expect("a backend");
    let authority = TestAuthority::new("authority").expect("an authority");
    let own = authority.server(&["web.test"], &[]).expect("a certificate");
    let mut listener = web_listener();
    let certificate = json!({
        "certificate_chain": { "inline_string": own.certificate_pem },
        "private_key": { "inline_string": own.key_pem },
    });
    listener["filter_chains"][0]["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": { "tls_certificates": [certificate] },
        },
    });
    let bootstrap = Bootstrap::without_management().cluster(echo_cluster(echo.address())).listener(listener);
    let envoy = Envoy::launch(EnvoyVersion::V1_40, &bootstrap).await.expect("an Envoy");
    let address = envoy.wait_listener("web", PATIENCE).await.expect("its listener");
    let trust = http::Trust::new(&authority.certificate_pem(), None).expect("trust");
    let answer = http::get_tls(address, "web.test", "/secret", &trust).await.expect("an answer");
    assert_eq!((answer.status, answer.header("x-backend")), (200, Some("blue")));
    let other = TestAuthority::new("another authority").expect("an authority");
    let distrust = http::Trust::new(&other.certificate_pem(), None).expect("trust");
    assert!(http::get_tls(address, "web.test", "/secret", &distrust).await.is_err());
}

#[test]
fn python_comes_with_the_packages_asked_for() {
    let python = provision_python("grpc", &["grpcio==1.85.1", "xds-protos==1.85.0"]).expect("a Python");
    let imported = Command::new(python).args(["-c", "import grpc, envoy.service.discovery.v3.ads_pb2"]).status();
    assert!(imported.expect("to run").success());
}

/// A proxy with one static listener `web` on a free port, in front of one backend.
fn fixed(backend: SocketAddr) -> Bootstrap {
    Bootstrap::without_management().cluster(echo_cluster(backend)).listener(web_listener())
}

fn echo_cluster(backend: SocketAddr) -> Value {
    let endpoint = json!({ "endpoint": { "address": socket_address("127.0.0.1", backend.port()) } });
    json!({
        "name": "echo",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": "echo", "endpoints": [{ "lb_endpoints": [endpoint] }] },
    })
}

fn web_listener() -> Value {
    json!({
        "name": "web",
        "address": socket_address("127.0.0.1", 0),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "web",
                "route_config": {
                    "name": "web",
                    "virtual_hosts": [{
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "echo" } }],
                    }],
                },
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                }],
            },
        }] }],
    })
}

fn direct_listener(name: &'static str) -> Fixed {
    let direct = Direct {
        response: Some(DataSource { specifier: Some(Specifier::InlineString("hi".to_owned())), ..Default::default() }),
    };
    let filter = Filter {
        name: "envoy.filters.network.direct_response".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(direct))),
    };
    let socket = SocketAddress {
        address: "127.0.0.1".to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(0)),
        ..Default::default()
    };
    let listener = Listener {
        name: name.to_owned(),
        address: Some(Address { address: Some(Kind::SocketAddress(socket)) }),
        filter_chains: vec![FilterChain { filters: vec![filter], ..Default::default() }],
        ..Default::default()
    };
    (TypeUrl::LISTENER, name, pack_any(listener))
}
