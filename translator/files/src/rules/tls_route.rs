//! The host names of a TLSRoute: server names are no addresses.

use std::net::IpAddr;

use crate::cursor::Cursor;
use crate::findings::Findings;

pub(super) fn check(spec: &Cursor<'_>, findings: &mut Findings) {
    spec.each("hostnames", |hostname| {
        let text = hostname.node.text().unwrap_or_default();
        if text.parse::<IpAddr>().is_ok() {
            findings.add(
                hostname,
                "hostname",
                format!("{text} is an address: a client sends the name of a server, never an address"),
            );
        }
    });
}
