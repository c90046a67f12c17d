//! Worlds of many shops: one Gateway, and routes with two rules each to services of their namespace.

use chancery_translator::api::Object;
use chancery_translator::{Change, World};
use serde_json::{Value, json};

/// A world of this many HTTPRoutes over this many namespaces, each namespace with ten services of two endpoints.
///
/// # Panics
/// Never, for what is made here.
pub fn world(routes: usize, namespaces: usize) -> World {
    let mut objects = vec![
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
            "spec": {"controllerName": "chancery.dev/gateway-controller"}
        }),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"namespace": "infra", "name": "web"},
            "spec": {"gatewayClassName": "chancery", "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
            ]}
        }),
    ];
    for namespace in 0..namespaces {
        for service in 0..10 {
            objects.extend(backend(&format!("shop-{namespace}"), &format!("backend-{service}"), namespace, service));
        }
    }
    for route in 0..routes {
        objects.push(http_route(&format!("shop-{}", route % namespaces), route));
    }
    objects.iter().map(|object| Object::read(object).expect("what is made here can be read").0).collect()
}

/// A route of [`world`], with a header filter or without.
///
/// # Panics
/// Never, for what is made here.
pub fn edited_route(number: usize, namespaces: usize, edited: bool) -> Change {
    let mut route = http_route(&format!("shop-{}", number % namespaces), number);
    if edited {
        let set = json!([{"name": "x-edit", "value": "1"}]);
        let filter = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": set}});
        route["spec"]["rules"][0]["filters"] = json!([filter]);
    }
    Change::Put(Object::read(&route).expect("what is made here can be read").0)
}

/// A route of [`world`] with something about it that no proxy hears of: an annotation, or every second time the status
/// another controller wrote.
///
/// # Panics
/// Never, for what is made here.
pub fn annotated_route(number: usize, namespaces: usize, note: usize) -> Change {
    let mut route = http_route(&format!("shop-{}", number % namespaces), number);
    if note.is_multiple_of(2) {
        route["metadata"]["annotations"] = json!({"note": note.to_string()});
    } else {
        let condition = json!({
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": format!("seen {note} times"),
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": note
        });
        route["status"]["parents"] = json!([{
            "parentRef": {"namespace": "infra", "name": "other"},
            "controllerName": "example.com/other", "conditions": [condition]
        }]);
    }
    Change::Put(Object::read(&route).expect("what is made here can be read").0)
}

/// A slice of [`world`], with another address or with its own.
///
/// # Panics
/// Never, for what is made here.
pub fn edited_slice(edited: bool) -> Change {
    let [_, mut slice] = backend("shop-0", "backend-0", 0, 0);
    if edited {
        slice["endpoints"][0]["addresses"] = json!(["10.9.9.9"]);
    }
    Change::Put(Object::read(&slice).expect("what is made here can be read").0)
}

fn backend(namespace: &str, name: &str, x: usize, y: usize) -> [Value; 2] {
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name},
            "spec": {"ports": [{"name": "http", "port": 80}]}
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": [format!("10.1.{x}.{y}")]}, {"addresses": [format!("10.2.{x}.{y}")]}]
        }),
    ]
}

fn http_route(namespace: &str, number: usize) -> Value {
    let backend = |offset: usize| json!([{"name": format!("backend-{}", (number + offset) % 10), "port": 80}]);
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"namespace": namespace, "name": format!("route-{number}")},
        "spec": {
            "parentRefs": [{"namespace": "infra", "name": "web"}],
            "hostnames": [format!("host-{number}.example.com")],
            "rules": [
                {"matches": [{"path": {"value": "/api"}}], "backendRefs": backend(0)},
                {"matches": [{"path": {"value": "/"}}], "backendRefs": backend(1)}
            ]
        }
    })
}
