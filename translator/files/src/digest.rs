//! Equal content, equal digest: whatever the order of keys, and wherever it is written.

use blake3::{Hash, Hasher};
use serde_json::Value;

/// The digest of a value without these keys at its top.
pub(crate) fn digest_without(value: &Value, left_out: &[&str]) -> Hash {
    let mut hasher = Hasher::new();
    match value {
        Value::Object(entries) => {
            let mut kept: Vec<_> = entries.iter().filter(|(key, _)| !left_out.contains(&key.as_str())).collect();
            kept.sort_by_key(|(key, _)| *key);
            for (key, value) in kept {
                text(&mut hasher, key);
                feed(&mut hasher, value);
            }
        }
        other => feed(&mut hasher, other),
    }
    hasher.finalize()
}

fn feed(hasher: &mut Hasher, value: &Value) {
    match value {
        Value::Object(entries) => {
            hasher.update(b"{");
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            for (key, value) in sorted {
                text(hasher, key);
                feed(hasher, value);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            items.iter().for_each(|item| feed(hasher, item));
            hasher.update(b"]");
        }
        Value::String(value) => {
            hasher.update(b"s");
            text(hasher, value);
        }
        other => {
            hasher.update(b"v");
            text(hasher, &other.to_string());
        }
    }
}

fn text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_content_makes_a_difference() {
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("json");
        let one = value(r#"{"metadata": {"x": 1}, "spec": {"a": ["b"], "c": 1}}"#);
        let same = value(r#"{"spec": {"c": 1, "a": ["b"]}, "metadata": {"x": 2}}"#);
        let other = value(r#"{"spec": {"c": 1, "a": ["b", ""]}}"#);
        assert_eq!(digest_without(&one, &["metadata"]), digest_without(&same, &["metadata"]));
        assert_ne!(digest_without(&one, &[]), digest_without(&same, &[]));
        assert_ne!(digest_without(&one, &["metadata"]), digest_without(&other, &["metadata"]));
    }
}
