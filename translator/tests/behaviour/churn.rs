//! Which resources an edit changes: exactly those it must.

use chancery_translator::World;

use crate::shop;
use crate::world::{changes, objects, translated, world};

fn start() -> World {
    world(&shop::whole().iter().map(String::as_str).collect::<Vec<_>>())
}

/// What putting these objects in place changes.
fn edit(yaml: &str) -> Vec<String> {
    edit_from(&start(), yaml)
}

fn edit_from(before: &World, yaml: &str) -> Vec<String> {
    let mut after = before.clone();
    objects(yaml).into_iter().for_each(|object| after.insert(object));
    changes(&translated(before), &translated(&after))
}

fn front(rules: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{namespace: shop, name: front, generation: 2, creationTimestamp: '2026-01-03T00:00:00Z'}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [www.shop.example]
  rules:
{rules}"
    )
}

const CART: &str = "  - matches: [{path: {value: /cart}}]\n    backendRefs: [{name: cart, port: 80}]\n";
const ALL: &str = "  - matches: [{path: {value: /}}]\n    backendRefs: [{name: front, port: 80, weight: 9}, {name: cart, port: 80, weight: 1}]\n";

const BOTH_TABLES: [&str; 2] = ["~rds http/0.0.0.0/80", "~rds https/0.0.0.0/443/*.shop.example"];

#[test]
fn a_rule_inserted_at_the_top_changes_the_route_tables_alone() {
    let rule = "  - matches: [{path: {value: /new}}]\n    backendRefs: [{name: api, port: 80}]\n";
    assert_eq!(edit(&front(&format!("{rule}{CART}{ALL}"))), BOTH_TABLES);
}

#[test]
fn reordered_rules_change_nothing() {
    assert_eq!(edit(&front(&format!("{ALL}{CART}"))), [""; 0]);
}

#[test]
fn a_changed_filter_changes_the_route_tables_alone() {
    let filter =
        "    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-a, value: b}]}}]\n";
    assert_eq!(edit(&front(&format!("{CART}{filter}{ALL}"))), BOTH_TABLES);
}

#[test]
fn a_session_cors_or_mirror_changes_no_listener() {
    for (filter, more) in [
        ("    filters: [{type: CORS, cors: {allowOrigins: ['https://a.example']}}]\n", 0),
        ("    filters: [{type: RequestMirror, requestMirror: {backendRef: {name: api, port: 80}}}]\n", 0),
        ("    sessionPersistence: {sessionName: sticky}\n", 0),
        ("    timeouts: {request: 3s}\n    retry: {codes: [503], attempts: 2}\n", 0),
    ] {
        let found = edit(&front(&format!("{CART}{filter}{ALL}")));
        let tables: Vec<&String> = found.iter().filter(|change| !change.starts_with("~rds")).collect();
        assert_eq!(tables.len(), more, "{filter}: {found:?}");
        assert_eq!(found.len(), 2, "{filter}: {found:?}");
    }
}

#[test]
fn an_added_route_changes_its_tables_and_brings_what_it_needs() {
    let added = format!(
        "{}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{namespace: shop, name: new, creationTimestamp: '2026-02-01T00:00:00Z'}}
spec:
  parentRefs: [{{name: web, sectionName: http}}]
  hostnames: [new.shop.example]
  rules: [{{backendRefs: [{{name: new, port: 80}}]}}]
",
        shop::service("new", "10.0.0.9")
    );
    assert_eq!(edit(&added), ["+cds service/shop/new/80", "+eds service/shop/new/80", "~rds http/0.0.0.0/80"]);
}

#[test]
fn endpoints_change_endpoints_alone() {
    assert_eq!(edit(&shop::service("cart", "10.0.0.77")), ["~eds service/shop/cart/80"]);
}

#[test]
fn a_rotated_certificate_changes_its_secret_alone() {
    let rotated = shop::certificate("shop-cert", "www.shop.example");
    assert_eq!(edit(&rotated), ["~sds certificate/secret/shop/shop-cert"]);
}

#[test]
fn a_tls_route_changes_the_chains_of_its_listener_alone() {
    let edited = shop::ROUTES.replace("hostnames: [a.pass.example]", "hostnames: [a.pass.example, b.pass.example]");
    assert_eq!(edit(&edited), ["~lds tcp/0.0.0.0/8443"]);
}

/// Envoy updates a listener in place when nothing but its chains differs.
#[test]
fn only_the_chains_of_a_listener_differ_after_an_edit_of_its_routes() {
    use envoy_types::pb::envoy::config::listener::v3::Listener;
    use prost::Message;
    let before = start();
    let mut after = before.clone();
    let edited = shop::ROUTES.replace("hostnames: [a.pass.example]", "hostnames: [b.pass.example]").replace(
        "rules: [{backendRefs: [{name: cart, port: 80}]}]",
        "rules: [{backendRefs: [{name: front, port: 80}]}]",
    );
    objects(&edited).into_iter().for_each(|object| after.insert(object));
    let listeners = |world: &World| -> Vec<(Listener, usize)> {
        let translation = translated(world);
        let served = translation.proxies.values().next().expect("a proxy");
        let found = served.resources.iter().filter(|resource| resource.type_url().short() == Some("lds"));
        found
            .map(|resource| {
                let mut listener = Listener::decode(resource.body().clone()).expect("a listener");
                let chains = std::mem::take(&mut listener.filter_chains).len();
                (listener, chains)
            })
            .collect()
    };
    assert_eq!(listeners(&before), listeners(&after));
    let changed = changes(&translated(&before), &translated(&after));
    assert_eq!(changed.iter().filter(|change| change.starts_with("~lds")).count(), 2, "{changed:?}");
}

#[test]
fn a_tcp_route_changes_its_listener_alone() {
    let stream = "
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {namespace: shop, name: stream, generation: 2, creationTimestamp: '2026-01-07T00:00:00Z'}
spec:
  parentRefs: [{name: web, sectionName: tcp}]
  rules: [{backendRefs: [{name: front, port: 80}]}]
";
    assert_eq!(
        edit(stream),
        ["+cds service/shop/front/80/tcp", "-cds service/shop/cart/80/tcp", "~lds tcp/0.0.0.0/9000"]
    );
}

#[test]
fn an_unrelated_gateway_changes_nothing_of_others() {
    let other = shop::GATEWAY.replace("name: web", "name: other").replace("2026-01-02", "2025-01-01");
    let found = edit(&other);
    assert!(!found.is_empty() && found.iter().all(|change| change.starts_with('+')), "{found:?}");
}

#[test]
fn deleting_the_oldest_gateway_on_a_shared_port_renames_nothing() {
    let options = chancery_translator::Options {
        proxies: chancery_translator::Proxies::PerClass,
        ..chancery_translator::Options::default()
    };
    let older = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: shop, name: older, creationTimestamp: '2025-01-01T00:00:00Z'}
spec:
  gatewayClassName: chancery
  listeners: [{name: http, port: 80, protocol: HTTP, hostname: old.example}]
";
    let one = start();
    let mut both = one.clone();
    objects(older).into_iter().for_each(|object| both.insert(object));
    let before = chancery_translator::translate(&both, &options);
    let after = chancery_translator::translate(&one, &options);
    assert_eq!(changes(&before, &after), ["~rds http/0.0.0.0/80"]);
}

#[test]
fn a_status_annotation_or_label_changes_nothing() {
    let noisy = shop::GATEWAY.replace("metadata: {", "metadata: {annotations: {note: hello}, labels: {a: b}, ");
    assert_eq!(edit(&noisy), [""; 0]);
}
