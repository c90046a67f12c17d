//! The example the demonstration serves: the files of `examples/gateway/quickstart/xds`, with ports that are free here.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use chancery_testkit::Issued;

const LISTENERS: &str = include_str!("../../quickstart/xds/listeners.yaml");
const ROUTES: &str = include_str!("../../quickstart/xds/routes.yaml");
const CLUSTERS: &str = include_str!("../../quickstart/xds/clusters.yaml");
const ENDPOINTS: &str = include_str!("../../quickstart/xds/endpoints.yaml");
const TLS: &str = include_str!("../../quickstart/xds/tls.yaml");

/// The files, with what each is for.
pub(super) const CONTENTS: [(&str, &str); 6] = [
    ("listeners.yaml", "where the proxy listens"),
    ("routes.yaml", "which request goes to which cluster"),
    ("clusters.yaml", "the backends: blue and green"),
    ("endpoints.yaml", "where the backends are"),
    ("tls.yaml", "a second listener, with TLS"),
    ("secrets.yaml", "its certificate, made just now"),
];

/// Writes all of them.
pub(super) fn write(root: &Path, blue: SocketAddr, green: SocketAddr, certificate: &Issued) -> io::Result<()> {
    let any_port =
        |text: &str| text.replace("port_value: 10000", "port_value: 0").replace("port_value: 10443", "port_value: 0");
    let endpoints = ENDPOINTS
        .replace("port_value: 18081", &format!("port_value: {}", blue.port()))
        .replace("port_value: 18082", &format!("port_value: {}", green.port()));
    fs::write(root.join("listeners.yaml"), any_port(LISTENERS))?;
    fs::write(root.join("routes.yaml"), ROUTES)?;
    fs::write(root.join("clusters.yaml"), CLUSTERS)?;
    fs::write(root.join("endpoints.yaml"), endpoints)?;
    fs::write(root.join("tls.yaml"), any_port(TLS))?;
    fs::write(root.join("secrets.yaml"), secret(certificate))
}

/// The routes with `/` to green.
pub(super) fn routes_to_green() -> String {
    ROUTES.replace("{cluster: blue}", "{cluster: green}")
}

/// The routes with a mistake.
pub(super) fn routes_with_a_mistake() -> String {
    routes_to_green().replace("virtual_hosts:", "virtual_hots:")
}

fn secret(certificate: &Issued) -> String {
    let block = |pem: &str| pem.lines().map(|line| format!("        {line}\n")).collect::<String>();
    format!(
        "secrets:\n- name: shop-certificate\n  tls_certificate:\n    certificate_chain:\n      inline_string: |\n{}    \
         private_key:\n      inline_string: |\n{}",
        block(&certificate.certificate_pem),
        block(&certificate.key_pem)
    )
}
