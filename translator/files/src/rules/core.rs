//! Services, EndpointSlices, Secrets and ConfigMaps.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::names::is_subdomain;

/// The ports of a Service have different names and numbers; several ports need names.
pub(super) fn service(spec: &Cursor<'_>, findings: &mut Findings) {
    let (mut names, mut numbers) = (BTreeMap::new(), BTreeMap::new());
    let several = spec.count("ports") > 1;
    spec.each("ports", |port| {
        let line = port.position().line;
        match (port.said("name"), port.get("name")) {
            (Some(name), Some(at)) => match names.get(name) {
                Some(first) => {
                    findings.add(&at, "duplicate-name", format!("the port on line {first} has the name {name:?} too"))
                }
                None => drop(names.insert(name.to_owned(), line)),
            },
            _ if several => {
                findings.add_missing(
                    port,
                    "name",
                    "required",
                    "`name` must be given where there are several ports".to_owned(),
                );
            }
            _ => {}
        }
        let Some(number) = port.integer("port") else { return };
        let identity = (number, port.text("protocol").unwrap_or("TCP").to_owned());
        match numbers.get(&identity) {
            Some(first) => {
                findings.add(port, "duplicate-port", format!("{} {number} is on line {first} already", identity.1));
            }
            None => drop(numbers.insert(identity, line)),
        }
    });
    external_name_is_given(spec, findings);
    cluster_ip_is_an_address(spec, findings);
}

fn external_name_is_given(spec: &Cursor<'_>, findings: &mut Findings) {
    if spec.text("type") == Some("ExternalName") && spec.said("externalName").is_none() {
        let message = "`externalName` must be given for the type ExternalName".to_owned();
        findings.add_missing(spec, "externalName", "required", message);
    }
}

/// An address, or `None` for a Service without one.
fn cluster_ip_is_an_address(spec: &Cursor<'_>, findings: &mut Findings) {
    if let (Some(at), Some(text)) = (spec.get("clusterIP"), spec.said("clusterIP"))
        && text != "None"
        && text.parse::<IpAddr>().is_err()
    {
        findings.add(&at, "address", format!("{text:?} is neither an address nor `None`"));
    }
}

/// The addresses of an EndpointSlice are of the type it says.
pub(super) fn endpoint_slice(slice: &Cursor<'_>, findings: &mut Findings) {
    let kind = slice.text("addressType").unwrap_or_default();
    slice.each("endpoints", |endpoint| {
        endpoint.each("addresses", |address| {
            let text = address.node.text().unwrap_or_default();
            let good = match kind {
                "IPv4" => text.parse::<Ipv4Addr>().is_ok(),
                "IPv6" => text.parse::<Ipv6Addr>().is_ok(),
                "FQDN" => is_subdomain(text),
                // Told already.
                _ => true,
            };
            if !good {
                findings.add(address, "address", format!("{text:?} is not an address of the type {kind}"));
            }
        });
    });
}

/// Data that is not plain text is written in base64.
pub(super) fn base64_data(object: &Cursor<'_>, field: &str, findings: &mut Findings) {
    object.with(field, |data| {
        for entry in data.entries() {
            let text = entry.node.text().unwrap_or_default();
            if !is_base64(text) {
                let help = match field {
                    "data" => "; plain text goes under `stringData`",
                    _ => "; plain text goes under `data`",
                };
                findings.add(&entry, "base64", format!("this is not base64{help}"));
            }
        }
    });
}

fn is_base64(text: &str) -> bool {
    let written: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let padding = written.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = written.len() - padding;
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    written.len().is_multiple_of(4) && padding <= 2 && written.iter().take(digits).all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::is_base64;

    #[test]
    fn base64_is_told_from_text() {
        assert!(["", "Zg==", "Zm8=", "Zm9v", "Zm\n9v\n"].into_iter().all(is_base64));
        assert!(!["plain", "Zg=", "Z===", "Zm9v-", "-----BEGIN CERTIFICATE-----"].into_iter().any(is_base64));
    }
}
