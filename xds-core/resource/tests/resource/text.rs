//! Resources as people write and read them.

use chancery_protocol::Resource;
use chancery_resource::{
    Draft, ReadError, Secrets, canonicalize, pool, read_documents, read_message, to_json, to_yaml,
};
use prost::Message;
use serde_json::json;

use crate::random::{Dice, message};

fn read(text: &str) -> (Vec<Resource>, Vec<ReadError>) {
    let (documents, errors) = read_documents("t.yaml", text);
    (documents.into_iter().map(|document| document.resource).collect(), errors)
}

fn names(text: &str) -> Vec<String> {
    let (resources, errors) = read(text);
    assert!(errors.is_empty(), "{errors:?}");
    resources.iter().map(|resource| format!("{:?}/{}", resource.type_url(), resource.name())).collect()
}

fn problems(text: &str) -> Vec<String> {
    read(text).1.iter().map(ToString::to_string).collect()
}

#[test]
fn every_message_survives_json_and_yaml() {
    let types = pool().all_messages().filter(|descriptor| {
        let name = descriptor.full_name();
        !descriptor.is_map_entry() && (name.starts_with("envoy.") || name.starts_with("xds."))
    });
    let mut seen = 0;
    for (index, descriptor) in types.enumerate() {
        seen += 1;
        let name = descriptor.full_name();
        let mut dice = Dice(9_000_000 + index as u64);
        let bytes = canonicalize(name, &message(&descriptor, 4, &mut dice).encode_to_vec()).unwrap();
        let json = to_json(name, &bytes, Secrets::Shown).unwrap();
        let again =
            read_message(name, "json", json.to_string()).unwrap_or_else(|errors| panic!("{name}: {errors:?}\n{json}"));
        assert_eq!(again.body(), bytes, "{name}: {json}");
        if index % 4 == 0 {
            let yaml = to_yaml(name, &bytes, Secrets::Shown).unwrap();
            let again = read_message(name, "yaml", &yaml).unwrap_or_else(|errors| panic!("{name}: {errors:?}\n{yaml}"));
            assert_eq!(again.body(), bytes, "{name}: {yaml}");
        }
    }
    assert!(seen > 1_200, "only {seen} types");
}

#[test]
fn texts_that_look_like_something_else_survive_yaml() {
    for text in [
        "0644",
        "1_000",
        "yes",
        "no",
        "on",
        "y",
        "null",
        "~",
        "1e3",
        "0x10",
        ".inf",
        "- a",
        "a: b",
        "#",
        "",
        " x ",
        "\t",
        "\u{85}",
        "a\nb\n",
        "'",
        "\"",
        "!!int 3",
        "&a",
        "*a",
        "@type",
        "2024-01-01",
        "---",
    ] {
        let mut cluster =
            prost_reflect::DynamicMessage::new(pool().get_message_by_name("envoy.config.cluster.v3.Cluster").unwrap());
        cluster.set_field_by_name("alt_stat_name", prost_reflect::Value::String(text.into()));
        let bytes = cluster.encode_to_vec();
        let name = "envoy.config.cluster.v3.Cluster";
        let yaml = to_yaml(name, &bytes, Secrets::Shown).unwrap();
        let again = read_message(name, "yaml", &yaml).unwrap_or_else(|errors| panic!("{text:?}: {errors:?}\n{yaml}"));
        assert_eq!(again.body(), canonicalize(name, &bytes).unwrap(), "{text:?}: {yaml}");
    }
}

#[test]
fn a_document_with_a_type_is_a_resource() {
    let text = "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: a\nconnectTimeout: 0.25s\n---\n\
                name: b\n'@type': type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n";
    assert_eq!(names(text), ["cds/a", "rds/b"]);
    let (documents, _) = read_documents("t.yaml", text);
    assert_eq!((documents[0].line, documents[1].line), (1, 5));
    assert_eq!(documents[1].resource.origin(), Some("t.yaml:5"));
}

#[test]
fn a_discovery_response_lists_resources() {
    let text = r#"
version_info: "3"
type_url: type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: a
- "@type": type.googleapis.com/envoy.service.discovery.v3.Resource
  name: other
  version: ignored
  aliases: [one, two]
  ttl: 90s
  resource:
    "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: b
- cluster_name: implied
"#;
    assert_eq!(names(text), ["cds/a", "lds/other", "eds/implied"]);
    let wrapped = &read(text).0[1];
    assert_eq!(wrapped.ttl(), Some(std::time::Duration::from_secs(90)));
    assert_eq!(wrapped.aliases().len(), 2);
    let json = r#"{"@type": "type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse", "versionInfo": "1",
        "resources": [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"}]}"#;
    assert_eq!(names(json), ["cds/a"]);
}

#[test]
fn a_bootstrap_gives_its_static_resources() {
    let text = "
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
node: {id: x, cluster: y}
static_resources:
  listeners:
  - name: l
  clusters:
  - name: c
    load_assignment: {cluster_name: c}
  secrets:
";
    assert_eq!(names(text), ["lds/l", "cds/c"]);
}

#[test]
fn lists_say_their_type_by_their_key() {
    let text = "
listeners: [{name: l}]
clusters: [{name: c}]
routes: [{name: r}]
endpoints: [{cluster_name: e}]
secrets: [{name: s}]
scoped_routes: [{name: sr, route_configuration_name: r, key: {fragments: [{string_key: x}]}}]
virtual_hosts: [{name: r/v, domains: [v]}]
runtimes: [{name: rt, layer: {a: 1}}]
extension_configs: [{name: x}]
";
    let expected = ["lds/l", "cds/c", "rds/r", "eds/e", "sds/s", "srds/sr", "vhds/r/v", "rtds/rt", "ecds/x"];
    assert_eq!(names(text), expected);
    assert_eq!(names("- {\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a}\n"), ["cds/a"]);
    assert_eq!(names("clusters:\nlisteners: []\n"), [""; 0]);
    assert_eq!(names("# nothing\n"), [""; 0]);
}

#[test]
fn a_bad_item_costs_that_item() {
    let text = "
clusters:
- name: good
- name: bad
  connect_timeout: soon
- name: fine
  type: EDS
";
    let (resources, errors) = read(text);
    assert_eq!(resources.len(), 2);
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].line, errors[0].column), (5, 20));
    assert_eq!(errors[0].path, "clusters[1].connect_timeout");
}

#[test]
fn problems_say_where_they_are_and_what_may_help() {
    let text = r#"
listeners:
- name: l
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        codec_type: AUTOMATIC
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefx: x
        http_filters: {name: router}
        route_config:
          virtual_hosts:
          - name: v
            domains: [1]
            routes:
            - match: {prefix: /}
              route: {cluster: a, cluster_header: b}
              typed_per_filter_config:
                x: {"@type": type.googleapis.com/envoy.extensions.filters.http.ruoter.v3.Router}
"#;
    let base = "listeners[0].filter_chains[0].filters[0].typed_config";
    let hcm = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let expected = [
        format!(
            "t.yaml:8:21: {base}.codec_type: {hcm}.CodecType has no value \"AUTOMATIC\"; it may be AUTO, HTTP1, HTTP2, HTTP3"
        ),
        format!("t.yaml:10:9: {base}.stat_prefx: {hcm} has no such field; did you mean `stat_prefix`?"),
        format!("t.yaml:11:23: {base}.http_filters: a list is wanted here, not a map; begin each item with `- `"),
        format!(
            "t.yaml:15:23: {base}.route_config.virtual_hosts[0].domains[0]: text is wanted here, not a number; put it in quotes"
        ),
        format!(
            "t.yaml:18:35: {base}.route_config.virtual_hosts[0].routes[0].route.cluster_header: cluster is given already, \
             and only one of the two may be"
        ),
        format!(
            "t.yaml:20:30: {base}.route_config.virtual_hosts[0].routes[0].typed_per_filter_config[\"x\"]: unknown type \
             \"type.googleapis.com/envoy.extensions.filters.http.ruoter.v3.Router\"; did you mean \
             `envoy.extensions.filters.http.router.v3.Router`?"
        ),
    ];
    assert_eq!(problems(text), expected);
}

#[test]
fn every_kind_of_mistake_has_its_words() {
    let of = |field: &str| problems(&format!("clusters:\n- name: c\n  {field}\n")).join("|");
    assert!(of("connect_timeout: 5").contains("durations are written in seconds"), "{}", of("connect_timeout: 5"));
    assert!(of("per_connection_buffer_limit_bytes: 0644").contains("octal or as decimal; write 420 or 644"));
    assert!(of("per_connection_buffer_limit_bytes: -1").contains("not a valid google.protobuf.UInt32Value"));
    assert!(of("type: [EDS]").contains("not a list"));
    assert!(of("alt_stat_name: {a: b}").contains("text is wanted here, not a map"));
    assert!(of("alt_stat_name: true").contains("put it in quotes"));
    assert!(of("load_assignment: x").contains("is wanted as a map, not text"));
    assert!(of("metadata: {filter_metadata: [a]}").contains("a map is wanted here"));
    assert!(of("altStatName: a\n  alt_stat_name: b").contains("given twice"));
    assert!(of("transport_socket: {name: x, typed_config: {a: b}}").contains("needs an \"@type\""));
    assert!(of("preconnect_policy: {per_upstream_preconnect_ratio: many}").contains("DoubleValue"));
    assert!(of("ignore_health_on_host_removal: maybe").contains("true or false"));
    assert!(problems("clusters:\n- connect_timeout: 1s\n")[0].contains("needs a name"));
    assert!(problems("cluster:\n- name: x\n")[0].contains("did you mean `clusters`?"));
    assert!(problems("name: x\n")[0].contains("\"@type\""));
    assert!(problems("just text\n")[0].contains("a map or a list"));
    assert!(problems("clusters: {name: c}\n")[0].contains("a list is wanted"));
    assert!(problems("static_resources: {routes: []}\n")[0].contains("listeners, clusters and secrets"));
    assert!(problems("resources: [{name: c}]\n")[0].contains("needs an \"@type\""));
    assert!(problems("clusters: [\n")[0].starts_with("t.yaml:"));
    let wrapped = "resources:\n- \"@type\": envoy.service.discovery.v3.Resource\n  ttl: x\n  resource: {}\n";
    assert!(problems(wrapped)[0].contains("t.yaml:3:8: resources[0].ttl"), "{:?}", problems(wrapped));
    let (_, errors) = read_documents("t.yaml", b"a: \xff");
    assert!(errors[0].to_string().contains("not UTF-8"));
}

#[test]
fn a_resource_of_a_type_without_a_name_takes_it_from_its_wrapper() {
    let text = r#"
resources:
- "@type": type.googleapis.com/envoy.service.discovery.v3.Resource
  name: xdstp://a/envoy.config.endpoint.v3.LbEndpoint/x
  resource:
    "@type": type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint
    endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 80}}}
"#;
    assert_eq!(names(text), ["leds/xdstp://a/envoy.config.endpoint.v3.LbEndpoint/x"]);
}

#[test]
fn secrets_are_redacted_unless_they_are_wanted() {
    let text = "
secrets:
- name: pair
  tls_certificate:
    certificate_chain: {inline_string: public}
    private_key: {inline_string: hush}
    password: {inline_bytes: aHVzaA==}
- name: token
  generic_secret: {secret: {inline_string: hush}}
- name: tickets
  session_ticket_keys: {keys: [{inline_bytes: aHVzaA==}]}
";
    for resource in read(text).0 {
        let yaml = to_yaml(resource.type_url().as_str(), resource.body(), Secrets::Redacted).unwrap();
        assert!(yaml.contains("[redacted]"), "{yaml}");
        assert!(!yaml.contains("hush") && !yaml.contains("aHVzaA"), "{yaml}");
        let shown = to_yaml(resource.type_url().as_str(), resource.body(), Secrets::Shown).unwrap();
        assert!(shown.contains("hush") || shown.contains("aHVzaA"), "{shown}");
    }
    let pair = &read(text).0[0];
    let json = to_json(pair.type_url().as_str(), pair.body(), Secrets::default()).unwrap();
    assert_eq!(json["tls_certificate"]["certificate_chain"]["inline_string"], json!("public"));
}

#[test]
fn secrets_within_other_resources_are_redacted_too() {
    let text = r#"
clusters:
- name: c
  transport_socket:
    name: tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      common_tls_context:
        tls_certificates: [{private_key: {inline_string: hush}}]
"#;
    let cluster = &read(text).0[0];
    let json = to_json(cluster.type_url().as_str(), cluster.body(), Secrets::Redacted).unwrap().to_string();
    assert!(json.contains("[redacted]") && !json.contains("hush"), "{json}");
}

#[test]
fn what_has_no_json_form_is_told_and_read_back() {
    let name = "envoy.config.core.v3.TypedExtensionConfig";
    // typed_config of an unknown type.
    let bytes = b"\x0a\x01x\x12\x14\x0a\x0dacme.v1.Thing\x12\x03\xff\xff\xff";
    let json = to_json(name, bytes, Secrets::Shown).unwrap();
    assert_eq!(json["typed_config"], json!({"@type": "acme.v1.Thing", "value": "////"}));
    assert_eq!(read_message(name, "t", json.to_string()).unwrap().body(), bytes);
    assert_eq!(to_json(name, bytes, Secrets::Redacted).unwrap()["typed_config"]["value"], json!("[redacted]"));
    // A duration no JSON can say.
    let cluster = b"\x0a\x01c\x22\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let json = to_json("envoy.config.cluster.v3.Cluster", cluster, Secrets::Shown).unwrap();
    assert_eq!(json["name"], json!("c"));
    assert!(json.get("connect_timeout").is_some());
}

#[test]
fn anys_within_anys_without_end_are_written_to_a_depth() {
    let mut bytes = Vec::new();
    for _ in 0..2_000 {
        let any = prost_reflect::DynamicMessage::new(pool().get_message_by_name("google.protobuf.Any").unwrap());
        let mut any = any;
        let url = "type.googleapis.com/google.protobuf.Any";
        any.set_field_by_name("type_url", prost_reflect::Value::String(url.into()));
        any.set_field_by_name("value", prost_reflect::Value::Bytes(bytes.into()));
        bytes = any.encode_to_vec();
    }
    assert!(to_json("google.protobuf.Any", &bytes, Secrets::Shown).is_ok());
    assert!(Draft::from_any("google.protobuf.Any", &bytes).is_err());
}

const ODD: &[u8] = b"\n\t :-[]{}&*!|>'\"%@`#,?~<0aZ\xff\x00\xc3";

#[test]
fn no_bytes_make_the_reader_panic() {
    let seed = "clusters:\n- name: &a c\n  connect_timeout: 1s\n  metadata: {filter_metadata: {x: {y: [1, *a]}}}\n";
    for round in 0..3_000 {
        let mut dice = Dice(round);
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..=dice.below(6) {
            let at = dice.below(bytes.len().max(1));
            let byte = ODD[dice.below(ODD.len())];
            match dice.below(3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), byte),
                _ => {
                    if let Some(slot) = bytes.get_mut(at) {
                        *slot = byte;
                    }
                }
            }
        }
        let (_, errors) = read_documents("t.yaml", &bytes);
        assert!(errors.iter().all(|error| !error.message.contains("the reader stopped")), "{bytes:?}");
    }
}
