//! What is particular to a Gateway: addresses, labels of its infrastructure, whose listeners it allows.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::names::{is_qualified, is_subdomain};
use crate::rules::listeners::selector_is_valid;

pub(super) fn check(spec: &Cursor<'_>, findings: &mut Findings) {
    addresses_are_distinct(spec, findings);
    spec.each("addresses", |address| address_is_of_its_type(address, findings));
    spec.with("infrastructure", |infrastructure| infrastructure_keys(infrastructure, findings));
    spec.with("allowedListeners", |allowed| {
        allowed.with("namespaces", |namespaces| selector_is_valid(namespaces, findings));
    });
}

/// An address is asked for once.
fn addresses_are_distinct(spec: &Cursor<'_>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    spec.each("addresses", |address| {
        let kind = address.text("type").unwrap_or("IPAddress");
        let (Some(value), "IPAddress" | "Hostname") = (address.text("value"), kind) else { return };
        match seen.get(&(kind.to_owned(), value.to_owned())) {
            Some(line) => {
                findings.add(address, "duplicate-address", format!("{value} is asked for on line {line} already"))
            }
            None => drop(seen.insert((kind.to_owned(), value.to_owned()), address.position().line)),
        }
    });
}

/// What is asked for is what its type says.
fn address_is_of_its_type(address: &Cursor<'_>, findings: &mut Findings) {
    let (Some(at), Some(value)) = (address.get("value"), address.said("value")) else { return };
    let host = |text: &str| is_subdomain(text.strip_prefix("*.").unwrap_or(text));
    let wanted = match address.text("type").unwrap_or("IPAddress") {
        "IPAddress" if value.parse::<IpAddr>().is_err() => "an IPv4 or IPv6 address",
        "Hostname" if !host(value) => "a host name in lower case",
        _ => return,
    };
    findings.add(&at, "address", format!("{value:?} is not {wanted}"));
}

fn infrastructure_keys(infrastructure: &Cursor<'_>, findings: &mut Findings) {
    for field in ["labels", "annotations"] {
        infrastructure.with(field, |entries| {
            for entry in entries.entries() {
                let key = entry.key().unwrap_or_default();
                if !is_qualified(key) {
                    findings.add(
                        &entry,
                        "name",
                        format!("{key:?} is no key: it is a name, perhaps after a domain and a slash"),
                    );
                }
            }
        });
    }
}
