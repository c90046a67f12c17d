//! The filters of a rule or of a backend.

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::rules::backends::service_has_port;
use crate::rules::redirects::path_modifier_agrees;

/// The type of a filter, and the field with its settings.
const FIELDS: [(&str, &str); 8] = [
    ("RequestHeaderModifier", "requestHeaderModifier"),
    ("ResponseHeaderModifier", "responseHeaderModifier"),
    ("RequestMirror", "requestMirror"),
    ("RequestRedirect", "requestRedirect"),
    ("URLRewrite", "urlRewrite"),
    ("CORS", "cors"),
    ("ExternalAuth", "externalAuth"),
    ("ExtensionRef", "extensionRef"),
];

/// Filters there may be one of.
const ONCE: [&str; 5] = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS"];

/// Checks the filters of a rule, or of a backend.
pub(super) fn check(holder: &Cursor<'_>, findings: &mut Findings) {
    let Some(filters) = holder.get("filters") else { return };
    each_once(&filters, findings);
    no_redirect_with_rewrite(&filters, findings);
    for filter in filters.items() {
        type_and_field_agree(&filter, findings);
        filter.with("requestMirror", |mirror| mirror_settings(mirror, findings));
        filter.with("requestRedirect", |redirect| path_modifier_agrees(redirect, findings));
        filter.with("urlRewrite", |rewrite| path_modifier_agrees(rewrite, findings));
        filter.with("cors", |cors| wildcards_stand_alone(cors, findings));
        filter.with("externalAuth", |auth| external_auth(auth, findings));
    }
}

/// Of these filters a list may have one.
fn each_once(filters: &Cursor<'_>, findings: &mut Findings) {
    for kind in ONCE {
        for second in filters.items().filter(|filter| filter.text("type") == Some(kind)).skip(1) {
            findings.add(
                &second,
                "filter-once",
                format!("there may be one {kind} in a list of filters; put them together"),
            );
        }
    }
}

/// A request that is redirected is not rewritten.
fn no_redirect_with_rewrite(filters: &Cursor<'_>, findings: &mut Findings) {
    let of = |kind: &str| filters.items().any(|filter| filter.text("type") == Some(kind));
    if of("RequestRedirect") && of("URLRewrite") {
        let message =
            "RequestRedirect and URLRewrite cannot both be in a list of filters: a redirected request goes nowhere";
        findings.add(filters, "redirect-and-rewrite", message);
    }
}

/// A filter has the field of its type, and that of no other.
fn type_and_field_agree(filter: &Cursor<'_>, findings: &mut Findings) {
    let Some(kind) = filter.text("type") else { return };
    for (of_kind, field) in FIELDS {
        match (of_kind == kind, filter.get(field)) {
            (true, None) => {
                let message = format!("`{field}` must be given for a filter of type {kind}");
                findings.add_missing(filter, field, "filter-type", message);
            }
            (false, Some(at)) => {
                let message = format!("`{field}` is for filters of type {of_kind}, and this one is of type {kind}");
                findings.add(&at, "filter-type", message);
            }
            _ => {}
        }
    }
}

fn mirror_settings(mirror: &Cursor<'_>, findings: &mut Findings) {
    mirror.with("backendRef", |backend| service_has_port(backend, findings));
    // How much is mirrored is said once.
    if let (true, Some(at)) = (mirror.has("percent"), mirror.get("fraction")) {
        findings.add(&at, "mirror-share", "`percent` and `fraction` cannot both be given");
    }
    mirror.with("fraction", |fraction| {
        let (numerator, denominator) = (fraction.integer("numerator"), fraction.integer("denominator").unwrap_or(100));
        if let Some(numerator) = numerator.filter(|numerator| *numerator > denominator) {
            findings.add(fraction, "mirror-share", format!("{numerator} of {denominator} is more than all requests"));
        }
    });
}

/// `*` means everything: nothing stands beside it.
fn wildcards_stand_alone(cors: &Cursor<'_>, findings: &mut Findings) {
    for field in ["allowOrigins", "allowMethods", "allowHeaders"] {
        let Some(list) = cors.get(field) else { continue };
        if list.node.items().len() > 1 && list.items().any(|item| item.node.text() == Some("*")) {
            findings.add(
                &list,
                "cors-wildcard",
                "`*` stands for everything, and for nothing beside other items; leave one of them",
            );
        }
    }
}

/// The protocol and its settings agree.
fn external_auth(auth: &Cursor<'_>, findings: &mut Findings) {
    auth.with("backendRef", |backend| service_has_port(backend, findings));
    for (protocol, field) in [("GRPC", "grpc"), ("HTTP", "http")] {
        match (auth.text("protocol") == Some(protocol), auth.get(field)) {
            (true, None) => {
                let message = format!("`{field}` must be given for the protocol {protocol}");
                findings.add_missing(auth, field, "auth-protocol", message);
            }
            (false, Some(at)) => {
                findings.add(&at, "auth-protocol", format!("`{field}` is for the protocol {protocol}"))
            }
            _ => {}
        }
    }
}
