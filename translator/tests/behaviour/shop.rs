//! A good world with some of everything, to change and to spoil.

pub(crate) const CLASS: &str = r"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: chancery, generation: 1}
spec: {controllerName: chancery.dev/gateway-controller}
";

/// A Gateway with HTTP, HTTPS, TLS and TCP listeners.
pub(crate) const GATEWAY: &str = r"
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: shop, name: web, generation: 3, creationTimestamp: '2026-01-02T00:00:00Z'}
spec:
  gatewayClassName: chancery
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - name: https
    port: 443
    protocol: HTTPS
    hostname: '*.shop.example'
    tls: {certificateRefs: [{name: shop-cert}]}
  - {name: tls, port: 8443, protocol: TLS, hostname: '*.pass.example', tls: {mode: Passthrough}}
  - {name: tcp, port: 9000, protocol: TCP}
";

pub(crate) const ROUTES: &str = r"
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: front, generation: 1, creationTimestamp: '2026-01-03T00:00:00Z'}
spec:
  parentRefs: [{name: web}]
  hostnames: [www.shop.example]
  rules:
  - matches: [{path: {value: /cart}}]
    backendRefs: [{name: cart, port: 80}]
  - matches: [{path: {value: /}}]
    backendRefs: [{name: front, port: 80, weight: 9}, {name: cart, port: 80, weight: 1}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: shop, name: api, generation: 1, creationTimestamp: '2026-01-04T00:00:00Z'}
spec:
  parentRefs: [{name: web, sectionName: http}]
  hostnames: [api.shop.example]
  rules:
  - backendRefs: [{name: api, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {namespace: shop, name: orders, generation: 1, creationTimestamp: '2026-01-05T00:00:00Z'}
spec:
  parentRefs: [{name: web, sectionName: http}]
  hostnames: [grpc.shop.example]
  rules:
  - matches: [{method: {service: shop.Orders, method: List}}]
    backendRefs: [{name: api, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {namespace: shop, name: pass, generation: 1, creationTimestamp: '2026-01-06T00:00:00Z'}
spec:
  parentRefs: [{name: web, sectionName: tls}]
  hostnames: [a.pass.example]
  rules: [{backendRefs: [{name: api, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {namespace: shop, name: stream, generation: 1, creationTimestamp: '2026-01-07T00:00:00Z'}
spec:
  parentRefs: [{name: web, sectionName: tcp}]
  rules: [{backendRefs: [{name: cart, port: 80}]}]
";

/// A service on port 80 with one endpoint.
pub(crate) fn service(name: &str, address: &str) -> String {
    format!(
        r"
apiVersion: v1
kind: Service
metadata: {{namespace: shop, name: {name}}}
spec: {{ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{namespace: shop, name: {name}-1, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: 8080, protocol: TCP}}]
endpoints: [{{addresses: [{address}]}}]
"
    )
}

/// A Secret with a certificate for the name, made for the occasion.
pub(crate) fn certificate(name: &str, host: &str) -> String {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate");
    let indent = |pem: String| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{namespace: shop, name: {name}}}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
        indent(made.cert.pem()),
        indent(made.signing_key.serialize_pem())
    )
}

/// All of it. The certificate is new with every call.
pub(crate) fn whole() -> Vec<String> {
    let mut texts = vec![CLASS.to_owned(), GATEWAY.to_owned(), ROUTES.to_owned()];
    texts.extend([service("front", "10.0.0.1"), service("cart", "10.0.0.2"), service("api", "10.0.0.3")]);
    texts.push(certificate("shop-cert", "www.shop.example"));
    texts
}
