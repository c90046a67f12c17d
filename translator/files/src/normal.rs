//! An object as a cluster would store it: with its namespace and generation, without what is empty.

use chancery_resource::located::{Content, Node};
use chancery_translator::api::Kind;
use serde_json::{Map, Value, json};

/// The namespace of an object that names none, as `kubectl` has it.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// The value of a document, without what is `null`.
pub(crate) fn value(node: &Node) -> Value {
    match &node.content {
        Content::Map(entries) => {
            let kept = entries.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, node)| (key.text.clone(), value(node))).collect())
        }
        Content::List(items) => items.iter().map(value).collect(),
        _ => node.to_json(),
    }
}

/// The same object with what a server would fill in.
pub(crate) fn completed(mut object: Value, api_version: &str, kind: Kind) -> Value {
    let Value::Object(fields) = &mut object else { return object };
    fields.insert("apiVersion".to_owned(), api_version.into());
    fields.insert("kind".to_owned(), kind.as_str().into());
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        let named = metadata.get("namespace").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        match (kind.is_namespaced(), named) {
            (true, false) => drop(metadata.insert("namespace".to_owned(), DEFAULT_NAMESPACE.into())),
            (false, _) => drop(metadata.remove("namespace")),
            _ => {}
        }
    }
    if kind == Kind::Secret {
        join_lines(fields, "data");
        encode_string_data(fields);
    }
    if kind == Kind::ConfigMap {
        join_lines(fields, "binaryData");
    }
    object
}

/// The same object in this generation.
pub(crate) fn of_generation(mut object: Value, generation: i64) -> Value {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.insert("generation".to_owned(), generation.into());
    }
    object
}

/// The generation the object says it has.
pub(crate) fn generation(object: &Value) -> Option<i64> {
    object.pointer("/metadata/generation").and_then(Value::as_i64).filter(|generation| *generation > 0)
}

/// Base64 may be broken into lines.
fn join_lines(fields: &mut Map<String, Value>, field: &str) {
    let Some(Value::Object(data)) = fields.get_mut(field) else { return };
    for value in data.values_mut() {
        if let Value::String(text) = value {
            text.retain(|c| !matches!(c, '\n' | '\r'));
        }
    }
}

/// A server stores `stringData` under `data`, where it wins.
fn encode_string_data(fields: &mut Map<String, Value>) {
    let Some(Value::Object(plain)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| json!({}));
    if let Value::Object(data) = data {
        for (key, text) in plain {
            let encoded = base64(text.as_str().unwrap_or_default().as_bytes());
            data.insert(key, encoded.into());
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            match (place <= three.len(), ALPHABET.get(sextet as usize)) {
                (true, Some(letter)) => text.push(char::from(*letter)),
                _ => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_base64() {
        let written = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(written, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn what_a_server_fills_in_is_filled_in() {
        let route = completed(json!({"metadata": {"name": "a"}}), "gateway.networking.k8s.io/v1", Kind::HTTPRoute);
        assert_eq!(route["metadata"]["namespace"], "default");
        let class = json!({"metadata": {"name": "a", "namespace": "b"}});
        let class = completed(class, "gateway.networking.k8s.io/v1", Kind::GatewayClass);
        assert_eq!(class["metadata"], json!({"name": "a"}));
        let secret = json!({"metadata": {"name": "a"}, "stringData": {"a": "foo"}, "data": {"a": "x", "b": "y"}});
        assert_eq!(completed(secret, "v1", Kind::Secret)["data"], json!({"a": "Zm9v", "b": "y"}));
    }
}
