//! Whether a document has the fields of its kind, and each holds what it may hold.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chancery_resource::located::{Content, closest};
use regex::Regex;

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::names::in_words;
use crate::schema::{self, Format, Schema, Shape};

/// What every object has beside the fields of its kind.
const OF_EVERY_OBJECT: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

static DATE_TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$").ok());

/// Checks a whole object. Its status is anybody's, and not looked at.
pub(crate) fn check_object(root: &Cursor<'_>, schema: &Schema, findings: &mut Findings) {
    for entry in root.entries() {
        let key = entry.key().unwrap_or_default();
        match schema.fields.get(key) {
            Some(field) => check(&entry, field, findings),
            None if key == "metadata" => {
                if let Some(metadata) = schema::metadata() {
                    check(&entry, metadata, findings);
                }
            }
            None if OF_EVERY_OBJECT.contains(&key) => {}
            None => unknown(&entry, key, schema.fields.keys().map(String::as_str).chain(OF_EVERY_OBJECT), findings),
        }
    }
    required(root, schema, findings);
}

fn check(value: &Cursor<'_>, schema: &Schema, findings: &mut Findings) {
    match (schema.is, &value.node.content) {
        (Shape::Any, _) => {}
        (Shape::Object, Content::Map(_)) => object(value, schema, findings),
        (Shape::Map, Content::Map(entries)) => {
            within(value, schema, entries.len(), "entries", findings);
            if let Some(items) = &schema.items {
                value.entries().for_each(|entry| check(&entry, items, findings));
            }
        }
        (Shape::List, Content::List(items)) => {
            within(value, schema, items.len(), "items", findings);
            if let Some(schema) = &schema.items {
                for item in value.items() {
                    match item.node.is_null() {
                        true => findings.add(&item, "wrong-type", "an item of a list cannot be empty"),
                        false => check(&item, schema, findings),
                    }
                }
            }
            unique(value, schema, findings);
        }
        (Shape::Text, Content::Text(said)) => text(value, schema, said, findings),
        (Shape::Integer, Content::Unsigned(_) | Content::Negative(_)) => integer(value, schema, findings),
        (Shape::Number, Content::Unsigned(_) | Content::Negative(_) | Content::Float(_)) => {}
        (Shape::Boolean, Content::Bool(_)) => {}
        (Shape::NumberOrText, Content::Unsigned(_) | Content::Text(_)) => {}
        (shape, _) => wrong_type(value, shape, findings),
    }
}

fn wrong_type(value: &Cursor<'_>, shape: Shape, findings: &mut Findings) {
    let (wanted, help) = match shape {
        Shape::Object | Shape::Map => ("a map", "write its fields on lines of their own, indented"),
        Shape::List => ("a list", "begin each item with `- `"),
        Shape::Text => ("text", "put it in quotes"),
        Shape::Integer => ("a whole number", "write it without quotes"),
        Shape::Number => ("a number", "write it without quotes"),
        Shape::Boolean => ("true or false", "write it without quotes"),
        Shape::NumberOrText | Shape::Any => ("a number or text", "write one of them"),
    };
    findings.add(value, "wrong-type", format!("{wanted} is wanted here, not {}; {help}", value.node.kind()));
}

fn object(value: &Cursor<'_>, schema: &Schema, findings: &mut Findings) {
    for entry in value.entries() {
        let key = entry.key().unwrap_or_default();
        match schema.fields.get(key) {
            Some(field) => check(&entry, field, findings),
            None => unknown(&entry, key, schema.fields.keys().map(String::as_str), findings),
        }
    }
    required(value, schema, findings);
}

fn required(value: &Cursor<'_>, schema: &Schema, findings: &mut Findings) {
    for field in schema.required.iter().filter(|field| !value.has(field)) {
        findings.add_missing(value, field, "required", format!("`{field}` must be given"));
    }
}

fn unknown<'a>(entry: &Cursor<'_>, key: &str, known: impl Iterator<Item = &'a str>, findings: &mut Findings) {
    let known: Vec<&str> = known.collect();
    let help = closest(key, known.iter().map(|name| (*name).to_owned())).unwrap_or_else(|| match known.len() {
        0..=8 => format!("known here: {}", known.join(", ")),
        _ => "see the reference of the kind for its fields".to_owned(),
    });
    findings.add(entry, "unknown-field", format!("there is no field `{key}` here; {help}"));
}

/// Whether a count or length is allowed.
fn within(value: &Cursor<'_>, schema: &Schema, count: usize, of_what: &str, findings: &mut Findings) {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if let Some(most) = schema.most.filter(|most| count > *most) {
        findings.add(value, "too-many", format!("{count} {of_what} are more than the {most} allowed"));
    }
    if let Some(least) = schema.least.filter(|least| count < *least) {
        findings.add(value, "too-few", format!("{count} {of_what} are fewer than the {least} needed"));
    }
}

fn text(value: &Cursor<'_>, schema: &Schema, said: &str, findings: &mut Findings) {
    let length = i64::try_from(said.chars().count()).unwrap_or(i64::MAX);
    if !schema.values.is_empty() && !schema.values.iter().any(|allowed| allowed == said) {
        return one_of(value, schema, said, findings);
    }
    if schema.least.is_some_and(|least| length < least) {
        return findings.add(value, "too-few", "this may not be empty");
    }
    if let Some(most) = schema.most.filter(|most| length > *most) {
        findings.add(value, "too-many", format!("{length} characters are more than the {most} allowed"));
    }
    if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !pattern.matches(said)) {
        findings.add(value, "pattern", format!("{said:?} is not {}", in_words(&pattern.text)));
    }
    if schema.format == Format::DateTime && !DATE_TIME.as_ref().is_none_or(|pattern| pattern.is_match(said)) {
        findings.add(value, "date", format!("{said:?} is not a time like 2026-01-31T12:00:00Z"));
    }
}

fn integer(value: &Cursor<'_>, schema: &Schema, findings: &mut Findings) {
    let Some(number) = value.node.integer() else {
        return findings.add(value, "range", "this number is too large");
    };
    if !schema.values.is_empty() && !schema.values.iter().any(|allowed| allowed.as_i64() == Some(number)) {
        return one_of(value, schema, &number.to_string(), findings);
    }
    let (least, most) = (schema.least.unwrap_or(i64::from(i32::MIN)), schema.most.unwrap_or(i64::MAX));
    if number < least || number > most {
        let allowed = match (schema.least, schema.most) {
            (Some(least), Some(most)) => format!("{least} to {most} are allowed"),
            (Some(least), None) => format!("{least} is the least allowed"),
            (_, most) => format!("{} is the most allowed", most.unwrap_or(i64::MAX)),
        };
        findings.add(value, "range", format!("{number} is out of range: {allowed}"));
    }
}

fn one_of(value: &Cursor<'_>, schema: &Schema, said: &str, findings: &mut Findings) {
    let allowed = schema.values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let allowed: Vec<String> = allowed.collect();
    let help = match closest(said, allowed.iter().cloned()) {
        Some(help) => format!("; {help}"),
        None => String::new(),
    };
    findings.add(value, "enum", format!("{said:?} is not one of {}{help}", allowed.join(", ")));
}

/// The items of a list differ in the fields that tell them apart, or altogether.
fn unique(list: &Cursor<'_>, schema: &Schema, findings: &mut Findings) {
    let Some(keys) = &schema.unique else { return };
    let mut seen = BTreeMap::new();
    for (index, item) in list.items().enumerate() {
        let identity = match keys.is_empty() {
            true => item.node.to_json().to_string(),
            false => {
                let parts = keys.iter().map(|key| item.node.get(key).map(|node| node.to_json().to_string()));
                parts.map(Option::unwrap_or_default).collect::<Vec<_>>().join(", ")
            }
        };
        if let Some((first, line)) = seen.get(&identity) {
            let of = match keys.is_empty() {
                true => "is listed twice".to_owned(),
                false => format!("has the {} of another item", keys.join(" and ")),
            };
            findings.add(&item, "duplicate", format!("{identity} {of}, {}[{first}] on line {line}", list.path()));
        } else {
            seen.insert(identity, (index, item.position().line));
        }
    }
}
