//! What each kind of resource names.

use chancery_protocol::{Resource, TypeUrl};
use chancery_resource::{Draft, pool};
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

fn resource(message: &str, json: Value) -> Resource {
    let descriptor = pool().get_message_by_name(message).expect("a known type");
    let message = DynamicMessage::deserialize(descriptor, json).expect("a valid message");
    Draft::from_dynamic(&message).expect("it encodes").name("me").encode().expect("it has a name")
}

/// What the resource names, as `type/name`.
fn named(message: &str, json: Value) -> Vec<String> {
    let resource = resource(message, json);
    resource.references().iter().map(|reference| format!("{:?}/{}", reference.type_url, reference.name)).collect()
}

fn listener(filter: Value) -> Value {
    json!({"name": "l", "filter_chains": [{"filters": [{"name": "f", "typed_config": filter}]}]})
}

fn in_listener(filter: Value) -> Vec<String> {
    named("envoy.config.listener.v3.Listener", listener(filter))
}

#[test]
fn a_listener_names_its_route_configuration() {
    let hcm = |source: Value| json!({"@type": HCM, "rds": {"route_config_name": "r", "config_source": source}});
    assert_eq!(in_listener(hcm(json!({"ads": {}}))), ["rds/r"]);
    assert_eq!(in_listener(hcm(json!({"self": {}}))), ["rds/r"]);
    assert!(in_listener(hcm(json!({"path_config_source": {"path": "/r.yaml"}}))).is_empty());
    let own_server = json!({"api_config_source": {
        "api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "bootstrap"}}]}});
    assert!(in_listener(hcm(own_server)).is_empty());
}

#[test]
fn a_listener_names_the_route_configurations_of_its_inline_scopes() {
    let hcm = |source: Value| {
        json!({"@type": HCM, "scoped_routes": {"name": "s", "rds_config_source": source,
            "scoped_route_configurations_list": {"scoped_route_configurations": [
                {"name": "a", "route_configuration_name": "ra"}, {"name": "b", "route_configuration_name": "rb"}]}}})
    };
    assert_eq!(in_listener(hcm(json!({"ads": {}}))), ["rds/ra", "rds/rb"]);
    assert!(in_listener(hcm(json!({"path_config_source": {"path": "/r.yaml"}}))).is_empty());
}

#[test]
fn a_scoped_route_names_its_route_configuration() {
    let scope = json!({"name": "s", "route_configuration_name": "r"});
    assert_eq!(named("envoy.config.route.v3.ScopedRouteConfiguration", scope), ["rds/r"]);
}

#[test]
fn a_listener_names_the_filters_that_are_discovered() {
    let hcm = json!({"@type": HCM, "http_filters": [
        {"name": "jwt", "config_discovery": {"config_source": {"ads": {}}, "type_urls": ["x"]}},
        {"name": "file", "config_discovery": {"config_source": {"path_config_source": {"path": "/f"}}}}]});
    assert_eq!(in_listener(hcm), ["ecds/jwt"]);
    let listener = json!({"name": "l",
        "listener_filters": [{"name": "inspect", "config_discovery": {"config_source": {"ads": {}}}}],
        "filter_chains": [{"filters": [{"name": "tcp", "config_discovery": {"config_source": {"self": {}}}}]}]});
    assert_eq!(named("envoy.config.listener.v3.Listener", listener), ["ecds/inspect", "ecds/tcp"]);
}

#[test]
fn a_listener_names_clusters_of_proxies_filters_and_access_loggers() {
    let tcp = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    let log = json!({"name": "als", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig",
        "common_config": {"log_name": "x", "grpc_service": {"envoy_grpc": {"cluster_name": "logs"}}}}});
    assert_eq!(in_listener(json!({"@type": tcp, "cluster": "db", "access_log": [log]})), ["cds/db", "cds/logs"]);
    let weighted = json!({"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]});
    assert_eq!(in_listener(json!({"@type": tcp, "weighted_clusters": weighted})), ["cds/a", "cds/b"]);
    let udp = "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig";
    assert_eq!(in_listener(json!({"@type": udp, "cluster": "dns"})), ["cds/dns"]);
    let hcm = json!({"@type": HCM,
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "inline"}}]}]},
        "http_filters": [
            {"name": "authz", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                "grpc_service": {"envoy_grpc": {"cluster_name": "authz"}}}},
            {"name": "jwt", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                "providers": {"p": {"remote_jwks": {"http_uri": {"uri": "https://x", "cluster": "jwks"}}}}}}],
        "tracing": {"provider": {"name": "z", "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig", "collector_cluster": "zipkin"}}}});
    assert_eq!(in_listener(hcm), ["cds/authz", "cds/inline", "cds/jwks", "cds/zipkin"]);
}

#[test]
fn transport_sockets_name_secrets() {
    let ads = json!({"ads": {}});
    let downstream = json!({"name": "l", "filter_chains": [{"transport_socket": {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "session_ticket_keys_sds_secret_config": {"name": "tickets", "sds_config": ads},
        "common_tls_context": {
            "tls_certificate_sds_secret_configs": [
                {"name": "cert", "sds_config": ads},
                {"name": "bootstrap"},
                {"name": "file", "sds_config": {"path_config_source": {"path": "/s.yaml"}}}],
            "combined_validation_context": {
                "default_validation_context": {},
                "validation_context_sds_secret_config": {"name": "ca", "sds_config": ads}}}}}}]});
    assert_eq!(named("envoy.config.listener.v3.Listener", downstream), ["sds/ca", "sds/cert", "sds/tickets"]);
    let upstream = json!({"name": "c", "transport_socket": {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {"validation_context_sds_secret_config": {"name": "ca", "sds_config": {"self": {}}}}}}});
    assert_eq!(named("envoy.config.cluster.v3.Cluster", upstream), ["sds/ca"]);
}

#[test]
fn an_extension_configuration_names_secrets_and_clusters() {
    let oauth = json!({"name": "oauth", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.oauth2.v3.OAuth2",
        "config": {
            "token_endpoint": {"uri": "https://x/token", "cluster": "idp", "timeout": "1s"},
            "credentials": {
                "client_id": "me",
                "token_secret": {"name": "token", "sds_config": {"ads": {}}},
                "hmac_secret": {"name": "hmac", "sds_config": {"ads": {}}}}}}});
    let found = named("envoy.config.core.v3.TypedExtensionConfig", oauth);
    assert_eq!(found, ["sds/hmac", "sds/token", "cds/idp"]);
}

#[test]
fn a_route_configuration_names_clusters_and_its_virtual_hosts() {
    let route = json!({"name": "r",
        "vhds": {"config_source": {"ads": {}}},
        "request_mirror_policies": [{"cluster": "all"}],
        "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
            {"match": {"prefix": "/a"}, "route": {"cluster": "a", "request_mirror_policies": [{"cluster": "mirror"}]}},
            {"match": {"prefix": "/b"}, "route": {"weighted_clusters": {"clusters": [
                {"name": "b", "weight": 1}, {"cluster_header": "x-cluster", "weight": 1}]}}},
            {"match": {"prefix": "/c"}, "route": {"cluster_header": "x-cluster"}},
            {"match": {"prefix": "/d"}, "redirect": {"path_redirect": "/"}}]}]});
    let found = named("envoy.config.route.v3.RouteConfiguration", route);
    assert_eq!(found, ["cds/a", "cds/all", "cds/b", "cds/mirror", "vhds/r"]);
    let host = json!({"name": "r/v", "domains": ["v"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "a"}}]});
    assert_eq!(named("envoy.config.route.v3.VirtualHost", host), ["cds/a"]);
}

#[test]
fn a_cluster_names_its_endpoints() {
    let cluster = "envoy.config.cluster.v3.Cluster";
    let eds = |extra: Value| json!({"name": "c", "type": "EDS", "eds_cluster_config": extra});
    assert_eq!(named(cluster, eds(json!({"eds_config": {"ads": {}}}))), ["eds/c"]);
    assert_eq!(named(cluster, eds(json!({"eds_config": {"self": {}}, "service_name": "s"}))), ["eds/s"]);
    assert!(named(cluster, eds(json!({"eds_config": {"path_config_source": {"path": "/e"}}}))).is_empty());
    assert!(
        named(cluster, json!({"name": "c", "type": "STATIC", "eds_cluster_config": {"eds_config": {"ads": {}}}}))
            .is_empty()
    );
    let members = json!({"name": "c", "cluster_type": {"name": "aggregate", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
        "clusters": ["two", "one"]}}});
    assert_eq!(named(cluster, members), ["cds/one", "cds/two"]);
}

#[test]
fn what_a_message_of_an_unknown_type_names_is_not_known() {
    let draft = Draft::from_any("type.googleapis.com/acme.v1.Widget", b"\x0a\x01x").unwrap();
    assert!(draft.clone().encode().is_err(), "it says no name");
    let widget = draft.name("w").encode().unwrap();
    assert!(widget.references().is_empty());
    assert_eq!(widget.type_url(), &TypeUrl::parse("type.googleapis.com/acme.v1.Widget"));
}
