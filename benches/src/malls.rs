//! Worlds of many small Gateways, and changes to one object of them.
//!
//! Every namespace has a Gateway that lets in routes of namespaces with a label, ten services of two endpoints, and
//! [`ROUTES`] routes of two rules each; one of them goes to a service of the next namespace, which grants that.

use chancery_translator::Change;
use chancery_translator::api::{Kind, Object, ObjectId};
use serde_json::{Value, json};

/// The routes of a namespace.
pub const ROUTES: usize = 50;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Edit {
    RouteFilter,
    RouteComesAndGoes,
    Endpoints,
    ServicePort,
    Grant,
    ListenerHost,
    NamespaceLabel,
    Annotation,
}

impl Edit {
    /// Every one.
    pub const ALL: [Edit; 8] = [
        Edit::RouteFilter,
        Edit::RouteComesAndGoes,
        Edit::Endpoints,
        Edit::ServicePort,
        Edit::Grant,
        Edit::ListenerHost,
        Edit::NamespaceLabel,
        Edit::Annotation,
    ];

    /// As tables show it.
    pub fn label(self) -> &'static str {
        match self {
            Edit::RouteFilter => "HTTPRoute: a header filter",
            Edit::RouteComesAndGoes => "HTTPRoute: added or removed",
            Edit::Endpoints => "EndpointSlice: an address",
            Edit::ServicePort => "Service: the protocol of a port",
            Edit::Grant => "ReferenceGrant: given or taken",
            Edit::ListenerHost => "Gateway: the host name of a listener",
            Edit::NamespaceLabel => "Namespace: the label routes need",
            Edit::Annotation => "HTTPRoute: an annotation",
        }
    }

    /// The change of this number, in this namespace: every second one undoes the one before.
    pub fn change(self, namespace: usize, number: usize) -> Change {
        let odd = number % 2 == 1;
        let name = namespace_name(namespace);
        match self {
            Edit::RouteFilter => put(&route(namespace, 0, odd.then_some("edited"), None)),
            Edit::RouteComesAndGoes if odd => Change::Remove(ObjectId::new(Kind::HTTPRoute, &name, "route-1")),
            Edit::RouteComesAndGoes => put(&route(namespace, 1, None, None)),
            Edit::Endpoints => put(&slice(namespace, 0, odd)),
            Edit::ServicePort => put(&service(&name, 3, odd)),
            Edit::Grant if odd => Change::Remove(ObjectId::new(Kind::ReferenceGrant, &name, "neighbours")),
            Edit::Grant => put(&grant(namespace)),
            Edit::ListenerHost => put(&gateway(&name, odd)),
            Edit::NamespaceLabel => put(&namespace_object(&name, !odd)),
            Edit::Annotation => put(&route(namespace, 0, None, Some(number))),
        }
    }
}

/// A world of this many routes.
pub fn world(routes: usize) -> Vec<Change> {
    let namespaces = namespaces(routes);
    let mut changes = vec![put(&json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
        "spec": {"controllerName": "chancery.dev/gateway-controller"}
    }))];
    for namespace in 0..namespaces {
        let name = namespace_name(namespace);
        changes.extend([put(&namespace_object(&name, true)), put(&gateway(&name, false)), put(&grant(namespace))]);
        for number in 0..10 {
            changes.extend([put(&service(&name, number, false)), put(&slice(namespace, number, false))]);
        }
        changes.extend((0..ROUTES).map(|number| put(&route(namespace, number, None, None))));
    }
    changes
}

/// How many namespaces a world of this many routes has.
pub fn namespaces(routes: usize) -> usize {
    (routes / ROUTES).max(1)
}

/// # Panics
/// Never, for what is made here.
fn put(object: &Value) -> Change {
    Change::Put(Object::read(object).expect("what is made here can be read").0)
}

fn namespace_name(namespace: usize) -> String {
    format!("mall-{namespace}")
}

fn namespace_object(name: &str, open: bool) -> Value {
    let labels = if open { json!({"open": "yes"}) } else { json!({}) };
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn gateway(namespace: &str, other_host: bool) -> Value {
    let allowed = json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"open": "yes"}}}});
    let host = if other_host { "*.example.org" } else { "*.example.com" };
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"gatewayClassName": "chancery", "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": allowed},
            {"name": "other", "port": 8080, "protocol": "HTTP", "hostname": host, "allowedRoutes": allowed}
        ]}
    })
}

fn grant(namespace: usize) -> Value {
    let name = namespace_name(namespace);
    let from = match namespace.checked_sub(1) {
        Some(previous) => namespace_name(previous),
        None => name.clone(),
    };
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
        "metadata": {"namespace": name, "name": "neighbours"},
        "spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": from}],
            "to": [{"group": "", "kind": "Service"}]
        }
    })
}

fn service(namespace: &str, number: usize, http2: bool) -> Value {
    let protocol = if http2 { "kubernetes.io/h2c" } else { "http" };
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": format!("backend-{number}")},
        "spec": {"ports": [{"name": "http", "port": 80, "appProtocol": protocol}]}
    })
}

fn slice(namespace: usize, number: usize, moved: bool) -> Value {
    let name = format!("backend-{number}");
    let address = |last: usize| format!("10.{}.{}.{last}", namespace / 250 % 250, namespace % 250);
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "namespace": namespace_name(namespace), "name": name, "labels": {"kubernetes.io/service-name": name}
        },
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [address(number)]}, {"addresses": [address(if moved { 200 } else { 100 } + number)]}]
    })
}

fn route(namespace: usize, number: usize, header: Option<&str>, note: Option<usize>) -> Value {
    let neighbour = (number == ROUTES - 1).then(|| namespace_name(namespace + 1));
    let backend = |offset: usize| {
        let mut backend = json!({"name": format!("backend-{}", (number + offset) % 10), "port": 80});
        if let Some(neighbour) = &neighbour {
            backend["namespace"] = json!(neighbour);
        }
        json!([backend])
    };
    let set: Vec<Value> = header.iter().map(|value| json!({"name": "x-edit", "value": value})).collect();
    let filters = match set.is_empty() {
        true => json!([]),
        false => json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": set}}]),
    };
    let annotations = note.map(|note| json!({"note": note.to_string()})).unwrap_or(json!({}));
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {
            "namespace": namespace_name(namespace), "name": format!("route-{number}"), "annotations": annotations
        },
        "spec": {
            "parentRefs": [{"name": "web"}],
            "hostnames": [format!("host-{number}.example.com")],
            "rules": [
                {"matches": [{"path": {"value": "/api"}}], "filters": filters, "backendRefs": backend(0)},
                {"matches": [{"path": {"value": "/"}}], "backendRefs": backend(1)}
            ]
        }
    })
}
