//! Listeners, filter chains, virtual hosts, and what the connection manager makes of a request first.

use chancery_explain::{Candidate, Config, Entry, Outcome, Transport};
use chancery_protocol::TypeUrl;

use crate::world::{get, listener, resource};

const CHAINS: &str = r#"
name: tls
address: {socket_address: {address: 0.0.0.0, port_value: 443}}
filter_chains:
- {name: exact, filter_chain_match: {server_names: [a.example]}, filters: [FILTER]}
- {name: wildcard, filter_chain_match: {server_names: ["*.example"]}, filters: [FILTER]}
- {name: longer, filter_chain_match: {server_names: ["*.b.example"], transport_protocol: tls}, filters: [FILTER]}
- {name: plain, filter_chain_match: {transport_protocol: raw_buffer}, filters: [FILTER]}
"#;
const TCP: &str = "{name: tcp, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, \
                   stat_prefix: t, weighted_clusters: {clusters: [{name: one, weight: 1}, {name: two, weight: 3}]}}}";

fn chain(transport: Transport) -> (Option<String>, Outcome) {
    let listener = resource(&TypeUrl::LISTENER, &CHAINS.replace("FILTER", TCP));
    let (config, problems) = Config::from_resources([&listener]);
    assert_eq!(problems, []);
    let mut request = get("", "").over(transport);
    request.entry = Entry::Port(443);
    request.random = 5;
    let explanation = config.explain(&request);
    (explanation.filter_chain.map(|chain| chain.name), explanation.outcome)
}

#[test]
fn the_filter_chain_with_the_most_exact_server_name_serves() {
    for (name, served) in
        [("a.example", "exact"), ("A.example", "exact"), ("c.example", "wildcard"), ("c.b.example", "longer")]
    {
        assert_eq!(chain(Transport::tls(name)).0.as_deref(), Some(served), "{name}");
    }
    assert_eq!(chain(Transport::Plaintext).0.as_deref(), Some("plain"));
    let (none, outcome) = chain(Transport::tls("other.test"));
    assert!(none.is_none() && matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
}

#[test]
fn a_tcp_proxy_chooses_its_cluster_by_weight() {
    let Outcome::Tcp { to } = chain(Transport::tls("a.example")).1 else { panic!("not TCP") };
    assert_eq!(to.upstream.cluster, "two");
    assert_eq!(to.weights, [("one".to_owned(), 1), ("two".to_owned(), 3)]);
}

#[test]
fn no_listener_is_no_connection() {
    let (config, _) = Config::from_resources([&listener("route_config: {name: table}")]);
    let mut request = get("h", "/");
    request.entry = Entry::Port(81);
    let explanation = config.explain(&request);
    assert!(matches!(explanation.outcome, Outcome::Refused { .. }));
    assert_eq!(explanation.trace.rejected[0].candidate, Candidate::Listener);
}

#[test]
fn a_route_configuration_that_is_not_there_is_said() {
    let (config, _) =
        Config::from_resources([&listener("rds: {route_config_name: elsewhere, config_source: {ads: {}}}")]);
    let explanation = config.explain(&get("h", "/"));
    let reason = r#"the route configuration "elsewhere" is not among the resources"#.to_owned();
    assert_eq!(explanation.outcome, Outcome::Undetermined { reason });
}

#[test]
fn virtual_hosts_may_be_resources_of_their_own() {
    let web = listener("rds: {route_config_name: table, config_source: {ads: {}}}");
    let table = resource(&TypeUrl::ROUTE, "name: table\nvhds: {config_source: {ads: {}}}\n");
    let host =
        "name: table/shop\ndomains: [shop.example]\nroutes: [{match: {prefix: /}, direct_response: {status: 204}}]\n";
    let (config, problems) = Config::from_resources([&web, &table, &resource(&TypeUrl::VIRTUAL_HOST, host)]);
    assert_eq!(problems, []);
    let outcome = config.explain(&get("shop.example", "/")).outcome;
    assert!(matches!(outcome, Outcome::DirectResponse { status: 204, .. }), "{outcome:?}");
}

fn status(manager: &str, authority: &str, path: &str) -> (u16, Option<String>) {
    let hosts = "[{name: a, domains: [a.example], routes: [{match: {path: /a/b}, direct_response: {status: 200}}]}, \
                 {name: tls, domains: [t.example], require_tls: ALL}]";
    let web = listener(&format!("route_config: {{name: table, virtual_hosts: {hosts}}}, {manager}"));
    match Config::from_resources([&web]).0.explain(&get(authority, path)).outcome {
        Outcome::DirectResponse { status, location, .. } | Outcome::Answered { status, location, .. } => {
            (status, location)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_authority_without_a_virtual_host_and_a_path_without_a_route_are_not_found() {
    assert_eq!(status("merge_slashes: false", "a.example", "/a/b").0, 200);
    assert_eq!(status("merge_slashes: false", "b.example", "/a/b").0, 404);
    assert_eq!(status("merge_slashes: false", "a.example", "/a").0, 404);
}

#[test]
fn ports_are_taken_off_the_authority_where_it_is_asked_for() {
    assert_eq!(status("merge_slashes: false", "a.example:80", "/a/b").0, 404);
    assert_eq!(status("strip_any_host_port: true", "a.example:81", "/a/b").0, 200);
    assert_eq!(status("strip_matching_host_port: true", "a.example:80", "/a/b").0, 200);
    assert_eq!(status("strip_matching_host_port: true", "a.example:81", "/a/b").0, 404);
    assert_eq!(status("strip_trailing_host_dot: true", "a.example.", "/a/b").0, 200);
}

#[test]
fn paths_are_made_normal_where_it_is_asked_for() {
    assert_eq!(status("merge_slashes: true", "a.example", "//a///b").0, 200);
    assert_eq!(status("normalize_path: true", "a.example", "/x/../%61/./b").0, 200);
    let escaped = |action: &str| format!("path_with_escaped_slashes_action: {action}");
    assert_eq!(status(&escaped("KEEP_UNCHANGED"), "a.example", "/a%2Fb").0, 404);
    assert_eq!(status(&escaped("REJECT_REQUEST"), "a.example", "/a%2Fb").0, 400);
    assert_eq!(status(&escaped("UNESCAPE_AND_FORWARD"), "a.example", "/a%2Fb").0, 200);
    assert_eq!(status(&escaped("UNESCAPE_AND_REDIRECT"), "a.example", "/a%2Fb"), (307, Some("/a/b".into())));
}

#[test]
fn plain_text_is_sent_to_tls_where_it_is_required() {
    let location = Some("https://t.example/x?y".to_owned());
    assert_eq!(status("merge_slashes: false", "t.example", "/x?y"), (301, location));
}
