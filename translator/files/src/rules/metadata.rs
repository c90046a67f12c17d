//! Names, labels and annotations of any object.

use chancery_translator::api::Kind;

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::names::{is_label, is_qualified, is_subdomain};

pub(super) fn check(kind: Kind, root: &Cursor<'_>, findings: &mut Findings) {
    let Some(metadata) = root.get("metadata") else {
        return findings.add_missing(
            root,
            "metadata",
            "required",
            "`metadata` must be given, with a `name`".to_owned(),
        );
    };
    name_is_given(&metadata, findings);
    name_is_a_dns_name(kind, &metadata, findings);
    namespace_is_a_label(&metadata, findings);
    keys_are_qualified(&metadata, findings);
}

/// An object in a file has a name: nobody is there to generate one.
fn name_is_given(metadata: &Cursor<'_>, findings: &mut Findings) {
    if metadata.said("name").is_none() {
        let message = match metadata.has("generateName") {
            true => "`name` must be given: no server is there to generate one",
            false => "`name` must be given",
        };
        findings.add_missing(metadata, "name", "required", message.to_owned());
    }
}

/// Names of Namespaces and Services are labels, other names may have dots.
fn name_is_a_dns_name(kind: Kind, metadata: &Cursor<'_>, findings: &mut Findings) {
    let (Some(at), Some(name)) = (metadata.get("name"), metadata.said("name")) else { return };
    let (good, wanted) = match kind {
        Kind::Namespace | Kind::Service | Kind::ServiceImport => {
            (is_label(name), "letters in lower case, digits and dashes, at most 63, with no dash first or last")
        }
        // The names of trust bundles may carry that of a signer.
        Kind::ClusterTrustBundle => (name.split(':').all(is_subdomain), "DNS names in lower case between colons"),
        _ => {
            (is_subdomain(name), "a DNS name in lower case: letters, digits, dashes, dots between labels, at most 253")
        }
    };
    if !good {
        findings.add(&at, "name", format!("{name:?} is no name for a {kind}: it has to be {wanted}"));
    }
}

fn namespace_is_a_label(metadata: &Cursor<'_>, findings: &mut Findings) {
    let (Some(at), Some(namespace)) = (metadata.get("namespace"), metadata.said("namespace")) else { return };
    if !is_label(namespace) {
        let wanted = "letters in lower case, digits and dashes, at most 63, with no dash first or last";
        findings.add(&at, "name", format!("{namespace:?} is no name of a namespace: it has to be {wanted}"));
    }
}

fn keys_are_qualified(metadata: &Cursor<'_>, findings: &mut Findings) {
    for field in ["labels", "annotations"] {
        metadata.with(field, |entries| {
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
