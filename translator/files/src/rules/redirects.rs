//! Redirects and rewrites of paths.

use crate::cursor::Cursor;
use crate::findings::Findings;

/// A replacement of a path has the field of its type, and not the other.
pub(super) fn path_modifier_agrees(holder: &Cursor<'_>, findings: &mut Findings) {
    let Some(path) = holder.get("path") else { return };
    let Some(kind) = path.text("type") else { return };
    for (of_kind, field) in [("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")] {
        match (of_kind == kind, path.get(field)) {
            (true, None) => {
                findings.add_missing(
                    &path,
                    field,
                    "path-modifier",
                    format!("`{field}` must be given for the type {kind}"),
                );
            }
            (false, Some(at)) => {
                findings.add(
                    &at,
                    "path-modifier",
                    format!("`{field}` is for the type {of_kind}, and this one is {kind}"),
                );
            }
            _ => {}
        }
    }
}

/// A rule that redirects has no backends.
pub(super) fn no_backends_behind_a_redirect(rule: &Cursor<'_>, findings: &mut Findings) {
    let redirects =
        rule.get("filters").is_some_and(|filters| filters.items().any(|filter| filter.has("requestRedirect")));
    if let (true, true, Some(at)) = (redirects, rule.count("backendRefs") > 0, rule.get("backendRefs")) {
        findings.add(
            &at,
            "redirect-with-backends",
            "a rule with a RequestRedirect can have no backends: nothing is sent to them",
        );
    }
}

/// The prefix that is replaced has to be known: the rule has one match, and it is of a prefix.
pub(super) fn prefix_is_known(rule: &Cursor<'_>, findings: &mut Findings) {
    if has_one_prefix(rule) {
        return;
    }
    replaced_prefixes(rule, findings);
    rule.each("backendRefs", |backend| replaced_prefixes(backend, findings));
}

fn replaced_prefixes(holder: &Cursor<'_>, findings: &mut Findings) {
    holder.each("filters", |filter| {
        for field in ["requestRedirect", "urlRewrite"] {
            filter.with(field, |change| {
                let Some(path) = change.get("path") else { return };
                if path.text("type") == Some("ReplacePrefixMatch") {
                    let message =
                        "to replace a prefix, the rule needs exactly one match, of type PathPrefix; split the rule";
                    findings.add(&path, "prefix-replacement", message);
                }
            });
        }
    });
}

/// Without matches, a rule is for the prefix `/`; a match without a path too.
fn has_one_prefix(rule: &Cursor<'_>) -> bool {
    let Some(matches) = rule.get("matches") else { return true };
    let mut items = matches.items();
    let (Some(only), None) = (items.next(), items.next()) else { return false };
    only.get("path").is_none_or(|path| path.text("type").is_none_or(|kind| kind == "PathPrefix"))
}
