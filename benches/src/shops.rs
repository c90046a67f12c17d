//! Worlds of many shops: one Gateway, and routes with two rules each to services of their namespace.

use chancery_translator::World;
use chancery_translator::api::Object;
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
