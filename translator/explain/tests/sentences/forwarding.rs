//! What routes do: clusters, redirects, rewrites, headers.

use chancery_explain::{Config, Forward, HostRewrite, Outcome, Request, Standing};
use chancery_protocol::TypeUrl;

use crate::world::{acted, get, listener, resource};

fn forwarded(action: &str, request: &Request) -> Forward {
    match acted(&format!("route: {{{action}}}"), request).outcome {
        Outcome::Forwarded(forward) => *forward,
        other => panic!("{other:?}"),
    }
}

fn location(redirect: &str, authority: &str) -> String {
    match acted(&format!("redirect: {{{redirect}}}"), &get(authority, "/a/b?q=1")).outcome {
        Outcome::Redirected { location, .. } => location,
        other => panic!("{other:?}"),
    }
}

#[test]
fn weights_share_out_what_chance_gives() {
    let action =
        "weighted_clusters: {clusters: [{name: one, weight: 1}, {name: none, weight: 0}, {name: two, weight: 2}]}";
    let chosen = |random| forwarded(action, &Request { random, ..get("h", "/") }).to;
    let names: Vec<String> = (0..4).map(|random| chosen(random).upstream.cluster).collect();
    assert_eq!(names, ["one", "two", "two", "one"]);
    assert_eq!(chosen(0).weights.len(), 3);
}

#[test]
fn a_cluster_can_be_named_by_a_header() {
    let forward = forwarded("cluster_header: x-cluster", &get("h", "/").header("x-cluster", "one"));
    assert_eq!(forward.to.upstream.cluster, "one");
    assert_eq!(forward.to.upstream.standing, Standing::Missing);
    assert_eq!(forward.missing_cluster_status, 503);
}

#[test]
fn a_cluster_says_where_its_endpoints_are() {
    let web = listener(
        "route_config: {name: t, virtual_hosts: [{name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: one}}]}]}",
    );
    let cluster = resource(
        &TypeUrl::CLUSTER,
        "name: one\ntype: EDS\neds_cluster_config: {service_name: s, eds_config: {ads: {}}}\n",
    );
    let endpoint = "{endpoint: {address: {socket_address: {address: 10.1.0.1, port_value: 8080}}}";
    let endpoints = format!(
        "cluster_name: s\nendpoints: [{{lb_endpoints: [{endpoint}}}, {endpoint}, health_status: DRAINING}}]}}]\n"
    );
    let ready = Config::from_resources([&web, &cluster, &resource(&TypeUrl::ENDPOINTS, &endpoints)]).0;
    let standing = |config: &Config| match config.explain(&get("h", "/")).outcome {
        Outcome::Forwarded(forward) => forward.to.upstream.standing,
        other => panic!("{other:?}"),
    };
    assert_eq!(standing(&ready), Standing::Ready { endpoints: vec!["10.1.0.1:8080".into()], total: 1 });
    assert_eq!(standing(&Config::from_resources([&web, &cluster]).0), Standing::Empty);
}

#[test]
fn paths_are_rewritten_and_queries_stay() {
    let path = |action: &str| forwarded(&format!("cluster: one, {action}"), &get("h", "/a/b?q=a")).path;
    assert_eq!(path("prefix_rewrite: /new/"), "/new/a/b?q=a");
    assert_eq!(path(r"regex_rewrite: {pattern: {regex: '/(\w)/(\w)'}, substitution: '/\2/\1'}"), "/b/a?q=a");
    assert_eq!(path("timeout: 1s"), "/a/b?q=a");
}

#[test]
fn the_authority_is_rewritten() {
    let request = get("h", "/svc/x").header("x-host", "of.header");
    let host = |action: &str| forwarded(&format!("cluster: one, {action}"), &request).host;
    assert_eq!(host("host_rewrite_literal: new.host"), HostRewrite::To("new.host".into()));
    assert_eq!(host("host_rewrite_header: x-host"), HostRewrite::To("of.header".into()));
    assert_eq!(host("host_rewrite_header: x-other"), HostRewrite::Kept);
    assert_eq!(host("auto_host_rewrite: true"), HostRewrite::OfEndpoint);
    let by_path = r"host_rewrite_path_regex: {pattern: {regex: '^/(\w+)/.*'}, substitution: '\1.host'}";
    assert_eq!(host(by_path), HostRewrite::To("svc.host".into()));
}

#[test]
fn timeouts_retries_and_mirrors_are_told() {
    let forward = forwarded(
        "cluster: one, timeout: 2.5s, idle_timeout: 0s, retry_policy: {retry_on: 5xx, num_retries: 3, per_try_timeout: 1s}, \
         request_mirror_policies: [{cluster: copy, runtime_fraction: {default_value: {numerator: 5, denominator: HUNDRED}}}]",
        &get("h", "/"),
    );
    assert_eq!((forward.timeouts.response_milliseconds, forward.timeouts.idle_milliseconds), (2500, Some(0)));
    let retry = forward.retry.expect("a retry policy");
    assert_eq!((retry.on.as_str(), retry.times, retry.per_try_milliseconds), ("5xx", 3, Some(1000)));
    assert_eq!(forward.mirrors[0].upstream.cluster, "copy");
    assert_eq!(forward.mirrors[0].fraction.as_deref(), Some("5 in 100"));
    assert_eq!(forwarded("cluster: one", &get("h", "/")).timeouts.response_milliseconds, 15_000);
}

#[test]
fn a_redirect_keeps_what_it_does_not_change_and_drops_a_default_port_left_behind() {
    assert_eq!(location("https_redirect: true", "h:80"), "https://h/a/b?q=1");
    assert_eq!(location("https_redirect: true", "h:8080"), "https://h:8080/a/b?q=1");
    assert_eq!(location("host_redirect: new", "h:80"), "http://new/a/b?q=1");
    assert_eq!(location("port_redirect: 81", "h:80"), "http://h:81/a/b?q=1");
    assert_eq!(location("path_redirect: /new", "h"), "http://h/new?q=1");
    assert_eq!(location("path_redirect: '/new?own=1', strip_query: true", "h"), "http://h/new?own=1");
    assert_eq!(location("prefix_rewrite: /new/, strip_query: true", "h"), "http://h/new/a/b");
    assert_eq!(location("https_redirect: true", "[::1]:80"), "https://[::1]/a/b?q=1");
}

#[test]
fn a_direct_response_of_a_grpc_request_is_said_to_be_grpc() {
    let explanation = acted(
        "direct_response: {status: 503, body: {inline_string: sorry}}",
        &get("h", "/").header("content-type", "application/grpc"),
    );
    assert!(explanation.is_grpc);
    assert_eq!(
        explanation.outcome,
        Outcome::DirectResponse { status: 503, location: None, body: Some("sorry".into()) }
    );
}

#[test]
fn headers_are_changed_from_the_narrowest_level_to_the_widest_unless_the_most_specific_wins() {
    let add = |value: &str| {
        format!(
            "response_headers_to_add: [{{header: {{key: x, value: {value}}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]"
        )
    };
    let last = |wins: bool| {
        let web = listener(&format!(
            "route_config: {{name: t, most_specific_header_mutations_wins: {wins}, {}, virtual_hosts: [{{name: all, domains: ['*'], {}, \
             routes: [{{match: {{prefix: /}}, {}, direct_response: {{status: 200}}}}]}}]}}",
            add("table"),
            add("host"),
            add("route")
        ));
        let explanation = Config::from_resources([&web]).0.explain(&get("h", "/"));
        explanation.response_headers.applied_to(&[])
    };
    assert_eq!(last(false), [("x".to_owned(), "table".to_owned())]);
    assert_eq!(last(true), [("x".to_owned(), "route".to_owned())]);
}

#[test]
fn filters_in_the_way_are_named_with_the_levels_that_override_them() {
    let fault = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
    let web = listener(&format!(
        "http_filters: [{{name: fault, typed_config: {{'@type': {fault}}}}}, {{name: router, typed_config: {{'@type': \
         type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}], route_config: {{name: t, virtual_hosts: [{{name: all, \
         domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200}}, typed_per_filter_config: {{fault: {{'@type': \
         {fault}}}}}}}]}}]}}"
    ));
    let explanation = Config::from_resources([&web]).0.explain(&get("h", "/"));
    assert_eq!(explanation.filters.len(), 1);
    assert_eq!(explanation.filters[0].overridden_by, [chancery_explain::Level::Route]);
}

#[test]
fn an_explanation_can_be_written_as_json() {
    let explanation = acted("route: {cluster: one}", &get("h", "/"));
    let json = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(json["outcome"]["kind"], "forwarded");
    assert_eq!(json["outcome"]["to"]["cluster"], "one");
    assert_eq!(json["outcome"]["to"]["standing"], "missing");
    assert_eq!(json["outcome"]["host"], "kept");
}
