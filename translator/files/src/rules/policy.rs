//! The rules of a BackendTLSPolicy.

use crate::cursor::Cursor;
use crate::findings::Findings;

pub(super) fn backend_tls(spec: &Cursor<'_>, findings: &mut Findings) {
    targets_are_distinct(spec, findings);
    spec.with("validation", |validation| {
        one_source_of_authorities(validation, findings);
        validation.each("subjectAltNames", |name| name_has_the_field_of_its_type(name, findings));
    });
}

/// Two references to one object name different sections, and then both name one.
fn targets_are_distinct(spec: &Cursor<'_>, findings: &mut Findings) {
    let Some(targets) = spec.get("targetRefs") else { return };
    let mut seen: Vec<([&str; 3], &str, u32)> = Vec::new();
    for target in targets.items() {
        let this = ["group", "kind", "name"].map(|field| target.text(field).unwrap_or_default());
        let section = target.said("sectionName").unwrap_or_default();
        let same = seen.iter().filter(|(other, ..)| *other == this);
        let wrong =
            same.filter_map(|(_, other, line)| match (*other == section, other.is_empty() || section.is_empty()) {
                (true, _) => Some(format!("this target is named on line {line} already")),
                (false, true) => Some(format!(
                    "this and the target on line {line} are one object: both have to name a section, or one is enough"
                )),
                _ => None,
            });
        if let Some(message) = wrong.take(1).next() {
            findings.add(&target, "duplicate-target", message);
        }
        seen.push((this, section, target.position().line));
    }
}

/// Authorities come from references or are the system's: one of the two.
fn one_source_of_authorities(validation: &Cursor<'_>, findings: &mut Findings) {
    let well_known = validation.said("wellKnownCACertificates").is_some();
    match (validation.count("caCertificateRefs") > 0, well_known, validation.get("wellKnownCACertificates")) {
        (true, true, Some(at)) => {
            let message = "`caCertificateRefs` and `wellKnownCACertificates` cannot both be given";
            findings.add(&at, "authorities", message);
        }
        (false, false, _) => {
            findings.add(validation, "authorities", "`caCertificateRefs` or `wellKnownCACertificates` must be given");
        }
        _ => {}
    }
}

/// A name has the field of its type, and not the other.
fn name_has_the_field_of_its_type(name: &Cursor<'_>, findings: &mut Findings) {
    let Some(kind) = name.text("type") else { return };
    for (of_kind, field) in [("Hostname", "hostname"), ("URI", "uri")] {
        match (of_kind == kind, name.said(field), name.get(field)) {
            (true, None, _) => {
                findings.add_missing(name, field, "san-type", format!("`{field}` must be given for the type {kind}"));
            }
            (false, Some(_), Some(at)) => {
                findings.add(&at, "san-type", format!("`{field}` is for the type {of_kind}, and this one is {kind}"));
            }
            _ => {}
        }
    }
}
