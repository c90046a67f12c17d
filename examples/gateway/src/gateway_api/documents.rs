//! Statuses as documents, in the form of the objects they belong to.

use std::collections::BTreeMap;

use chancery_translator::api::{Kind, ObjectId, Status};
use serde_json::{Value, json};

/// A `List` of objects that have nothing but their names and statuses.
pub(super) fn list(statuses: &BTreeMap<ObjectId, Status>) -> Value {
    let items: Vec<Value> = statuses.iter().map(|(id, status)| object(id, status)).collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn object(id: &ObjectId, status: &Status) -> Value {
    let mut metadata = json!({ "name": &*id.name });
    if id.kind.is_namespaced() {
        metadata["namespace"] = (*id.namespace).into();
    }
    json!({ "apiVersion": api_version(id.kind), "kind": id.kind.as_str(), "metadata": metadata, "status": status })
}

fn api_version(kind: Kind) -> String {
    let version = match kind {
        Kind::TCPRoute | Kind::UDPRoute => "v1alpha2",
        _ => "v1",
    };
    match kind.group() {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}
