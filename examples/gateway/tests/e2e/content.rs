//! Resources to serve, as text: what a person would write.

use std::fmt::Write;
use std::net::SocketAddr;

use chancery_testkit::Issued;

/// From the aggregated stream.
pub(crate) const ADS: &str = "{ads: {}, resource_api_version: V3}";

const ROUTER: &str = r#"{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"#;

/// A listener with an HTTP connection manager; `routing` says where its routes are, `filters` what stands before the router.
pub(crate) fn listener(name: &str, routing: &str, filters: &str, transport: &str) -> String {
    format!(
        r#"listeners:
- name: {name}
  address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
  filter_chains:
  - filters:
    - name: envoy.filters.network.http_connection_manager
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: {name}
        {routing}
        http_filters: [{filters}{ROUTER}]
{transport}---
"#
    )
}

/// The listener `web` with the routes of this name.
pub(crate) fn web(routes: &str, source: &str) -> String {
    listener("web", &format!("rds: {{route_config_name: {routes}, config_source: {source}}}"), "", "")
}

/// A route configuration with one virtual host that sends all to one cluster.
pub(crate) fn routes(name: &str, cluster: &str) -> String {
    format!(
        "routes:\n- name: {name}\n  virtual_hosts:\n  - name: all\n    domains: [\"*\"]\n    routes:\n    \
         - match: {{prefix: /}}\n      route: {{cluster: {cluster}}}\n---\n"
    )
}

/// A cluster with endpoints by EDS.
pub(crate) fn cluster(name: &str, source: &str, timeout_milliseconds: u32) -> String {
    format!(
        "clusters:\n- name: {name}\n  type: EDS\n  connect_timeout: {}s\n  eds_cluster_config: {{eds_config: {source}}}\n---\n",
        f64::from(timeout_milliseconds) / 1000.0
    )
}

/// Endpoints of a cluster, one locality for each.
pub(crate) fn endpoints(cluster: &str, addresses: &[SocketAddr]) -> String {
    let mut text = format!("endpoints:\n- cluster_name: {cluster}\n  endpoints:\n");
    for (zone, address) in addresses.iter().enumerate() {
        let socket = format!("{{socket_address: {{address: {}, port_value: {}}}}}", address.ip(), address.port());
        let _ = write!(
            text,
            "  - locality: {{zone: z{zone}}}\n    load_balancing_weight: 1\n    lb_endpoints:\n    \
             - {{load_balancing_weight: 1, endpoint: {{address: {socket}}}}}\n"
        );
    }
    text + "---\n"
}

/// A web listener, its routes, and one cluster with one endpoint.
pub(crate) fn simple(cluster_name: &str, address: SocketAddr) -> String {
    web("web", ADS)
        + &routes("web", cluster_name)
        + &cluster(cluster_name, ADS, 1000)
        + &endpoints(cluster_name, &[address])
}

/// Every type there is: listener, route, cluster, endpoint, secret, runtime, extension, scoped route, virtual host. All are
/// asked for from `source`, virtual hosts from a source of their own.
pub(crate) fn everything(backend: SocketAddr, source: &str, certificate: &Issued, vhds: &str) -> String {
    let extension = format!(
        "{{name: mark, config_discovery: {{config_source: {source}, type_urls: \
         [type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation]}}}}, "
    );
    let routing = format!("rds: {{route_config_name: web, config_source: {source}}}");
    let scoped = format!(
        "scoped_routes: {{name: scopes, scope_key_builder: {{fragments: [{{header_value_extractor: \
         {{name: \":authority\", element_separator: \":\", index: 0}}}}]}}, rds_config_source: {source}, \
         scoped_rds: {{scoped_rds_config_source: {source}}}}}"
    );
    let tls = format!(
        r#"    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
        common_tls_context:
          tls_certificate_sds_secret_configs: [{{name: certificate, sds_config: {source}}}]
"#
    );
    let mut text = listener("web", &routing, &extension, "");
    text += &listener("secure", &routing, "", &tls);
    text += &listener("scoped", &scoped, "", "");
    text += &routes("web", "blue");
    text += &routes("of-one", "blue");
    text += &cluster("blue", source, 1000);
    text += &endpoints("blue", &[backend]);
    text += "scoped_routes:\n- {name: one, route_configuration_name: of-one, key: {fragments: [{string_key: one.test}]}}\n---\n";
    text += "runtimes:\n- {name: dynamic, layer: {chancery.test: 42}}\n---\n";
    text += r#"extension_configs:
- name: mark
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
    mutations: {response_mutations: [{append: {header: {key: x-mark, value: by-extension}}}]}
---
"#;
    text += &secret(certificate);
    let routing = format!("rds: {{route_config_name: hosts, config_source: {source}}}");
    text += &listener("hosts", &routing, "", "");
    text += &format!("routes:\n- {{name: hosts, vhds: {{config_source: {vhds}}}}}\n---\n");
    text += "virtual_hosts:\n- {name: hosts/a, domains: [a.test], routes: [{match: {prefix: /}, route: {cluster: blue}}]}\n---\n";
    text
}

fn secret(certificate: &Issued) -> String {
    let block = |pem: &str| pem.lines().map(|line| format!("        {line}\n")).collect::<String>();
    format!(
        "secrets:\n- name: certificate\n  tls_certificate:\n    certificate_chain:\n      inline_string: |\n{}    \
         private_key:\n      inline_string: |\n{}---\n",
        block(&certificate.certificate_pem),
        block(&certificate.key_pem)
    )
}
