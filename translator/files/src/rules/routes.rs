//! What all kinds of routes have in common.

use std::collections::BTreeMap;

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::rules::{backends, parents};

/// How many matches all the rules of a route may have together.
const MOST_MATCHES: usize = 128;

pub(super) fn check(spec: &Cursor<'_>, findings: &mut Findings) {
    parents::are_distinct(spec, findings);
    rule_names_are_unique(spec, findings);
    matches_are_bounded(spec, findings);
    spec.each("rules", |rule| {
        rule.each("backendRefs", |backend| backends::service_has_port(backend, findings));
    });
}

fn rule_names_are_unique(spec: &Cursor<'_>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    spec.each("rules", |rule| {
        let (Some(at), Some(name)) = (rule.get("name"), rule.text("name")) else { return };
        match seen.get(name) {
            Some(line) => {
                findings.add(&at, "duplicate-name", format!("the rule on line {line} has the name {name:?} too"))
            }
            None => drop(seen.insert(name.to_owned(), at.position().line)),
        }
    });
}

/// A rule without matches counts as one.
fn matches_are_bounded(spec: &Cursor<'_>, findings: &mut Findings) {
    let Some(rules) = spec.get("rules") else { return };
    let all: usize = rules.items().map(|rule| if rule.has("matches") { rule.count("matches") } else { 1 }).sum();
    if all > MOST_MATCHES {
        let message =
            format!("the rules have {all} matches together, more than the {MOST_MATCHES} allowed; split the route");
        findings.add(&rules, "too-many", message);
    }
}
