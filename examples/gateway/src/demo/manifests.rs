//! The objects the demonstration serves: the files of `examples/gateway/quickstart/gateway-api`, with the backends' real ports.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

const CLASS: &str = include_str!("../../quickstart/gateway-api/class.yaml");
const GATEWAY: &str = include_str!("../../quickstart/gateway-api/gateway.yaml");
const CATALOG: &str = include_str!("../../quickstart/gateway-api/catalog.yaml");
const CART: &str = include_str!("../../quickstart/gateway-api/cart.yaml");
const REDIRECT: &str = include_str!("../../quickstart/gateway-api/redirect.yaml");
const BACKENDS: &str = include_str!("../../quickstart/gateway-api/backends.yaml");

/// The files, with what each is for.
pub(super) const CONTENTS: [(&str, &str); 6] = [
    ("class.yaml", "GatewayClass: whose Gateways are served"),
    ("gateway.yaml", "Gateway shop/web: where requests come in"),
    ("catalog.yaml", "HTTPRoute: everything to two versions of the catalog, 90 to 10"),
    ("cart.yaml", "HTTPRoute: /cart to the cart, with a header more"),
    ("redirect.yaml", "HTTPRoute: www.shop.example to shop.example"),
    ("backends.yaml", "Services and EndpointSlices: where the backends are"),
];

/// Writes all of them.
pub(super) fn write(root: &Path, [first, second, cart]: [SocketAddr; 3]) -> io::Result<()> {
    let port = |address: SocketAddr| format!("port: {}", address.port());
    let backends = BACKENDS
        .replace("port: 18081", &port(first))
        .replace("port: 18082", &port(second))
        .replace("port: 18083", &port(cart));
    let texts = [CLASS, GATEWAY, CATALOG, CART, REDIRECT, &backends];
    CONTENTS.iter().zip(texts).try_for_each(|((name, _), text)| fs::write(root.join(name), text))
}

/// The header by which answers of the new catalog are known.
pub(super) const EDITION: &str = "x-edition";

/// The catalog with everything to the second version, which answers say.
pub(super) fn catalog_second_only() -> String {
    let filter = format!(
        "    filters:\n    - type: ResponseHeaderModifier\n      responseHeaderModifier:\n        set:\n        \
         - name: {EDITION}\n          value: second\n    backendRefs:"
    );
    CATALOG.replace("weight: 90", "weight: 0").replace("weight: 10", "weight: 100").replace("    backendRefs:", &filter)
}

/// The cart with a backend nobody has.
pub(super) fn cart_with_a_mistake() -> String {
    CART.replace("    - name: cart\n      port: 8080", "    - name: kart\n      port: 8080")
}

/// The cart as it was.
pub(super) fn cart() -> &'static str {
    CART
}

/// A second Gateway of the same routes' namespace, and a route of its own.
pub(super) fn second_gateway() -> String {
    let route = CATALOG.replace("name: catalog\n", "name: catalog-inside\n").replace("- name: web", "- name: inside");
    format!("{}---\n{route}", GATEWAY.replace("name: web", "name: inside"))
}
