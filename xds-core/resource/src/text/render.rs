//! From a message to JSON or YAML for people, with secrets left out if wanted.

use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::well_known::is_well_known;
use crate::canonical::Malformed;
use crate::descriptors::pool;

/// What is done with fields that hold secrets: private keys, passwords, tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Secrets {
    /// They read `[redacted]`. The default: dumps and logs travel far.
    #[default]
    Redacted,
    /// They are written out.
    Shown,
}

/// How deep `Any`s are opened within each other.
const MAX_ANYS: usize = 16;

const REDACTED: &str = "[redacted]";

static SENSITIVE: LazyLock<Option<ExtensionDescriptor>> =
    LazyLock::new(|| pool().get_extension_by_name("udpa.annotations.sensitive"));

/// A message as protobuf's JSON, with Envoy's own (snake case) field names and every `Any` of a known type opened.
///
/// What JSON has no form for is still told: an `Any` of an unknown type has its bytes in base64 under `value`, and a
/// well-known type with a value out of range is written field by field. Fields at their defaults are left out.
///
/// # Errors
/// [`Malformed`] when the bytes do not decode, or their type is not known.
///
/// ```
/// use chancery_resource::{Secrets, encode, to_json};
/// use envoy_types::pb::envoy::config::cluster::v3::Cluster;
/// let cluster = encode(&Cluster { name: "shop".into(), ..Default::default() })?;
/// let json = to_json(cluster.type_url().as_str(), cluster.body(), Secrets::Redacted).unwrap();
/// assert_eq!(json, serde_json::json!({"name": "shop"}));
/// # Ok::<(), chancery_resource::EncodeError>(())
/// ```
pub fn to_json(type_url: &str, bytes: &[u8], secrets: Secrets) -> Result<Json, Malformed> {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    let undecodable = |reason: String| Malformed::Undecodable { message_name: name.into(), reason };
    let descriptor = pool().get_message_by_name(name).ok_or_else(|| undecodable("its type is not known".into()))?;
    let message = DynamicMessage::decode(descriptor, bytes).map_err(|error| undecodable(error.to_string()))?;
    let mode = if secrets == Secrets::Shown { Mode::Shown } else { Mode::Looking };
    Ok(of_message(&message, View { mode, anys_left: MAX_ANYS }))
}

/// A message as YAML: what [`to_json`] says, for people.
///
/// # Errors
/// As [`to_json`].
pub fn to_yaml(type_url: &str, bytes: &[u8], secrets: Secrets) -> Result<String, Malformed> {
    let json = to_json(type_url, bytes, secrets)?;
    serde_saphyr::to_string(&json).map_err(|error| Malformed::Undecodable {
        message_name: type_url.rsplit('/').next().unwrap_or_default().into(),
        reason: error.to_string(),
    })
}

/// Whether a value is written out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Shown,
    /// Written out, but for sensitive fields in it.
    Looking,
    /// Within a sensitive field.
    Hidden,
}

#[derive(Clone, Copy)]
struct View {
    mode: Mode,
    anys_left: usize,
}

fn of_message(message: &DynamicMessage, view: View) -> Json {
    let descriptor = message.descriptor();
    if descriptor.full_name() == "google.protobuf.Any" {
        return of_any(message, view);
    }
    if is_well_known(&descriptor) {
        if view.mode == Mode::Hidden {
            return REDACTED.into();
        }
        if let Ok(json) = message.serialize(serde_json::value::Serializer) {
            return json;
        }
    }
    Json::Object(fields(message, view))
}

fn fields(message: &DynamicMessage, view: View) -> Map<String, Json> {
    let entries = message.fields().map(|(field, value)| {
        let hidden = view.mode == Mode::Looking && is_sensitive(&field);
        let view = View { mode: if hidden { Mode::Hidden } else { view.mode }, ..view };
        (field.name().to_owned(), of_value(value, &field.kind(), view))
    });
    entries.collect()
}

fn of_value(value: &Value, kind: &Kind, view: View) -> Json {
    match value {
        Value::List(values) => values.iter().map(|value| of_value(value, kind, view)).collect(),
        Value::Map(entries) => {
            let kind = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
            let kind = kind.as_ref().unwrap_or(&Kind::Bytes);
            Json::Object(entries.iter().map(|(key, value)| (key_text(key), of_value(value, kind, view))).collect())
        }
        Value::Message(message) => of_message(message, view),
        _ if view.mode == Mode::Hidden => REDACTED.into(),
        Value::Bool(value) => (*value).into(),
        Value::I32(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        // JSON's readers keep 53 bits of a number; protobuf's JSON writes longer kinds as text.
        Value::I64(value) => value.to_string().into(),
        Value::U64(value) => value.to_string().into(),
        Value::F32(value) => of_float(value.to_string().parse().unwrap_or(f64::from(*value))),
        Value::F64(value) => of_float(*value),
        Value::String(value) => value.as_str().into(),
        Value::Bytes(value) => base64(value),
        Value::EnumNumber(number) => match kind.as_enum().and_then(|names| names.get_value(*number)) {
            Some(name) if name.parent_enum().full_name() == "google.protobuf.NullValue" => Json::Null,
            Some(name) => name.name().into(),
            None => (*number).into(),
        },
    }
}

fn of_any(any: &DynamicMessage, view: View) -> Json {
    let text = any.get_field_by_name("type_url").and_then(|url| url.as_str().map(str::to_owned)).unwrap_or_default();
    let bytes = any.get_field_by_name("value").and_then(|value| value.as_bytes().cloned()).unwrap_or_default();
    if text.is_empty() && bytes.is_empty() {
        return Json::Object(Map::new());
    }
    let within = View { anys_left: view.anys_left.saturating_sub(1), ..view };
    let known = text.rsplit('/').next().filter(|_| view.anys_left > 0);
    let descriptor = known.and_then(|name| pool().get_message_by_name(name));
    let held = descriptor.and_then(|descriptor| DynamicMessage::decode(descriptor, bytes.clone()).ok());
    let mut json = match held {
        Some(held) if is_well_known(&held.descriptor()) => {
            Map::from_iter([("value".to_owned(), of_message(&held, within))])
        }
        Some(held) => fields(&held, within),
        None if view.mode == Mode::Shown => Map::from_iter([("value".to_owned(), base64(&bytes))]),
        // Nobody can say whether there is a secret in it.
        None => Map::from_iter([("value".to_owned(), REDACTED.into())]),
    };
    json.insert("@type".to_owned(), text.into());
    Json::Object(json)
}

fn of_float(value: f64) -> Json {
    match serde_json::Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

fn base64(bytes: &[u8]) -> Json {
    let wrapped = pool().get_message_by_name("google.protobuf.BytesValue").and_then(|descriptor| {
        let mut wrapper = DynamicMessage::new(descriptor);
        wrapper.set_field_by_name("value", Value::Bytes(bytes.to_vec().into()));
        wrapper.serialize(serde_json::value::Serializer).ok()
    });
    wrapped.unwrap_or(Json::Null)
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn is_sensitive(field: &FieldDescriptor) -> bool {
    match &*SENSITIVE {
        Some(sensitive) => {
            let options = field.options();
            options.has_extension(sensitive) && options.get_extension(sensitive).as_bool() == Some(true)
        }
        None => false,
    }
}
