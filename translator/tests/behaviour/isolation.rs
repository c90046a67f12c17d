//! A bad object harms only itself: everything else stays as it was, to the byte, and the culprit says what is wrong.

use chancery_translator::World;
use chancery_translator::api::{Kind, ObjectId};

use crate::shop;
use crate::world::{changes, conditions, objects, resources, said, translated, world};

struct Spoiler {
    what: &'static str,
    yaml: &'static str,
    culprit: (Kind, &'static str, &'static str),
    part: &'static str,
    says: &'static str,
    /// What may change: the culprit's own, where it is on a shared table.
    touches: &'static [&'static str],
}

const TABLE: &str = "~rds http/0.0.0.0/80";

fn spoilers() -> Vec<Spoiler> {
    let route = |what, yaml, says| Spoiler {
        what,
        yaml,
        culprit: (Kind::HTTPRoute, "shop", "bad"),
        part: "0",
        says,
        touches: &[TABLE],
    };
    vec![
        route(
            "a route to a Service that does not exist",
            "rules: [{backendRefs: [{name: nowhere, port: 80}]}]",
            "ResolvedRefs=False/BackendNotFound",
        ),
        route(
            "a route to a port that does not exist",
            "rules: [{backendRefs: [{name: api, port: 81}]}]",
            "ResolvedRefs=False/BackendNotFound",
        ),
        route(
            "a route to a kind nobody knows",
            "rules: [{backendRefs: [{group: x.example, kind: Thing, name: api, port: 80}]}]",
            "ResolvedRefs=False/InvalidKind",
        ),
        route(
            "a route to another namespace without a grant",
            "rules: [{backendRefs: [{namespace: other, name: api, port: 80}]}]",
            "ResolvedRefs=False/RefNotPermitted",
        ),
        route(
            "a regular expression that is none",
            "rules: [{matches: [{path: {type: RegularExpression, value: '/(('}}], backendRefs: [{name: api, port: 80}]}]",
            "Accepted=False/UnsupportedValue",
        ),
        route(
            "a filter nobody knows",
            "rules: [{filters: [{type: Nonsense}], backendRefs: [{name: api, port: 80}]}]",
            "Accepted=False/UnsupportedValue",
        ),
        route(
            "a header that cannot be one",
            "rules: [{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: 'a b', value: c}]}}]}]",
            "Accepted=False/UnsupportedValue",
        ),
        route(
            "a timeout that is no duration",
            "rules: [{timeouts: {request: soon}, backendRefs: [{name: api, port: 80}]}]",
            "Accepted=False/UnsupportedValue",
        ),
        route(
            "a redirect with an impossible status",
            "rules: [{filters: [{type: RequestRedirect, requestRedirect: {statusCode: 200}}]}]",
            "Accepted=False/UnsupportedValue",
        ),
    ]
}

fn bad_route(spec: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{namespace: shop, name: bad, generation: 1, creationTimestamp: '2026-03-01T00:00:00Z'}}
spec:
  parentRefs: [{{name: web, sectionName: http}}]
  hostnames: [bad.shop.example]
  {spec}
"
    )
}

fn good() -> World {
    world(&shop::whole().iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_bad_route_changes_nothing_but_its_own_hosts() {
    let before = translated(&good());
    for spoiler in spoilers() {
        let mut spoilt = good_with(&before_world(), &bad_route(spoiler.yaml));
        let after = translated(&spoilt);
        assert_eq!(changes(&translated(&before_world()), &after), spoiler.touches, "{}", spoiler.what);
        let (kind, namespace, name) = spoiler.culprit;
        let culprit = ObjectId::new(kind, namespace, name);
        let found = said(conditions(&after, &culprit, spoiler.part));
        assert!(found.iter().any(|one| one == spoiler.says), "{}: {found:?}", spoiler.what);
        let problem = after.problems.iter().find(|problem| problem.origin.object == culprit);
        assert!(problem.is_some_and(|problem| problem.origin.field.starts_with("spec.rules[0]")), "{}", spoiler.what);
        // Every other status is what it was, but for the count of routes.
        for (id, status) in before.statuses.iter().filter(|(id, _)| id.kind != Kind::Gateway) {
            assert_eq!(after.statuses.get(id), Some(status), "{}: {id}", spoiler.what);
        }
        // And the hosts of others are the same to the byte.
        assert_eq!(
            without_host(&after, "bad.shop.example"),
            without_host(&translated(&before_world()), "bad.shop.example")
        );
        spoilt.remove(&culprit);
        assert_eq!(changes(&translated(&before_world()), &translated(&spoilt)), [""; 0]);
    }
}

/// One world for all: its certificate must not be made anew.
fn before_world() -> World {
    static WORLD: std::sync::OnceLock<World> = std::sync::OnceLock::new();
    WORLD.get_or_init(good).clone()
}

fn good_with(world: &World, yaml: &str) -> World {
    let mut world = world.clone();
    objects(yaml).into_iter().for_each(|object| world.insert(object));
    world
}

/// The virtual hosts of the plain table, without one.
fn without_host(translation: &chancery_translator::Translation, host: &str) -> Vec<Vec<u8>> {
    use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
    use prost::Message;
    let tables = resources(translation);
    let tables = tables.values().filter(|resource| resource.type_url().short() == Some("rds"));
    tables
        .flat_map(|table| RouteConfiguration::decode(table.body().clone()).expect("a route table").virtual_hosts)
        .filter(|virtual_host| !virtual_host.domains.iter().any(|domain| domain == host))
        .map(|virtual_host| {
            let resource = chancery_resource::encode(&virtual_host).expect("a virtual host");
            resource.body().to_vec()
        })
        .collect()
}

#[test]
fn a_bad_listener_leaves_the_others_as_they_are() {
    let cases = [
        ("a protocol nobody knows", "{name: bad, port: 99, protocol: SCTP}", "Accepted=False/UnsupportedProtocol"),
        (
            "a certificate that is not there",
            "{name: bad, port: 444, protocol: HTTPS, tls: {certificateRefs: [{name: absent}]}}",
            "ResolvedRefs=False/InvalidCertificateRef",
        ),
        (
            "a certificate of another namespace",
            "{name: bad, port: 444, protocol: HTTPS, tls: {certificateRefs: [{namespace: x, name: absent}]}}",
            "ResolvedRefs=False/RefNotPermitted",
        ),
        (
            "a kind it cannot carry",
            "{name: bad, port: 99, protocol: HTTP, allowedRoutes: {kinds: [{kind: TCPRoute}]}}",
            "ResolvedRefs=False/InvalidRouteKinds",
        ),
        (
            "a port that is taken by another protocol",
            "{name: bad, port: 9000, protocol: UDP, hostname: a.example}",
            "Accepted=False/UnsupportedValue",
        ),
    ];
    let before = translated(&before_world());
    for (what, listener, says) in cases {
        let spoilt = shop::GATEWAY.trim_end().to_owned() + "\n  - " + listener + "\n";
        let after = translated(&good_with(&before_world(), &spoilt));
        let web = ObjectId::new(Kind::Gateway, "shop", "web");
        let found = said(conditions(&after, &web, "bad"));
        assert!(found.iter().any(|one| one == says), "{what}: {found:?}");
        let touched: Vec<String> =
            changes(&before, &after).into_iter().filter(|change| !change.starts_with('+')).collect();
        assert_eq!(touched, [""; 0], "{what}");
        for name in ["http", "https", "tls", "tcp"] {
            assert_eq!(conditions(&after, &web, name), conditions(&before, &web, name), "{what}: {name}");
        }
    }
}

#[test]
fn a_bad_policy_bars_its_service_and_touches_no_other() {
    let policy = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {namespace: shop, name: bad, generation: 1}
spec:
  targetRefs: [{group: '', kind: Service, name: api}]
  validation: {hostname: api.example, caCertificateRefs: [{group: '', kind: ConfigMap, name: nowhere}]}
";
    let after = translated(&good_with(&before_world(), policy));
    let culprit = ObjectId::new(Kind::BackendTLSPolicy, "shop", "bad");
    assert_eq!(
        said(conditions(&after, &culprit, "0")),
        ["Accepted=False/NoValidCACertificate", "ResolvedRefs=False/InvalidCACertificateRef"]
    );
    let changed = changes(&translated(&before_world()), &after);
    assert!(
        changed.iter().all(|change| change.contains("/api/") || change == TABLE || change.contains("8443")),
        "{changed:?}"
    );
}
