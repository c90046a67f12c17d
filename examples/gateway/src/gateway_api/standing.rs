//! What is said of each object, as rows for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use chancery_translator::api::{Condition, ListenerStatus, ObjectId, ParentRef, Status, Truth};
use serde::{Deserialize, Serialize};

use crate::table::aligned;

/// What is said of one object, or of one part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The object: `HTTPRoute shop/cart`.
    pub(crate) object: String,
    /// The part: a listener, or a parent. Empty for the object as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) part: String,
    /// Where a Gateway can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) addresses: Vec<String>,
    /// How many routes a listener has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attached_routes: Option<i32>,
    /// Its conditions.
    pub(crate) conditions: Vec<Condition>,
}

/// The rows of all statuses.
pub(crate) fn rows(statuses: &BTreeMap<ObjectId, Status>) -> Vec<Row> {
    statuses.iter().flat_map(|(id, status)| of_object(&id.to_string(), status)).collect()
}

fn of_object(object: &str, status: &Status) -> Vec<Row> {
    let row = |part: String, conditions: &[Condition]| Row {
        object: object.to_owned(),
        part,
        conditions: conditions.to_vec(),
        ..Row::default()
    };
    let listeners = |all: &[ListenerStatus]| -> Vec<Row> {
        let of_listener = |listener: &ListenerStatus| Row {
            attached_routes: Some(listener.attached_routes),
            ..row(format!("listener {}", listener.name), &listener.conditions)
        };
        all.iter().map(of_listener).collect()
    };
    let mut rows = Vec::new();
    match status {
        Status::GatewayClass(status) => rows.push(row(String::new(), &status.conditions)),
        Status::Gateway(status) => {
            let addresses = status.addresses.iter().map(|address| address.value.clone()).collect();
            rows.push(Row { addresses, ..row(String::new(), &status.conditions) });
            rows.extend(listeners(&status.listeners));
        }
        Status::ListenerSet(status) => {
            rows.push(row(String::new(), &status.conditions));
            rows.extend(listeners(&status.listeners));
        }
        Status::Route(status) => {
            rows.extend(
                status.parents.iter().map(|one| row(format!("under {}", called(&one.parent_ref)), &one.conditions)),
            );
        }
        Status::Policy(status) => {
            rows.extend(
                status.ancestors.iter().map(|one| row(format!("for {}", called(&one.ancestor_ref)), &one.conditions)),
            );
        }
    }
    rows
}

fn called(parent: &ParentRef) -> String {
    let json = serde_json::to_value(parent).unwrap_or_default();
    let text = |field: &str| json[field].as_str().map(str::to_owned);
    let mut name = match text("namespace") {
        Some(namespace) => format!("{namespace}/{}", text("name").unwrap_or_default()),
        None => text("name").unwrap_or_default(),
    };
    if let Some(section) = text("sectionName") {
        let _ = write!(name, " {section}");
    }
    if let Some(port) = json["port"].as_u64() {
        let _ = write!(name, ":{port}");
    }
    name
}

/// The conditions that should be `True`, with their headings.
const EXPECTED: [(&str, &str); 3] =
    [("Accepted", "ACCEPTED"), ("Programmed", "PROGRAMMED"), ("ResolvedRefs", "RESOLVED")];
/// Those that tell of something bad when they are `True`.
const UNWANTED: [&str; 3] = ["Conflicted", "PartiallyInvalid", "OverlappingTLSConfig"];

/// The rows as a table, with what is wrong below.
pub(crate) fn table(rows: &[Row]) -> String {
    let [accepted, programmed, resolved] = EXPECTED.map(|(_, heading)| heading.to_owned());
    let mut cells = vec![["OBJECT".into(), accepted, programmed, resolved, "ROUTES".into(), "ADDRESS".into()]];
    let mut object = "";
    for row in rows {
        let [accepted, programmed, resolved] = EXPECTED.map(|(kind, _)| {
            let said = row.conditions.iter().find(|condition| condition.kind == kind);
            said.map_or("-".to_owned(), |condition| truth(condition.status).to_owned())
        });
        let name = match (row.part.as_str(), row.object == object) {
            ("", _) => row.object.clone(),
            (part, true) => format!("  {part}"),
            (part, false) => format!("{} {part}", row.object),
        };
        object = &row.object;
        let routes = row.attached_routes.map(|count| count.to_string()).unwrap_or_default();
        cells.push([name, accepted, programmed, resolved, routes, row.addresses.join(" ")]);
    }
    let mut text = aligned(&cells);
    for row in rows {
        for condition in row.conditions.iter().filter(|condition| is_bad(condition)) {
            let Condition { kind, status, reason, message, .. } = condition;
            let part = if row.part.is_empty() { String::new() } else { format!(" ({})", row.part) };
            let _ = writeln!(text, "{}{part}: {kind} is {}, {reason}: {message}", row.object, truth(*status));
        }
    }
    text
}

fn is_bad(condition: &Condition) -> bool {
    let expected = EXPECTED.iter().any(|(kind, _)| *kind == condition.kind);
    (expected && condition.status != Truth::True)
        || (UNWANTED.contains(&condition.kind.as_str()) && condition.status == Truth::True)
        || (condition.kind == "Accepted" && condition.reason == "ListenersNotValid")
}

fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    }
}
