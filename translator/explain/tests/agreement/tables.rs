//! Random listeners, each with a route configuration whose every route can be told from the others by what it answers.

use std::collections::BTreeSet;

use chancery_testkit::EnvoyVersion;
use serde_json::{Value, json};

use crate::chance::Chance;

/// The backends: each is a cluster of its own.
pub(crate) const BACKENDS: &[&str] = &["one", "two", "three"];
/// Names of clusters; one has no endpoints, one is not there.
pub(crate) const CLUSTERS: &[&str] = &["one", "two", "three", "empty", "missing"];
/// Values of headers.
pub(crate) const VALUES: &[&str] = &["", "1", "12", "-3", "abc", "ABC", "a,b", "foobar", " 7"];

const DOMAINS: &[&str] = &[
    "a.example",
    "*.example",
    "*.a.example",
    "*.B.A.example",
    "*-x.example",
    "www.*",
    "shop.*",
    "www.a.*",
    "*",
    "shop.test",
    "a.example:8080",
    "www.shop.test:*",
    "*.test",
    "unknown.host",
    "a.example:443",
];
const PREFIXES: &[&str] = &["/", "/a", "/a/", "/api", "/api/v", "/b/", "/ab", "/A", "/a/b", "//", "/a%2F"];
const PATHS: &[&str] = &["/a", "/b", "/api/v1", "/a/b", "/A", "/index.html", "/a/", "/b/c"];
const EXPRESSIONS: &[&str] = &["/a.*", "/[ab]+/v\\d", "/(api|a)/.*", ".*\\.html", "/\\w+", "/b?/.*|/ab", "(?i)/API/.*"];
const TEXTS: &[&str] = &["1", "abc", "a", "foo", "bar", "b"];

/// The listener of this number.
pub(crate) fn listener(chance: &mut Chance, number: usize, version: EnvoyVersion) -> Value {
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "t",
        "route_config": table(chance, number, version),
        "http_filters": [{"name": "router", "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "merge_slashes": chance.once_in(3),
        "use_remote_address": chance.once_in(2),
        "strip_trailing_host_dot": chance.once_in(3),
        "path_with_escaped_slashes_action": chance.pick(&["KEEP_UNCHANGED", "IMPLEMENTATION_SPECIFIC_DEFAULT",
            "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"]),
    });
    match chance.below(4) {
        0 => manager["strip_any_host_port"] = json!(true),
        1 => manager["strip_matching_host_port"] = json!(true),
        _ => {}
    }
    if chance.once_in(2) {
        manager["normalize_path"] = json!(chance.once_in(2));
    }
    json!({
        "name": format!("listener-{number}"),
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

fn table(chance: &mut Chance, number: usize, version: EnvoyVersion) -> Value {
    let mut left: BTreeSet<&str> = DOMAINS.iter().copied().collect();
    let hosts = (0..2 + chance.below(4)).filter_map(|host| {
        let mut domains = Vec::new();
        if host == 0 && !chance.once_in(4) && left.remove("*") {
            domains.push("*");
        }
        for _ in 0..=chance.below(3) {
            let domain = chance.pick(DOMAINS);
            if left.remove(domain) {
                domains.push(domain);
            }
        }
        let mut message = json!({"name": format!("host-{host}"), "domains": domains});
        if chance.once_in(12) {
            message["require_tls"] = json!("ALL");
        }
        let mut routes: Vec<Value> =
            (0..2 + chance.below(9)).map(|at| route(chance, &format!("{number}.{host}.{at}"), version)).collect();
        if !chance.once_in(3) {
            // Else most requests would find no route.
            let mut last = route(chance, &format!("{number}.{host}.last"), version);
            last["match"] = json!({"prefix": "/"});
            routes.push(last);
        }
        message["routes"] = json!(routes);
        changes(chance, &mut message, "host");
        (!domains.is_empty()).then_some(message)
    });
    let mut message = json!({
        "name": format!("table-{number}"),
        "virtual_hosts": hosts.collect::<Vec<Value>>(),
        "validate_clusters": false,
        "most_specific_header_mutations_wins": chance.once_in(2),
        "ignore_port_in_host_matching": chance.once_in(4),
        "ignore_path_parameters_in_path_matching": chance.once_in(4),
    });
    if chance.once_in(6) && version >= EnvoyVersion::V1_38 {
        message["vhost_header"] = json!("x-host");
    }
    changes(chance, &mut message, "table");
    message
}

fn changes(chance: &mut Chance, message: &mut Value, level: &str) {
    for direction in ["request", "response"] {
        let mut added = Vec::new();
        for _ in 0..[0, 0, 1, 2][chance.below(4)] {
            let action = chance.pick(&[
                "APPEND_IF_EXISTS_OR_ADD",
                "ADD_IF_ABSENT",
                "OVERWRITE_IF_EXISTS_OR_ADD",
                "OVERWRITE_IF_EXISTS",
            ]);
            let mut value = format!("{level}-{}", chance.below(10));
            if chance.once_in(6) {
                value = "100%%".into();
            }
            if chance.once_in(8) {
                value = String::new();
            }
            let key = format!("X-T-{}", chance.below(3));
            added.push(json!({"header": {"key": key, "value": value}, "append_action": action,
                "keep_empty_value": chance.once_in(2)}));
        }
        message[format!("{direction}_headers_to_add")] = json!(added);
        if chance.once_in(4) {
            message[format!("{direction}_headers_to_remove")] = json!([format!("x-t-{}", chance.below(3))]);
        }
    }
}

fn route(chance: &mut Chance, id: &str, version: EnvoyVersion) -> Value {
    let mut message = json!({"name": id, "match": matched(chance, version)});
    let kind = match chance.below(10) {
        0..=2 => {
            let status = [200, 201, 302, 418, 503][chance.below(5)];
            message["direct_response"] = json!({"status": status, "body": {"inline_string": format!("from {id}")}});
            "direct"
        }
        3..=4 => {
            message["redirect"] = redirect(chance);
            "redirect"
        }
        _ => {
            message["route"] = forward(chance);
            "forward"
        }
    };
    changes(chance, &mut message, "route");
    let mark = json!({"header": {"key": "x-t-route", "value": format!("{kind} {id}")}});
    message["response_headers_to_add"].as_array_mut().expect("a list").push(mark);
    message
}

fn text(chance: &mut Chance) -> Value {
    let kind = chance.pick(&["exact", "prefix", "suffix", "contains", "safe_regex"]);
    if kind == "safe_regex" {
        return json!({"safe_regex": {"regex": chance.pick(&["[a-c]+", "\\d+", "|1", "foo.*", ".*b.*"])}});
    }
    json!({kind: chance.pick(TEXTS), "ignore_case": chance.once_in(3)})
}

fn matched(chance: &mut Chance, version: EnvoyVersion) -> Value {
    let mut message = match chance.below(9) {
        0..=3 => json!({"prefix": chance.pick(PREFIXES)}),
        4..=5 => json!({"path": chance.pick(PATHS)}),
        6 => json!({"path_separated_prefix": chance.pick(&["/a", "/api", "/b", "/a/b", "/A"])}),
        7 => json!({"safe_regex": {"regex": chance.pick(EXPRESSIONS)}}),
        _ => json!({"prefix": "/"}),
    };
    if chance.once_in(4) && message.get("safe_regex").is_none() {
        message["case_sensitive"] = json!(false);
    }
    if chance.once_in(3) {
        let headers: Vec<Value> = (0..=chance.below(2)).map(|_| header(chance)).collect();
        message["headers"] = json!(headers);
    }
    if chance.once_in(6) {
        let name = chance.pick(&["q", "x"]);
        message["query_parameters"] = match chance.below(3) {
            0 => json!([{"name": name, "present_match": chance.once_in(2)}]),
            1 => json!([{"name": name}]),
            _ => json!([{"name": name, "string_match": text(chance)}]),
        };
    }
    if chance.once_in(12) && version >= EnvoyVersion::V1_38 {
        message["cookies"] = json!([{"name": "k", "string_match": text(chance), "invert_match": chance.once_in(2)}]);
    }
    if chance.once_in(16) {
        message["grpc"] = json!({});
    }
    if chance.once_in(16) {
        message["tls_context"] = json!({"presented": chance.once_in(2)});
    }
    if chance.once_in(10) {
        let numerator = if chance.once_in(2) { 0 } else { 100 };
        message["runtime_fraction"] = json!({"default_value": {"numerator": numerator, "denominator": "HUNDRED"}});
    }
    message
}

fn header(chance: &mut Chance) -> Value {
    let names = ["x-a", "x-b", "x-c", "X-A", ":method", ":path", ":authority", "host", ":scheme", "x-forwarded-proto"];
    let name = if chance.once_in(3) { names[chance.below(names.len())] } else { names[chance.below(3)] };
    let mut message = match chance.below(6) {
        0 => json!({"present_match": chance.once_in(2)}),
        1 => json!({}),
        2 => json!({"range_match": {"start": -5, "end": 10}}),
        _ if name == ":method" => json!({"string_match": {"exact": chance.pick(&["GET", "POST"])}}),
        _ => json!({"string_match": text(chance)}),
    };
    message["name"] = json!(name);
    message["invert_match"] = json!(chance.once_in(3));
    message["treat_missing_header_as_empty"] = json!(chance.once_in(4));
    message
}

fn redirect(chance: &mut Chance) -> Value {
    let mut message = json!({"strip_query": chance.once_in(3)});
    if chance.once_in(2) {
        message["host_redirect"] = json!(chance.pick(&["new.host", "new.host:82"]));
    }
    if chance.once_in(3) {
        message["port_redirect"] = json!([80, 443, 8443][chance.below(3)]);
    }
    match chance.below(4) {
        0 => message["https_redirect"] = json!(chance.once_in(2)),
        1 => message["scheme_redirect"] = json!(chance.pick(&["http", "https"])),
        _ => {}
    }
    match chance.below(6) {
        0 => message["path_redirect"] = json!("/new"),
        1 => message["path_redirect"] = json!("/new?own=1"),
        2 => message["prefix_rewrite"] = json!(chance.pick(&["/", "/new", "/new/"])),
        3 => message["regex_rewrite"] = regex_rewrite(chance),
        _ => {}
    }
    let codes = ["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"];
    message["response_code"] = json!(chance.pick(&codes));
    message
}

fn regex_rewrite(chance: &mut Chance) -> Value {
    let (regex, substitution) =
        [("^/([^/]+)/(.*)$", "/\\2/\\1"), ("a", "x"), ("/b*", "/\\0\\\\"), ("[a-z]+", "-\\0-")][chance.below(4)];
    json!({"pattern": {"regex": regex}, "substitution": substitution})
}

fn forward(chance: &mut Chance) -> Value {
    let mut message = match chance.below(6) {
        0..=2 => json!({"cluster": chance.pick(CLUSTERS)}),
        3 => json!({"cluster_header": "x-cluster"}),
        _ => {
            let clusters: Vec<Value> = (0..1 + chance.below(4))
                .map(|at| {
                    let weight = if at == 0 { 1 + chance.below(5) } else { chance.below(5) };
                    let mut share = json!({"name": chance.pick(BACKENDS), "weight": weight});
                    changes(chance, &mut share, "share");
                    if chance.once_in(4) {
                        share["host_rewrite_literal"] = json!("of.share");
                    }
                    share
                })
                .collect();
            json!({"weighted_clusters": {"clusters": clusters, "header_name": "x-random"}})
        }
    };
    match chance.below(6) {
        0 => message["prefix_rewrite"] = json!(chance.pick(&["/", "/new", "/new/"])),
        1 => message["regex_rewrite"] = regex_rewrite(chance),
        _ => {}
    }
    match chance.below(8) {
        0 => message["host_rewrite_literal"] = json!("literal.host"),
        1 => message["host_rewrite_header"] = json!("x-host"),
        2 => message["host_rewrite_path_regex"] = json!({"pattern": {"regex": "^/(\\w*).*$"}, "substitution": "h-\\1"}),
        _ => {}
    }
    message["cluster_not_found_response_code"] =
        json!(chance.pick(&["SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"]));
    message
}
