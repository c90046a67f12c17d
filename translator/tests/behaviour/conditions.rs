//! Conditions: what is said of whom, when.

use chancery_translator::api::{Kind, ObjectId, Status, Truth};
use chancery_translator::{Delivery, Facts, Options, ProxyFacts, ProxyId, merge_status, translate};

use crate::shop;
use crate::world::{conditions, objects, said, translated, world};

fn web() -> ObjectId {
    ObjectId::new(Kind::Gateway, "shop", "web")
}

fn start() -> chancery_translator::World {
    world(&shop::whole().iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_good_world_is_accepted_throughout() {
    let translation = translated(&start());
    assert_eq!(translation.problems, []);
    assert_eq!(said(conditions(&translation, &web(), "")), ["Accepted=True/Accepted", "Programmed=True/Programmed"]);
    for listener in ["http", "https", "tls", "tcp"] {
        let all = ["Accepted=True/Accepted", "Programmed=True/Programmed", "ResolvedRefs=True/ResolvedRefs"];
        assert_eq!(said(conditions(&translation, &web(), listener)), all, "{listener}");
    }
    let front = ObjectId::new(Kind::HTTPRoute, "shop", "front");
    assert_eq!(
        said(conditions(&translation, &front, "0")),
        ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"]
    );
}

#[test]
fn every_condition_carries_the_generation_of_its_object() {
    let translation = translated(&start());
    for (id, status) in &translation.statuses {
        let generation = if id.kind == Kind::Gateway { 3 } else { 1 };
        let all: Vec<_> = match status {
            Status::GatewayClass(status) => status.conditions.iter().collect(),
            Status::Gateway(status) => {
                status.conditions.iter().chain(status.listeners.iter().flat_map(|one| &one.conditions)).collect()
            }
            Status::ListenerSet(status) => status.conditions.iter().collect(),
            Status::Route(status) => status.parents.iter().flat_map(|one| &one.conditions).collect(),
            Status::Policy(status) => status.ancestors.iter().flat_map(|one| &one.conditions).collect(),
        };
        assert!(!all.is_empty() && all.iter().all(|one| one.observed_generation == generation), "{id}");
    }
}

#[test]
fn programmed_waits_for_the_proxies() {
    let observed = |connected, settled| {
        let facts = ProxyFacts { connected, settled, ..ProxyFacts::default() };
        let proxies = [(ProxyId::Gateway(web()), facts)].into_iter().collect();
        let options = Options { delivery: Delivery::Observed(Facts { proxies }), ..Options::default() };
        said(conditions(&translate(&start(), &options), &web(), ""))
    };
    assert_eq!(observed(0, 0), ["Accepted=True/Accepted", "Programmed=False/NoResources"]);
    assert_eq!(observed(2, 1), ["Accepted=True/Accepted", "Programmed=False/Pending"]);
    assert_eq!(observed(2, 2), ["Accepted=True/Accepted", "Programmed=True/Programmed"]);
}

#[test]
fn a_condition_keeps_its_time_until_it_flips() {
    let front = ObjectId::new(Kind::HTTPRoute, "shop", "front");
    let controller = Options::default().controller_name;
    let good = translated(&start());
    let first = merge_status(None, good.statuses[&front].clone(), &controller, "T1");
    let second = merge_status(Some(&first), good.statuses[&front].clone(), &controller, "T2");
    assert_eq!(second, first);
    let mut spoilt = start();
    spoilt.remove(&ObjectId::new(Kind::Service, "shop", "front"));
    let bad = translated(&spoilt);
    let third = merge_status(Some(&second), bad.statuses[&front].clone(), &controller, "T3");
    let Status::Route(route) = &third else { panic!("a route has a route's status") };
    let times: Vec<_> = route.parents[0]
        .conditions
        .iter()
        .map(|one| (one.kind.as_str(), one.last_transition_time.as_deref()))
        .collect();
    assert_eq!(times, [("Accepted", Some("T1")), ("ResolvedRefs", Some("T3"))]);
}

#[test]
fn entries_of_other_controllers_stay_and_stale_ones_of_ours_go() {
    let id = ObjectId::new(Kind::HTTPRoute, "shop", "front");
    let controller = Options::default().controller_name;
    let desired = translated(&start()).statuses[&id].clone();
    let Status::Route(route) = &desired else { panic!("a route has a route's status") };
    let (mut foreign, mut stale) = (route.parents[0].clone(), route.parents[0].clone());
    foreign.controller_name = "other.example/controller".to_owned();
    foreign.conditions.truncate(1);
    stale.parent_ref.name = "gone".into();
    let previous = Status::Route(chancery_translator::api::RouteStatus { parents: vec![foreign.clone(), stale] });
    let Status::Route(merged) = merge_status(Some(&previous), desired, &controller, "T") else { panic!("a route") };
    assert_eq!(merged.parents.len(), 2);
    assert_eq!(merged.parents[0], foreign);
    assert_eq!(&*merged.parents[1].parent_ref.name, "web");
}

#[test]
fn a_gateway_that_leaves_our_classes_loses_proxy_and_status() {
    let left = shop::GATEWAY.replace("gatewayClassName: chancery", "gatewayClassName: somebody-elses");
    let mut world = start();
    objects(&left).into_iter().for_each(|object| world.insert(object));
    let translation = translated(&world);
    assert!(translation.proxies.is_empty());
    assert!(!translation.statuses.contains_key(&web()));
    assert!(!translation.statuses.contains_key(&ObjectId::new(Kind::HTTPRoute, "shop", "front")));
}

#[test]
fn features_are_told_on_the_class_in_order() {
    let translation = translated(&start());
    let Status::GatewayClass(class) = &translation.statuses[&ObjectId::new(Kind::GatewayClass, "", "chancery")] else {
        panic!("a class has a class's status")
    };
    assert!(class.supported_features.is_sorted() && !class.supported_features.is_empty());
}

#[test]
fn reasons_of_a_parent_are_told_in_their_order() {
    let route = |parent: &str, hosts: &str| {
        format!(
            "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{namespace: shop, name: probe, generation: 1}}
spec: {{parentRefs: [{parent}], hostnames: [{hosts}], rules: [{{backendRefs: [{{name: api, port: 80}}]}}]}}
"
        )
    };
    let cases = [
        ("{name: web, sectionName: nowhere}", "", "Accepted=False/NoMatchingParent"),
        ("{name: web, port: 81}", "", "Accepted=False/NoMatchingParent"),
        ("{name: web, sectionName: http, port: 443}", "", "Accepted=False/NoMatchingParent"),
        ("{name: web, sectionName: tcp}", "", "Accepted=False/NotAllowedByListeners"),
        ("{name: web, sectionName: https}", "a.other.example", "Accepted=False/NoMatchingListenerHostname"),
        ("{name: web, sectionName: https}", "a.shop.example", "Accepted=True/Accepted"),
    ];
    for (parent, hosts, says) in cases {
        let mut world = start();
        objects(&route(parent, hosts)).into_iter().for_each(|object| world.insert(object));
        let translation = translated(&world);
        let found = conditions(&translation, &ObjectId::new(Kind::HTTPRoute, "shop", "probe"), "0");
        assert_eq!(said(found)[0], says, "{parent}");
        assert!(found.iter().any(|one| one.kind == "ResolvedRefs" && one.status == Truth::True), "{parent}");
    }
}

#[test]
fn proxies_see_where_routes_come_from_only_when_asked() {
    use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
    use prost::Message;
    let described = |provenance| {
        let options = Options { provenance, ..Options::default() };
        let translation = translate(&start(), &options);
        let served = translation.proxies.values().next().expect("a proxy");
        let mut tables = served.resources.iter().filter(|resource| resource.type_url().short() == Some("rds"));
        let table = RouteConfiguration::decode(tables.next().expect("a table").body().clone()).expect("a table");
        let host = table.virtual_hosts.into_iter().find(|host| !host.routes.is_empty()).expect("a host with routes");
        format!("{:?}", host.routes[0].metadata)
    };
    assert_eq!(described(chancery_translator::ProvenanceIn::Translation), "None");
    assert!(described(chancery_translator::ProvenanceIn::Metadata).contains("spec.rules[0]"));
}

#[test]
fn every_resource_and_part_tells_where_it_comes_from() {
    let translation = translated(&start());
    let served = translation.proxies.values().next().expect("a proxy");
    for resource in served.resources.iter() {
        let known = served.provenance.get(&(resource.type_url().clone(), resource.name().clone()));
        assert!(known.is_some_and(|known| !known.origins.is_empty()), "{}", resource.name().as_str());
    }
    let table = served.provenance.iter().find(|((_, name), _)| name.as_str() == "http/0.0.0.0/80").expect("a table").1;
    let of_host = &table.parts["http/0.0.0.0/80/api.shop.example"];
    assert!(of_host.iter().any(|origin| origin.to_string() == "HTTPRoute shop/api spec.rules[0]"), "{of_host:?}");
    assert!(table.parts.keys().any(|part| part.starts_with("httproute/shop/api/-~")));
}
