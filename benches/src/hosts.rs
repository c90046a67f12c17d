//! Worlds of many hosts on one port: a listener for each, and a route of three rules, one of which says which edit it is from.

use chancery_translator::api::Object;
use chancery_translator::{Change, World};
use serde_json::{Value, json};

/// The most listeners a ListenerSet may have.
const LISTENERS_PER_SET: usize = 64;

/// The name of a host.
pub fn host(number: usize) -> String {
    format!("host-{number}.example.com")
}

/// The path of the answer that tells the edit.
pub fn location(edit: usize) -> String {
    format!("/edit-{edit}")
}

/// A world of this many hosts on this port. All host names are exact, in listeners too.
///
/// # Panics
/// Never, for what is made here.
pub fn world(hosts: usize, port: u16) -> World {
    let mut objects = vec![
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
            "spec": {"controllerName": "chancery.dev/gateway-controller"}
        }),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"namespace": "infra", "name": "web"},
            "spec": {
                "gatewayClassName": "chancery", "listeners": [listener("own", "own.example.com", port)],
                "allowedListeners": {"namespaces": {"from": "Same"}}
            }
        }),
    ];
    let numbers: Vec<usize> = (0..hosts).collect();
    for (at, numbers) in numbers.chunks(LISTENERS_PER_SET).enumerate() {
        let listeners = numbers.iter().map(|number| listener(&format!("http-{number}"), &host(*number), port));
        objects.push(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet",
            "metadata": {"namespace": "infra", "name": set(at)},
            "spec": {
                "parentRef": {"name": "web"}, "listeners": listeners.collect::<Vec<_>>()
            }
        }));
    }
    objects.extend(numbers.iter().map(|number| route(*number, 0)));
    objects.iter().map(|object| Object::read(object).expect("what is made here can be read").0).collect()
}

/// The route of a host after an edit.
///
/// # Panics
/// Never, for what is made here.
pub fn edited(number: usize, edit: usize) -> Change {
    Change::Put(Object::read(&route(number, edit)).expect("what is made here can be read").0)
}

fn set(at: usize) -> String {
    format!("set-{at}")
}

fn listener(name: &str, host: &str, port: u16) -> Value {
    json!({"name": name, "port": port, "protocol": "HTTP", "hostname": host})
}

fn route(number: usize, edit: usize) -> Value {
    let redirect = |path: &str, to: &str| {
        let to = json!({"type": "ReplaceFullPath", "replaceFullPath": to});
        json!({
            "matches": [{"path": {"value": path}}],
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"path": to, "statusCode": 302}}]
        })
    };
    let parent = json!({
        "group": "gateway.networking.k8s.io", "kind": "ListenerSet", "name": set(number / LISTENERS_PER_SET),
        "sectionName": format!("http-{number}")
    });
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"namespace": "infra", "name": format!("route-{number}")},
        "spec": {
            "parentRefs": [parent],
            "hostnames": [host(number)],
            "rules": [redirect("/api", "/one"), redirect("/shop", "/two"), redirect("/", &location(edit))]
        }
    })
}
