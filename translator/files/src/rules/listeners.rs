//! The listeners of a Gateway or ListenerSet.

use std::collections::BTreeMap;

use crate::cursor::Cursor;
use crate::findings::Findings;

pub(super) fn check(spec: &Cursor<'_>, findings: &mut Findings) {
    spec.each("listeners", |listener| {
        no_tls_without_encryption(listener, findings);
        https_terminates(listener, findings);
        tls_says_its_mode(listener, findings);
        no_hostname_without_names(listener, findings);
        termination_has_certificates(listener, findings);
        labels_are_selected_with_selector(listener, findings);
    });
    ports_are_distinct(spec, findings);
}

/// HTTP, TCP and UDP are not encrypted.
fn no_tls_without_encryption(listener: &Cursor<'_>, findings: &mut Findings) {
    if let (Some(protocol @ ("HTTP" | "TCP" | "UDP")), Some(at)) = (listener.text("protocol"), listener.get("tls")) {
        findings.add(
            &at,
            "listener-tls",
            format!("`tls` cannot be given for the protocol {protocol}; use HTTPS or TLS"),
        );
    }
}

/// HTTPS that is passed through cannot be routed as HTTP.
fn https_terminates(listener: &Cursor<'_>, findings: &mut Findings) {
    let Some(tls) = listener.get("tls") else { return };
    if let (Some("HTTPS"), Some("Passthrough"), Some(at)) =
        (listener.text("protocol"), tls.text("mode"), tls.get("mode"))
    {
        findings.add(&at, "listener-tls", "HTTPS is terminated here; to pass it through, use the protocol TLS");
    }
}

/// A listener for TLS says whether it terminates: `Terminate` where `tls` says nothing else.
fn tls_says_its_mode(listener: &Cursor<'_>, findings: &mut Findings) {
    if listener.text("protocol") == Some("TLS") && !listener.has("tls") {
        findings.add_missing(listener, "tls", "listener-tls", "`tls` must be given for the protocol TLS".to_owned());
    }
}

/// TCP and UDP carry no host names.
fn no_hostname_without_names(listener: &Cursor<'_>, findings: &mut Findings) {
    if let (Some(protocol @ ("TCP" | "UDP")), Some(_), Some(at)) =
        (listener.text("protocol"), listener.said("hostname"), listener.get("hostname"))
    {
        findings.add(
            &at,
            "listener-hostname",
            format!("`hostname` cannot be given for the protocol {protocol}, which carries no names"),
        );
    }
}

/// Where TLS ends there is a certificate, or an option that brings one.
fn termination_has_certificates(listener: &Cursor<'_>, findings: &mut Findings) {
    let Some(tls) = listener.get("tls") else { return };
    let terminates = tls.text("mode").is_none_or(|mode| mode == "Terminate");
    let options = tls.get("options").map_or(0, |options| options.entries().count());
    if terminates && tls.count("certificateRefs") == 0 && options == 0 {
        let message = "`certificateRefs` must name a certificate where TLS terminates".to_owned();
        findings.add_missing(&tls, "certificateRefs", "listener-certificates", message);
    }
}

/// `from: Selector` goes with a selector.
fn labels_are_selected_with_selector(listener: &Cursor<'_>, findings: &mut Findings) {
    listener.with("allowedRoutes", |allowed| {
        allowed.with("namespaces", |namespaces| selector_is_valid(namespaces, findings));
    });
}

/// The operator of a label selector takes the values it gets.
pub(super) fn selector_is_valid(namespaces: &Cursor<'_>, findings: &mut Findings) {
    namespaces.with("selector", |selector| {
        selector.each("matchExpressions", |expression| {
            let (Some(operator), values) = (expression.text("operator"), expression.count("values")) else { return };
            let wrong = match operator {
                "In" | "NotIn" => (values == 0).then(|| format!("the operator {operator} needs `values`")),
                "Exists" | "DoesNotExist" => (values > 0).then(|| format!("the operator {operator} takes no `values`")),
                _ => Some(format!("{operator:?} is not one of In, NotIn, Exists, DoesNotExist")),
            };
            if let Some(message) = wrong {
                findings.add(expression, "selector", message);
            }
        });
    });
}

/// No two listeners have the same port, protocol and host name.
fn ports_are_distinct(spec: &Cursor<'_>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    spec.each("listeners", |listener| {
        let Some(port) = listener.integer("port") else { return };
        let protocol = listener.text("protocol").unwrap_or_default();
        let identity = (port, protocol.to_owned(), listener.text("hostname").map(str::to_owned));
        match seen.get(&identity) {
            Some(line) => {
                let message = format!("the listener on line {line} has the same port, protocol and host name");
                findings.add(listener, "listener-conflict", message);
            }
            None => drop(seen.insert(identity, listener.position().line)),
        }
    });
}
