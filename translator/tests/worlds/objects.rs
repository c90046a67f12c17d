//! Random objects of every kind, and random changes to a world of them.

use chancery_testkit::{Random, TestAuthority};
use chancery_translator::api::{Kind, Object};
use chancery_translator::{Change, World};
use serde_json::{Value, json};

use super::edits::{edited, known, noted};

pub(crate) const NAMESPACES: [&str; 2] = ["a", "b"];
pub(crate) const GATEWAYS: [&str; 3] = ["g1", "g2", "g3"];
const CLASSES: [&str; 6] = ["chancery", "chancery", "chancery", "chancery", "assumed", "foreign"];
const SETS: [&str; 2] = ["l1", "l2"];
const ROUTES: [&str; 4] = ["r1", "r2", "r3", "r4"];
const SERVICES: [&str; 3] = ["s1", "s2", "s3"];
const SECRETS: [&str; 3] = ["cert1", "cert2", "ca"];
const HOSTS: [&str; 6] = ["one.example", "two.example", "*.example", "deep.two.example", "*.two.example", "other.test"];
const SECTIONS: [&str; 4] = ["x", "y", "z", "w"];

/// The objects of random worlds; certificates are dear, and made once.
pub(crate) struct Objects {
    certificates: Vec<(String, String)>,
    authorities: Vec<String>,
}

impl Objects {
    pub(crate) fn new() -> Objects {
        let authorities: Vec<TestAuthority> =
            ["first", "second"].iter().map(|name| TestAuthority::new(name).expect("an authority")).collect();
        let certificates = authorities.iter().map(|authority| {
            let issued = authority.server(&["one.example"], &[]).expect("a certificate");
            (issued.certificate_pem.clone(), issued.key_pem.clone())
        });
        Objects {
            certificates: certificates.collect(),
            authorities: authorities.iter().map(TestAuthority::certificate_pem).collect(),
        }
    }

    /// What a world begins with: something of everything.
    pub(crate) fn beginning(&self, random: &mut Random) -> Vec<Object> {
        let class = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
            "spec": {"controllerName": "chancery.dev/gateway-controller"}
        });
        let mut objects = vec![read(&class)];
        // Where too much is wrong, nothing is served, and there is little to get wrong.
        for kind in Kind::ALL {
            let many = match kind {
                Kind::GatewayClass => 0,
                Kind::Service | Kind::EndpointSlice | Kind::Secret => 12,
                Kind::HTTPRoute | Kind::GRPCRoute | Kind::Gateway => 6,
                _ => 3,
            };
            objects.extend((0..many).map(|_| self.random_object(random, kind)));
        }
        objects
    }

    /// Something new, something else, something gone.
    pub(crate) fn change(&self, random: &mut Random, world: &World) -> Change {
        let weights = [
            (Kind::GatewayClass, 1),
            (Kind::Gateway, 4),
            (Kind::ListenerSet, 3),
            (Kind::HTTPRoute, 10),
            (Kind::GRPCRoute, 6),
            (Kind::TLSRoute, 4),
            (Kind::TCPRoute, 3),
            (Kind::UDPRoute, 3),
            (Kind::ReferenceGrant, 4),
            (Kind::BackendTLSPolicy, 5),
            (Kind::Service, 6),
            (Kind::ServiceImport, 2),
            (Kind::EndpointSlice, 8),
            (Kind::Secret, 5),
            (Kind::ConfigMap, 3),
            (Kind::ClusterTrustBundle, 2),
            (Kind::Namespace, 3),
        ];
        let mut at = random.below(weights.iter().map(|(_, weight)| weight).sum());
        let found = weights.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let kind = found.map_or(Kind::HTTPRoute, |(kind, _)| *kind);
        let object = self.random_object(random, kind);
        match random.below(8) {
            0 if world.contains(&object.id()) => Change::Remove(object.id()),
            1 => known(world, &object).map_or(Change::Put(object), |known| Change::Put(noted(&known, random))),
            2..=4 => known(world, &object).map_or(Change::Put(object), |known| Change::Put(edited(&known, random))),
            _ => Change::Put(object),
        }
    }

    fn random_object(&self, random: &mut Random, kind: Kind) -> Object {
        read(&match kind {
            Kind::GatewayClass => gateway_class(random),
            Kind::Gateway => gateway(random),
            Kind::ListenerSet => listener_set(random),
            Kind::HTTPRoute | Kind::GRPCRoute => http_route(random, kind),
            Kind::TLSRoute | Kind::TCPRoute | Kind::UDPRoute => l4_route(random, kind),
            Kind::ReferenceGrant => grant(random),
            Kind::BackendTLSPolicy => policy(random),
            Kind::Service | Kind::ServiceImport => service(random, kind),
            Kind::EndpointSlice => slice(random),
            Kind::Secret => self.secret(random),
            Kind::ConfigMap => self.config_map(random),
            Kind::ClusterTrustBundle => json!({
                "apiVersion": "certificates.k8s.io/v1beta1", "kind": "ClusterTrustBundle", "metadata": {"name": "ca"},
                "spec": {"trustBundle": self.authority(random)}
            }),
            Kind::Namespace => json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": random.one_of(&NAMESPACES), "labels": {"team": random.one_of(&["red", "blue"])}}
            }),
        })
    }

    fn authority(&self, random: &mut Random) -> String {
        if random.one_in(6) {
            "no certificate".to_owned()
        } else {
            self.authorities[random.below(self.authorities.len())].clone()
        }
    }

    fn secret(&self, random: &mut Random) -> Value {
        let (certificate, key) = self.certificates[random.below(self.certificates.len())].clone();
        let data = match random.below(6) {
            0 => json!({}),
            1 => json!({"ca.crt": self.authority(random)}),
            _ => json!({"tls.crt": certificate, "tls.key": key}),
        };
        let encoded: serde_json::Map<String, Value> = data
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), Value::String(base64(value.as_str().unwrap_or_default().as_bytes()))))
            .collect();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"namespace": random.one_of(&NAMESPACES), "name": random.one_of(&SECRETS)}, "data": encoded
        })
    }

    fn config_map(&self, random: &mut Random) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"namespace": random.one_of(&NAMESPACES), "name": "ca"}, "data": {"ca.crt": self.authority(random)}
        })
    }
}

fn read(value: &Value) -> Object {
    Object::read(value).unwrap_or_else(|error| panic!("{error}: {value}")).0
}

fn metadata(random: &mut Random, name: &str) -> Value {
    let mut metadata = json!({
        "namespace": random.one_of(&NAMESPACES), "name": name, "generation": random.below(3)
    });
    if !random.one_in(4) {
        metadata["creationTimestamp"] = json!(format!("2026-01-0{}T00:00:00Z", 1 + random.below(3)));
    }
    metadata
}

fn gateway_class(random: &mut Random) -> Value {
    let mut spec =
        json!({"controllerName": random.one_of(&["chancery.dev/gateway-controller", "other.dev/controller"])});
    if random.one_in(4) {
        spec["parametersRef"] = json!({"group": "x.dev", "kind": "Parameters", "name": "p"});
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": random.one_of(&CLASSES)},
        "spec": spec
    })
}

fn namespaces(random: &mut Random) -> Value {
    match random.below(5) {
        0 => json!({"from": "Same"}),
        1 => json!({"from": "Selector", "selector": {"matchLabels": {"team": random.one_of(&["red", "blue"])}}}),
        2 if random.one_in(4) => json!({"from": "Selector"}),
        _ => json!({"from": "All"}),
    }
}

fn secret_ref(random: &mut Random) -> Value {
    let mut reference = json!({"name": random.one_of(&SECRETS)});
    if random.one_in(3) {
        reference["namespace"] = json!(random.one_of(&NAMESPACES));
    }
    reference
}

fn listener(random: &mut Random, name: &str) -> Value {
    let protocol = random.one_of(&[
        "HTTP", "HTTP", "HTTP", "HTTP", "HTTP", "HTTPS", "HTTPS", "HTTPS", "TLS", "TLS", "TCP", "UDP", "SCTP",
    ]);
    let port = match protocol {
        "HTTP" => random.one_of(&[80, 80, 8080]),
        "TCP" | "UDP" => random.one_of(&[53, 80]),
        _ => random.one_of(&[443, 443, 80]),
    };
    let mut listener =
        json!({"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": namespaces(random)}});
    if !random.one_in(3) && !matches!(protocol, "TCP" | "UDP") {
        listener["hostname"] = json!(random.one_of(&HOSTS));
    }
    if random.one_in(5) {
        listener["allowedRoutes"]["kinds"] = json!([{"kind": random.one_of(&["HTTPRoute", "GRPCRoute", "TLSRoute"])}]);
    }
    match protocol {
        "HTTPS" => listener["tls"] = json!({"certificateRefs": [secret_ref(random)]}),
        "TLS" if random.one_in(2) => listener["tls"] = json!({"mode": "Passthrough"}),
        "TLS" => listener["tls"] = json!({"mode": "Terminate", "certificateRefs": [secret_ref(random)]}),
        _ => {}
    }
    listener
}

fn listeners(random: &mut Random) -> Vec<Value> {
    let count = 1 + random.below(SECTIONS.len());
    SECTIONS.iter().take(count).map(|name| listener(random, name)).collect()
}

fn gateway(random: &mut Random) -> Value {
    let name = random.one_of(&GATEWAYS);
    let mut spec = json!({"gatewayClassName": random.one_of(&CLASSES), "listeners": listeners(random)});
    if random.one_in(2) {
        spec["allowedListeners"] = json!({"namespaces": namespaces(random)});
    }
    if random.one_in(4) {
        spec["addresses"] = json!([{"type": random.one_of(&["IPAddress", "Hostname", "Named"]), "value": "127.0.0.5"}]);
    }
    let mut tls = json!({});
    if random.one_in(3) {
        tls["backend"] = json!({"clientCertificateRef": secret_ref(random)});
    }
    if random.one_in(3) {
        let mode = random.one_of(&["AllowValidOnly", "AllowInsecureFallback"]);
        let authorities = json!([{"group": "", "kind": random.one_of(&["ConfigMap", "Secret"]), "name": "ca"}]);
        tls["frontend"] = json!({"default": {"validation": {"mode": mode, "caCertificateRefs": authorities}}});
    }
    spec["tls"] = tls;
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata(random, name), "spec": spec
    })
}

fn listener_set(random: &mut Random) -> Value {
    let name = random.one_of(&SETS);
    let mut parent = json!({"name": random.one_of(&GATEWAYS)});
    if random.one_in(2) {
        parent["namespace"] = json!(random.one_of(&NAMESPACES));
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": metadata(random, name),
        "spec": {"parentRef": parent, "listeners": if random.one_in(3) { Vec::new() } else { listeners(random) }}
    })
}

fn parents(random: &mut Random) -> Vec<Value> {
    let one = |random: &mut Random| {
        let mut parent = match random.below(4) {
            0 => json!({"kind": "ListenerSet", "name": random.one_of(&SETS)}),
            _ => json!({"name": random.one_of(&GATEWAYS)}),
        };
        if random.one_in(2) {
            parent["namespace"] = json!(random.one_of(&NAMESPACES));
        }
        if random.one_in(3) {
            parent["sectionName"] = json!(random.one_of(&SECTIONS));
        }
        if random.one_in(6) {
            parent["port"] = json!(80);
        }
        parent
    };
    (0..=random.below(3)).map(|_| one(random)).collect()
}

fn backend(random: &mut Random) -> Value {
    let mut backend = json!({"name": random.one_of(&SERVICES), "port": random.one_of(&[80, 80, 80, 80, 80, 53, 53, 9]), "weight": random.one_of(&[0, 1, 1, 2])});
    if random.one_in(3) {
        backend["namespace"] = json!(random.one_of(&NAMESPACES));
    }
    if random.one_in(6) {
        backend["group"] = json!("multicluster.x-k8s.io");
        backend["kind"] = json!("ServiceImport");
    }
    backend
}

fn backends(random: &mut Random) -> Vec<Value> {
    (0..random.below(4)).map(|_| backend(random)).collect()
}

pub(crate) fn hostnames(random: &mut Random) -> Vec<&'static str> {
    (0..random.below(3)).map(|_| random.one_of(&HOSTS)).collect()
}

fn filters(random: &mut Random) -> Vec<Value> {
    let mut filters = Vec::new();
    if random.one_in(4) {
        let set = json!([{"name": "x-a", "value": random.one_of(&["1", "2"])}]);
        filters.push(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": set}}));
    }
    if random.one_in(6) {
        filters.push(json!({"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}));
    }
    if random.one_in(6) {
        filters.push(json!({"type": "RequestMirror", "requestMirror": {"backendRef": backend(random)}}));
    }
    if random.one_in(10) {
        filters.push(json!({"type": "ExtensionRef", "extensionRef": {"group": "x.dev", "kind": "X", "name": "x"}}));
    }
    filters
}

fn http_route(random: &mut Random, kind: Kind) -> Value {
    let name = random.one_of(&ROUTES);
    let rule = |random: &mut Random| {
        let matches = match (random.below(3), kind) {
            (0, _) => json!([]),
            (_, Kind::HTTPRoute) => {
                let path = json!({"type": random.one_of(&["PathPrefix", "Exact"]), "value": random.one_of(&["/", "/a", "/a/b"])});
                json!([{"path": path}, {"method": random.one_of(&["GET", "POST"])}])
            }
            _ => json!([{"method": {"service": random.one_of(&["shop.Cart", "shop.Till"])}}]),
        };
        let mut backends = backends(random);
        for backend in &mut backends {
            if random.one_in(5) {
                backend["filters"] = json!(filters(random));
            }
        }
        let mut rule = json!({"matches": matches, "filters": filters(random), "backendRefs": backends});
        if random.one_in(4) {
            rule["sessionPersistence"] = json!({"sessionName": "s"});
        }
        rule
    };
    let rules: Vec<Value> = (0..=random.below(2)).map(|_| rule(random)).collect();
    let mut route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind.as_str(), "metadata": metadata(random, name),
        "spec": {"parentRefs": parents(random), "hostnames": hostnames(random), "rules": rules}
    });
    if random.one_in(6) {
        route["status"] = ours(random);
    }
    route
}

/// What somebody said of a route before, which may be us.
fn ours(random: &mut Random) -> Value {
    let controller = random.one_of(&["chancery.dev/gateway-controller", "other.dev/controller"]);
    json!({"parents": [{"parentRef": {"name": "old"}, "controllerName": controller, "conditions": []}]})
}

fn l4_route(random: &mut Random, kind: Kind) -> Value {
    let name = random.one_of(&ROUTES);
    let rules: Vec<Value> = (0..=random.below(2).min(1)).map(|_| json!({"backendRefs": backends(random)})).collect();
    let mut spec = json!({"parentRefs": parents(random), "rules": rules});
    if kind == Kind::TLSRoute {
        spec["hostnames"] = json!(hostnames(random));
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1alpha2", "kind": kind.as_str(), "metadata": metadata(random, name), "spec": spec
    })
}

fn grant(random: &mut Random) -> Value {
    let from = random.one_of(&["HTTPRoute", "GRPCRoute", "TLSRoute", "UDPRoute", "Gateway", "ListenerSet"]);
    let (group, to) = random.one_of(&[
        ("", "Service"),
        ("", "Secret"),
        ("", "ConfigMap"),
        ("multicluster.x-k8s.io", "ServiceImport"),
    ]);
    let mut to = json!({"group": group, "kind": to});
    if random.one_in(3) {
        to["name"] = json!(random.one_of(&SERVICES));
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
        "metadata": {"namespace": random.one_of(&NAMESPACES), "name": random.one_of(&["p1", "p2", "p3"])},
        "spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": from, "namespace": random.one_of(&NAMESPACES)}], "to": [to]
        }
    })
}

fn policy(random: &mut Random) -> Value {
    let name = random.one_of(&["t1", "t2", "t3"]);
    let mut target = json!({"group": "", "kind": "Service", "name": random.one_of(&SERVICES)});
    if random.one_in(3) {
        target["sectionName"] = json!("main");
    }
    let authorities = match random.below(4) {
        0 => json!({"wellKnownCACertificates": "System"}),
        1 => {
            json!({"caCertificateRefs": [{"group": "certificates.k8s.io", "kind": "ClusterTrustBundle", "name": "ca"}]})
        }
        _ => {
            json!({"caCertificateRefs": [{"group": "", "kind": random.one_of(&["ConfigMap", "Secret"]), "name": "ca"}]})
        }
    };
    let mut validation = json!({"hostname": random.one_of(&["one.example", "two.example"])});
    for (key, value) in authorities.as_object().into_iter().flatten() {
        validation[key] = value.clone();
    }
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy", "metadata": metadata(random, name),
        "spec": {"targetRefs": [target], "validation": validation}
    })
}

fn service(random: &mut Random, kind: Kind) -> Value {
    let metadata = json!({"namespace": random.one_of(&NAMESPACES), "name": random.one_of(&SERVICES)});
    let mut port = json!({"name": random.one_of(&["main", "main", "side"]), "port": 80});
    if random.one_in(4) {
        port["appProtocol"] = json!("kubernetes.io/h2c");
    }
    if kind == Kind::ServiceImport {
        return json!({
            "apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport", "metadata": metadata,
            "spec": {"type": "ClusterSetIP", "ports": [port]}
        });
    }
    let ports = json!([
        port, {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": random.one_of(&["dns-tcp", "side-tcp"]), "port": 53, "protocol": "TCP"}
    ]);
    let kind = random.one_of(&[
        "ClusterIP",
        "ClusterIP",
        "ClusterIP",
        "ClusterIP",
        "ClusterIP",
        "ClusterIP",
        "ClusterIP",
        "ExternalName",
    ]);
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": kind, "ports": ports}})
}

fn slice(random: &mut Random) -> Value {
    let address = |random: &mut Random, kind: &str| match kind {
        "IPv6" => format!("fd00::{}", 1 + random.below(3)),
        "FQDN" => random.one_of(&["x.internal", "y.internal"]).to_owned(),
        _ => format!("10.0.0.{}", 1 + random.below(4)),
    };
    let kind = random.one_of(&["IPv4", "IPv4", "IPv4", "IPv6", "FQDN"]);
    let endpoints: Vec<Value> = (0..random.below(3))
        .map(|_| json!({"addresses": [address(random, kind)], "conditions": {"ready": !random.one_in(4)}}))
        .collect();
    let label = random.one_of(&[
        "kubernetes.io/service-name",
        "kubernetes.io/service-name",
        "multicluster.kubernetes.io/service-name",
    ]);
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": kind,
        "metadata": {
            "namespace": random.one_of(&NAMESPACES), "name": random.one_of(&["e1", "e2", "e3", "e4"]),
            "labels": {label: random.one_of(&SERVICES)}
        },
        "ports": [{"name": "main", "port": 8080}, {"name": "dns", "port": 5353}, {"name": "side", "port": 8081}], "endpoints": endpoints
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |value: u32, shift: u32| char::from(DIGITS[(value >> shift & 63) as usize]);
    let encode = |chunk: &[u8]| {
        let value = chunk.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let all = [digit(value, 18), digit(value, 12), digit(value, 6), digit(value, 0)];
        all.into_iter().enumerate().map(|(at, one)| if at <= chunk.len() { one } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}
