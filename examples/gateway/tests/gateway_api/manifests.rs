//! Objects to serve.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

pub(crate) const CLASS: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: chancery}\n\
                                spec: {controllerName: chancery.dev/gateway-controller}\n";

/// A Gateway of the namespace `shop` with one HTTP listener on port 80.
pub(crate) fn gateway(name: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{namespace: shop, name: {name}}}\nspec:\n  \
         gatewayClassName: chancery\n  listeners:\n  - {{name: http, protocol: HTTP, port: 80}}\n"
    )
}

/// A Gateway of the namespace `shop` with an HTTP listener for each of these hosts, all on port 80.
pub(crate) fn exact_gateway(name: &str, hosts: &[&str]) -> String {
    let mut text = gateway(name);
    text.truncate(text.find("  - {").unwrap_or(text.len()));
    for (at, host) in hosts.iter().enumerate() {
        let _ = writeln!(text, "  - {{name: http-{at}, protocol: HTTP, port: 80, hostname: {host}}}");
    }
    text
}

/// An HTTPRoute of the namespace `shop`, with these rules as YAML list items.
pub(crate) fn route(name: &str, gateway: &str, host: &str, rules: &[String]) -> String {
    let mut text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{namespace: shop, name: {name}}}\nspec:\n  \
         parentRefs: [{{name: {gateway}}}]\n  hostnames: [{host}]\n  rules:\n"
    );
    for rule in rules {
        let _ = writeln!(text, "  - {rule}");
    }
    text
}

/// A rule for what begins with a path.
pub(crate) fn rule(path: &str, service: &str) -> String {
    format!(
        "{{matches: [{{path: {{type: PathPrefix, value: {path}}}}}], backendRefs: [{{name: {service}, port: 8080}}]}}"
    )
}

/// A Service of the namespace `shop`, and an EndpointSlice for each address.
pub(crate) fn service(name: &str, addresses: &[SocketAddr]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{namespace: shop, name: {name}}}\nspec: {{ports: [{{name: http, port: \
         8080}}]}}\n"
    );
    for (at, address) in addresses.iter().enumerate() {
        let _ = writeln!(
            text,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{namespace: shop, name: {name}-{at}, \
             labels: {{kubernetes.io/service-name: {name}}}}}\naddressType: IPv4\nports: [{{name: http, port: {}}}]\n\
             endpoints: [{{addresses: [{}]}}]",
            address.port(),
            address.ip()
        );
    }
    text
}

/// A directory with these files.
pub(crate) fn directory(files: &[(&str, String)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    files.iter().for_each(|(name, text)| fs::write(directory.path().join(name), text).expect("to write"));
    directory
}

/// The class, the Gateway `web`, the route `catalog` of `shop.example`, and its service `catalog` at this address.
pub(crate) fn small(backend: SocketAddr) -> TempDir {
    directory(&[
        ("class.yaml", CLASS.to_owned()),
        ("web.yaml", gateway("web")),
        ("catalog.yaml", route("catalog", "web", "shop.example", &[rule("/", "catalog")])),
        ("services.yaml", service("catalog", &[backend])),
    ])
}

/// Puts a file in place as careful editors do.
pub(crate) fn replace(root: &Path, name: &str, text: &str) {
    let beside = root.join(format!(".{name}.beside"));
    fs::write(&beside, text).expect("to write");
    fs::rename(beside, root.join(name)).expect("to rename");
}

/// A path as an argument.
pub(crate) fn path(directory: &TempDir) -> &str {
    directory.path().to_str().expect("a path")
}
