//! JSON values as YAML text in block style: enough for configuration a person reads and edits.

use std::fmt::Write;

use serde_json::Value;

/// The YAML of a value, ending in a newline.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    node(&mut text, value, 0, Place::Line);
    text
}

/// Where on its line a value starts.
#[derive(Clone, Copy)]
enum Place {
    /// At the start: nothing stands before it but the indentation.
    Line,
    /// After `key:`.
    Key,
    /// After `- `.
    Dash,
}

fn node(text: &mut String, value: &Value, depth: usize, place: Place) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            if matches!(place, Place::Key) {
                text.push('\n');
            }
            for (at, (key, member)) in members.iter().enumerate() {
                if at > 0 || !matches!(place, Place::Dash) {
                    indent(text, depth);
                }
                let _ = write!(text, "{}:", scalar(key));
                let inner = depth + usize::from(!member.is_array());
                node(text, member, inner, Place::Key);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            if matches!(place, Place::Key) {
                text.push('\n');
            }
            for (at, item) in items.iter().enumerate() {
                if at > 0 || !matches!(place, Place::Dash) {
                    indent(text, depth);
                }
                text.push_str("- ");
                node(text, item, depth + 1, Place::Dash);
            }
        }
        other => {
            if !matches!(place, Place::Line) && !text.ends_with(' ') {
                text.push(' ');
            }
            match other {
                Value::String(plain) => text.push_str(&scalar(plain)),
                other => {
                    let _ = write!(text, "{other}");
                }
            }
            text.push('\n');
        }
    }
}

fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// A string that no YAML reader takes for anything but a string: bare where that is beyond doubt, quoted as JSON else.
fn scalar(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "nan"
    );
    match !word && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_') && text.chars().all(bare)
    {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_yaml;

    #[test]
    fn nested_lists_and_maps_stand_in_block_style() {
        let value = json!({
            "empty": {},
            "list": [{"a": 1, "b": [2, "x"]}, [3, 4], "127.0.0.1"],
            "node": {"id": "a b", "on": "yes"},
        });
        let expected = r#"empty: {}
list:
- a: 1
  b:
  - 2
  - x
- - 3
  - 4
- "127.0.0.1"
node:
  id: "a b"
  "on": "yes"
"#;
        assert_eq!(to_yaml(&value), expected);
    }
}
