//! What Envoy would refuse for its shape, named by field.

use chancery_resource::{read_documents, validate, validate_bytes};

fn violations(text: &str) -> Vec<String> {
    let (documents, errors) = read_documents("t.yaml", text);
    assert!(errors.is_empty(), "{errors:?}");
    let found = documents.iter().flat_map(|document| validate(&document.resource));
    found.map(|violation| format!("{violation} [{}]", violation.rule)).collect()
}

#[test]
fn a_good_resource_has_no_violations() {
    let text = r#"
listeners:
- name: l
  address: {socket_address: {address: 127.0.0.1, port_value: 80}}
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: x
        rds: {route_config_name: r, config_source: {ads: {}, resource_api_version: V3}}
clusters:
- name: c
  type: EDS
  connect_timeout: 1s
  eds_cluster_config: {eds_config: {ads: {}}}
endpoints:
- cluster_name: c
  endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 80}}}}]}]
routes:
- name: r
  virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: c}}]}]
"#;
    assert_eq!(violations(text), [""; 0]);
}

#[test]
fn violations_name_the_field_through_nested_anys() {
    let text = r#"
listeners:
- name: l
  address: {socket_address: {port_value: 65536}}
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        max_request_headers_kb: 0
        route_config:
          virtual_hosts:
          - name: v
            domains: ["a\nb"]
            routes:
            - match: {}
              route: {cluster: "", timeout: 1s}
              typed_per_filter_config:
                x:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault
                  delay: {fixed_delay: 0s}
"#;
    let found = violations(text);
    let hcm = "filter_chains[0].filters[0].typed_config(HttpConnectionManager)";
    let host = format!("{hcm}.route_config.virtual_hosts[0]");
    for expected in [
        "address.socket_address.address: must be at least 1 character long [string.min_len]".to_owned(),
        "address.socket_address.port_value: must be at most 65535, not 65536 [uint32.lte]".to_owned(),
        format!("{hcm}.stat_prefix: must be at least 1 character long [string.min_len]"),
        format!("{hcm}.max_request_headers_kb: must be more than 0 and at most 8192, not 0 [uint32.gt+lte]"),
        format!("{host}.domains[0]: must be without NUL, CR and LF [string.well_known_regex]"),
        format!("{host}.routes[0].route.cluster: must be at least 1 character long [string.min_len]"),
        format!(
            "{host}.routes[0].typed_per_filter_config[\"x\"](HTTPFault).delay.fixed_delay: must be more than 0s, not 0s [duration.gt]"
        ),
    ] {
        assert!(found.contains(&expected), "{expected}\nis not in\n{}", found.join("\n"));
    }
    let missing =
        found.iter().find(|violation| violation.starts_with(&format!("{host}.routes[0].match.path_specifier")));
    assert!(missing.is_some_and(|violation| violation.contains("one of prefix, path, ")), "{}", found.join("\n"));
}

#[test]
fn violations_of_counts_presence_and_uniqueness() {
    let found = violations(
        r#"
routes:
- name: r
  virtual_hosts:
  - name: v
    domains: []
    routes: [{match: {prefix: /}, route: {weighted_clusters: {clusters: []}}}]
clusters:
- name: c
  lb_policy: 77
  load_assignment: {endpoints: [{priority: 200}]}
scoped_routes:
- name: s
"#,
    );
    for expected in [
        "virtual_hosts[0].domains: must have at least 1 item [repeated.min_items]",
        "virtual_hosts[0].routes[0].route.weighted_clusters.clusters: must have at least 1 item [repeated.min_items]",
        "lb_policy: must be a value of envoy.config.cluster.v3.Cluster.LbPolicy, not 77 [enum.defined_only]",
        "load_assignment.cluster_name: must be at least 1 character long [string.min_len]",
        "load_assignment.endpoints[0].priority: must be at most 128, not 200 [uint32.lte]",
        "key: must be set [message.required]",
    ] {
        assert!(found.iter().any(|violation| violation == expected), "{expected}\nis not in\n{}", found.join("\n"));
    }
    let same = violations(
        r#"
listeners:
- name: l
  access_log:
  - name: log
    filter: {grpc_status_filter: {statuses: [OK, OK]}}
    typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /x}
  - name: log
    filter: {response_flag_filter: {flags: [XX]}}
"#,
    );
    assert!(same.iter().any(|violation| violation.contains("flags[0]: must be one of \"LH\"")), "{same:?}");
}

#[test]
fn metadata_may_hold_what_would_be_no_valid_configuration() {
    let text = r#"
clusters:
- name: c
  metadata: {typed_filter_metadata: {x: {"@type": type.googleapis.com/envoy.config.core.v3.SocketAddress}}}
"#;
    assert_eq!(violations(text), [""; 0]);
}

#[test]
fn bytes_that_do_not_decode_are_a_violation() {
    let found = validate_bytes("type.googleapis.com/envoy.config.cluster.v3.Cluster", b"\x0a\x7f");
    assert_eq!(found[0].rule, "decodable");
    assert!(validate_bytes("type.googleapis.com/acme.v1.Widget", b"\xff").is_empty());
}
