//! Two statuses as sets of tuples, in the terms both implementations share.

use std::collections::BTreeSet;

use chancery_translator::Translation;
use serde_json::{Value, json};

use crate::case::{Case, Dialect, key};

/// What two statuses come to: the tuples of each.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) wanted: BTreeSet<String>,
    pub(crate) found: BTreeSet<String>,
}

pub(crate) fn statuses(case: &Case, translation: &Translation) -> Comparison {
    let mut comparison = Comparison::default();
    for object in &case.expected {
        comparison.wanted.extend(tuples(case.dialect, object));
    }
    for (id, status) in &translation.statuses {
        let object = json!({
            "kind": id.kind.as_str(), "status": status,
            "metadata": {"namespace": id.namespace.as_ref(), "name": id.name.as_ref()}
        });
        comparison.found.extend(tuples(case.dialect, &object));
    }
    comparison
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn tuples(dialect: Dialect, object: &Value) -> Vec<String> {
    let (kind, namespace, name) = key(object);
    let (status, who) = (&object["status"], format!("{kind} {namespace}/{name}"));
    let mut found = Vec::new();
    let mut conditions = |part: &str, holder: &Value| {
        let said = list(holder, "conditions").iter().filter(|one| counts(dialect, &kind, part, one));
        found.extend(said.map(|one| {
            let reasons: BTreeSet<&str> = text(one, "reason").split(',').collect();
            format!("{who} {part} {}={} {reasons:?}", text(one, "type"), text(one, "status"))
        }));
    };
    conditions("-", status);
    for listener in list(status, "listeners") {
        conditions(text(listener, "name"), listener);
    }
    for (member, reference) in [("parents", "parentRef"), ("ancestors", "ancestorRef")] {
        for entry in list(status, member).iter().filter(|entry| text(entry, "controllerName") == dialect.controller()) {
            conditions(&parent(&entry[reference], &namespace), entry);
        }
    }
    for listener in list(status, "listeners") {
        let kinds: BTreeSet<&str> = list(listener, "supportedKinds").iter().map(|one| text(one, "kind")).collect();
        found.push(format!(
            "{who} {} exactly attached={} kinds={kinds:?}",
            text(listener, "name"),
            listener["attachedRoutes"]
        ));
    }
    found
}

/// What both implementations write, and write where it can be compared.
fn counts(dialect: Dialect, kind: &str, part: &str, condition: &Value) -> bool {
    let (name, status) = (text(condition, "type"), text(condition, "status"));
    let negative = matches!(name, "Conflicted" | "OverlappingTLSConfig") && status == "False";
    let of_gateway = kind == "Gateway" && part == "-";
    let elsewhere = match dialect {
        Dialect::EnvoyGateway => of_gateway && matches!(name, "Accepted" | "Programmed"),
        Dialect::Istio => of_gateway && name == "Programmed",
    };
    let plain = of_gateway && name == "ResolvedRefs" && status == "True";
    !negative && !elsewhere && !plain
}

/// A reference with its defaults.
fn parent(reference: &Value, namespace: &str) -> String {
    let or = |member: &str, default: &str| match text(reference, member) {
        "" if reference.get(member).is_none() => default.to_owned(),
        given => given.to_owned(),
    };
    let mut shown = format!("{}/{}/{}", or("kind", "Gateway"), or("namespace", namespace), or("name", ""));
    for member in ["sectionName", "port"] {
        if let Some(value) = reference.get(member).filter(|value| !value.is_null()) {
            shown.push_str(&format!("[{member}={}]", value.to_string().trim_matches('"')));
        }
    }
    shown
}
