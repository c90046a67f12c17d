//! Whether a proxy would refuse a resource for its shape: the constraints Envoy's protos declare, checked by reflection.

mod check;
mod format;
mod rules;

use std::fmt;

use chancery_protocol::Resource;
use prost_reflect::{DynamicMessage, MapKey, ReflectMessage, Value};

use crate::descriptors::pool;
use check::Scalar;
use rules::{Count, FieldRules, MessageRules, RuleBook};

/// How deep `Any`s are checked within each other.
const MAX_ANYS: usize = 16;

/// A constraint a resource does not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, with Envoy's names; an opened `Any` shows its type in parentheses:
    /// `filter_chains[0].filters[0].typed_config(HttpConnectionManager).stat_prefix`.
    pub path: String,
    /// The constraint, as `validate.rules` calls it (`string.min_len`, `uint32.gte+lte`). `oneof.required` where none of several fields is set,
    /// `decodable` where bytes are not a message of their type.
    pub rule: String,
    /// What is wanted, in words: `must be at least 1 character long`.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// The constraints of its proto a resource does not meet; nested `Any`s are checked too.
///
/// Envoy checks the same before it accepts a resource, and refuses it otherwise. An empty answer does not mean that Envoy will
/// accept: much is checked in its code only. A type without descriptors is not checked. This decodes the resource by
/// reflection, which takes tens of microseconds: use it before publishing, not while serving.
///
/// ```
/// use chancery_resource::{encode, validate};
/// use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
///
/// let host = VirtualHost { name: "shop".into(), ..Default::default() };
/// let route = RouteConfiguration { name: "r".into(), virtual_hosts: vec![host], ..Default::default() };
/// let violations = validate(&encode(&route)?);
/// assert_eq!(violations[0].to_string(), "virtual_hosts[0].domains: must have at least 1 item");
/// # Ok::<(), chancery_resource::EncodeError>(())
/// ```
pub fn validate(resource: &Resource) -> Vec<Violation> {
    validate_bytes(resource.type_url().as_str(), resource.body())
}

/// As [`validate`], for the encoding of a message that is no resource yet.
pub fn validate_bytes(type_url: &str, bytes: &[u8]) -> Vec<Violation> {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    let Some(descriptor) = pool().get_message_by_name(name) else { return Vec::new() };
    let mut inspection = Inspection { book: RuleBook::get(), path: String::new(), found: Vec::new(), anys: 0 };
    match DynamicMessage::decode(descriptor, bytes) {
        Ok(message) => inspection.message(&message),
        Err(error) => inspection.violation("decodable", format!("does not decode as {name}: {error}")),
    }
    inspection.found
}

struct Inspection {
    book: &'static RuleBook,
    path: String,
    found: Vec<Violation>,
    anys: usize,
}

impl Inspection {
    fn message(&mut self, message: &DynamicMessage) {
        let descriptor = message.descriptor();
        if descriptor.full_name() == "google.protobuf.Any" {
            self.any(message);
            return;
        }
        if descriptor.full_name() == "envoy.config.core.v3.Metadata" {
            // Data that travels with the configuration: Envoy does not open it.
            return;
        }
        let rules = self.book.of(descriptor.full_name());
        if let Some(rules) = rules {
            self.declared(rules, message);
        }
        // What is within, but for what the rules above have looked into or are to leave alone.
        for (field, value) in message.fields() {
            if rules.is_none_or(|rules| rules.field(field.number()).is_none()) {
                self.at(field.name(), |inspection| inspection.within(value));
            }
        }
    }

    fn declared(&mut self, rules: &MessageRules, message: &DynamicMessage) {
        for (field, rules) in &rules.fields {
            self.at(field.name(), |inspection| {
                // Of a oneof only the member that is set is checked.
                if message.has_field(field) {
                    inspection.value(rules, &message.get_field(field));
                } else if let (Some(rule), None) = (rules.required, field.containing_oneof()) {
                    inspection.violation(rule, "must be set".into());
                } else if !field.supports_presence() {
                    inspection.value(rules, &message.get_field(field));
                }
            });
        }
        for oneof in &rules.oneofs {
            if !oneof.fields().any(|field| message.has_field(&field)) {
                let names: Vec<String> = oneof.fields().map(|field| field.name().to_owned()).collect();
                self.at(oneof.name(), |inspection| {
                    inspection.violation("oneof.required", format!("one of {} must be set", names.join(", ")));
                });
            }
        }
    }

    fn value(&mut self, rules: &FieldRules, value: &Value) {
        match value {
            Value::List(values) => {
                self.count(rules, values.len());
                for (index, item) in values.iter().enumerate() {
                    self.step(&format!("[{index}]"), |inspection| inspection.element(rules.items.as_deref(), item));
                }
                if rules.unique
                    && let Some((first, second)) = twins(values)
                {
                    let message = format!("items must be unique, but {first} and {second} are the same");
                    self.violation("repeated.unique", message);
                }
            }
            Value::Map(entries) => {
                self.count(rules, entries.len());
                let mut entries: Vec<(String, &MapKey, &Value)> =
                    entries.iter().map(|(key, value)| (key_text(key), key, value)).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                for (text, key, item) in entries {
                    self.step(&format!("[{text}]"), |inspection| {
                        if let Some(keys) = &rules.keys {
                            inspection.scalar(keys, &Value::from(key.clone()));
                        }
                        inspection.element(rules.values.as_deref(), item);
                    });
                }
            }
            _ => self.element(Some(rules), value),
        }
    }

    fn element(&mut self, rules: Option<&FieldRules>, value: &Value) {
        if let Some(rules) = rules {
            self.scalar(rules, value);
        }
        if let (Value::Message(message), false) = (value, rules.is_some_and(|rules| rules.skip)) {
            self.message(message);
        }
    }

    fn scalar(&mut self, rules: &FieldRules, value: &Value) {
        let Some(scalar) = Scalar::of(value).filter(|scalar| !(rules.ignore_empty && scalar.is_empty())) else {
            return;
        };
        for (rule, check) in &rules.checks {
            if let Err(wanted) = check.test(&scalar) {
                self.violation(rule, wanted);
            }
        }
    }

    fn count(&mut self, rules: &FieldRules, len: usize) {
        if rules.ignore_empty && len == 0 {
            return;
        }
        let items = |count: u64| format!("{count} {}", if count == 1 { "item" } else { "items" });
        for Count { rule, least, most } in &rules.counts {
            if (len as u64) < *least {
                self.violation(rule, format!("must have at least {}", items(*least)));
            }
            if len as u64 > *most {
                self.violation(rule, format!("must have at most {}, not {len}", items(*most)));
            }
        }
    }

    fn within(&mut self, value: &Value) {
        match value {
            Value::Message(message) => self.message(message),
            Value::List(values) if matches!(values.first(), Some(Value::Message(_))) => {
                for (index, item) in values.iter().enumerate() {
                    self.step(&format!("[{index}]"), |inspection| inspection.within(item));
                }
            }
            Value::Map(entries) if matches!(entries.values().next(), Some(Value::Message(_))) => {
                let mut entries: Vec<(String, &Value)> =
                    entries.iter().map(|(key, value)| (key_text(key), value)).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                for (text, item) in entries {
                    self.step(&format!("[{text}]"), |inspection| inspection.within(item));
                }
            }
            _ => {}
        }
    }

    fn any(&mut self, any: &DynamicMessage) {
        let url = any.get_field_by_name("type_url").and_then(|url| url.as_str().map(str::to_owned)).unwrap_or_default();
        let bytes = any.get_field_by_name("value").and_then(|value| value.as_bytes().cloned()).unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(descriptor) = pool().get_message_by_name(name).filter(|_| self.anys < MAX_ANYS) else { return };
        self.anys += 1;
        self.step(&format!("({})", descriptor.name()), |inspection| {
            match DynamicMessage::decode(descriptor.clone(), bytes) {
                Ok(message) => inspection.message(&message),
                Err(error) => inspection.violation("decodable", format!("does not decode as {name}: {error}")),
            }
        });
        self.anys -= 1;
    }

    fn at(&mut self, field: &str, inspect: impl FnOnce(&mut Self)) {
        let separator = if self.path.is_empty() { "" } else { "." };
        self.step(&format!("{separator}{field}"), inspect);
    }

    fn step(&mut self, step: &str, inspect: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(step);
        inspect(self);
        self.path.truncate(length);
    }

    fn violation(&mut self, rule: &str, message: String) {
        self.found.push(Violation { path: self.path.clone(), rule: rule.into(), message });
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(key) => format!("{key:?}"),
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
    }
}

/// The places of two equal items.
fn twins(values: &[Value]) -> Option<(usize, usize)> {
    let Some(scalars) = values.iter().map(Scalar::of).collect::<Option<Vec<_>>>() else {
        let second = (1..values.len()).find(|at| values[..*at].contains(&values[*at]))?;
        return Some((values.iter().position(|value| *value == values[second])?, second));
    };
    let mut places: Vec<usize> = (0..scalars.len()).collect();
    places.sort_by(|a, b| scalars[*a].order(&scalars[*b]).then(a.cmp(b)));
    let equal = |pair: &&[usize]| scalars[pair[0]].order(&scalars[pair[1]]).is_eq();
    places.windows(2).find(equal).map(|pair| (pair[0], pair[1]))
}
