//! The rules of a GRPCRoute.

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::rules::{filters, regex, session};

pub(super) fn check(spec: &Cursor<'_>, findings: &mut Findings) {
    spec.each("rules", |rule| {
        rule.each("matches", |matched| {
            matched.with("method", |method| method_is_named(method, findings));
            regex::value_matches(matched, "headers", findings);
        });
        filters::check(rule, findings);
        rule.each("backendRefs", |backend| filters::check(backend, findings));
        session::check(rule, findings);
    });
}

/// A match of methods names a service or a method, in characters these have; a regular expression compiles.
fn method_is_named(method: &Cursor<'_>, findings: &mut Findings) {
    if !method.has("service") && !method.has("method") {
        findings.add(method, "grpc-method", "`service` or `method` must be given");
    }
    for (field, is_name) in [("service", is_service as fn(&str) -> bool), ("method", is_identifier)] {
        let (Some(at), Some(text)) = (method.get(field), method.text(field)) else { continue };
        match method.text("type") {
            Some("RegularExpression") => regex::compiles(&at, text, findings),
            None | Some("Exact") if !is_name(text) => {
                let message =
                    format!("{text:?} is no name of a {field}: letters, digits and underscores, with no digit first");
                findings.add(&at, "grpc-method", message);
            }
            _ => {}
        }
    }
}

/// `package.Service`, perhaps with a dot before it.
fn is_service(text: &str) -> bool {
    text.strip_prefix('.').unwrap_or(text).split('.').all(is_identifier)
}

fn is_identifier(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && text.bytes().all(inner)
}
