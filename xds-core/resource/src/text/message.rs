//! From a tree to a message: field names, enum names, durations, nested `Any`s, with every problem at its place.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::ReadError;
use super::error::Problem;
use super::well_known::{deserialize, holds_null, is_well_known};
use crate::descriptors::pool;
use crate::encode::Draft;
use crate::located::{self, Content, Key, Node, Position, closest};

/// How many problems of one resource are told; the first ones usually explain the others.
const MAX_PROBLEMS: usize = 20;

/// Reads one message of a given type from YAML or JSON text without `@type`.
///
/// # Errors
/// Every problem in the text, each with its place.
///
/// ```
/// let draft = chancery_resource::read_message(
///     "type.googleapis.com/envoy.config.cluster.v3.Cluster",
///     "inline",
///     "{name: shop, connect_timeout: 1s}",
/// ).unwrap();
/// assert_eq!(draft.encode().unwrap().name().as_str(), "shop");
/// ```
pub fn read_message(type_url: &str, source_name: &str, text: impl AsRef<[u8]>) -> Result<Draft, Vec<ReadError>> {
    let read =
        located::read(text.as_ref(), |documents, problem| read_only(type_url, &documents, problem.map(Problem::from)));
    let problems = match read {
        Ok((Some(draft), problems)) if problems.is_empty() => return Ok(draft),
        Ok((_, problems)) => problems,
        Err(problem) => vec![problem.into()],
    };
    Err(problems.into_iter().map(|problem| problem.in_file(source_name)).collect())
}

fn read_only(type_url: &str, documents: &[Node], problem: Option<Problem>) -> (Option<Draft>, Vec<Problem>) {
    let mut problems: Vec<Problem> = problem.into_iter().collect();
    let draft = match documents {
        [document] => read_draft(type_url, document.at, document, String::new(), &mut problems),
        _ if !problems.is_empty() => None,
        _ => {
            let at = documents.get(1).map(|document| document.at).unwrap_or_default();
            let message = format!("one message is wanted, not {}", documents.len());
            problems.push(Problem { at, path: String::new(), message, help: None });
            None
        }
    };
    (draft, problems)
}

/// The draft of a message of this type, or the problems that stand against it. `type_at` is where the type is named.
pub(super) fn read_draft(
    type_url: &str,
    type_at: Position,
    node: &Node,
    path: String,
    problems: &mut Vec<Problem>,
) -> Option<Draft> {
    let before = problems.len();
    let at = node.at;
    let mut reader = Reader { pool: pool(), path, problems, budget: MAX_PROBLEMS };
    let encoded = reader.packed(type_url, type_at, node);
    let path = reader.path;
    if problems.len() > before {
        return None;
    }
    match Draft::from_any(type_url, &encoded?) {
        Ok(draft) => Some(draft),
        Err(error) => {
            problems.push(Problem { at, path, message: error.to_string(), help: None });
            None
        }
    }
}

struct Reader<'a> {
    pool: &'static DescriptorPool,
    path: String,
    problems: &'a mut Vec<Problem>,
    budget: usize,
}

impl Reader<'_> {
    /// The bytes of a message of the type a URL names; `node` may hold the `@type` key itself.
    fn packed(&mut self, type_url: &str, type_at: Position, node: &Node) -> Option<Vec<u8>> {
        let name = type_url.rsplit('/').next().unwrap_or_default();
        let Some(descriptor) = self.pool.get_message_by_name(name) else {
            if let Some(bytes) = opaque(self.pool, node) {
                return Some(bytes);
            }
            let known = self.pool.all_messages();
            let help = closest(name, known.map(|message| message.full_name().to_owned()));
            self.problem(type_at, format!("unknown type {type_url:?}"), help);
            return None;
        };
        let message = if descriptor.full_name() != "google.protobuf.Any" && is_well_known(&descriptor) {
            match node.get("value") {
                Some(value) => self.at_key("value", |reader| reader.message(&descriptor, value)),
                None if node.get("@type").is_some() => Some(DynamicMessage::new(descriptor)),
                None => self.message(&descriptor, node),
            }
        } else {
            self.message(&descriptor, node)
        };
        message.map(|message| message.encode_to_vec())
    }

    fn message(&mut self, descriptor: &MessageDescriptor, node: &Node) -> Option<DynamicMessage> {
        if descriptor.full_name() == "google.protobuf.Any" {
            return self.any(descriptor, node);
        }
        if is_well_known(descriptor) {
            return self.well_known(descriptor, node);
        }
        let Content::Map(entries) = &node.content else {
            self.problem(node.at, format!("{} is wanted as a map, not {}", descriptor.full_name(), node.kind()), None);
            return None;
        };
        let mut message = DynamicMessage::new(descriptor.clone());
        for (key, value) in entries.iter().filter(|(key, _)| key.text != "@type") {
            self.at_key(&key.text, |reader| reader.field(&mut message, key, value));
        }
        Some(message)
    }

    fn field(&mut self, message: &mut DynamicMessage, key: &Key, node: &Node) {
        let descriptor = prost_reflect::ReflectMessage::descriptor(message);
        let named = descriptor.get_field_by_name(&key.text).or_else(|| descriptor.get_field_by_json_name(&key.text));
        let Some(field) = named else {
            let help = closest(&key.text, descriptor.fields().map(|field| field.name().to_owned()));
            self.problem(key.at, format!("{} has no such field", descriptor.full_name()), help);
            return;
        };
        if matches!(node.content, Content::Null) && !holds_null(&field) {
            return;
        }
        if message.has_field(&field) {
            self.problem(key.at, format!("{} is given twice", field.name()), None);
            return;
        }
        let oneof = field.containing_oneof();
        if let Some(other) = oneof.and_then(|oneof| oneof.fields().find(|other| message.has_field(other))) {
            let text = format!("{} is given already, and only one of the two may be", other.name());
            self.problem(key.at, text, None);
            return;
        }
        let value = match (&node.content, field.kind()) {
            (Content::Map(entries), Kind::Message(entry)) if field.is_map() => self.map(&entry, entries),
            (Content::List(items), kind) if field.is_list() => self.list(&kind, items),
            _ if field.is_map() => {
                self.problem(node.at, format!("a map is wanted here, not {}", node.kind()), None);
                return;
            }
            (_, _) if field.is_list() => {
                let help = Some("begin each item with `- `".to_owned());
                self.problem(node.at, format!("a list is wanted here, not {}", node.kind()), help);
                return;
            }
            (_, kind) => self.value(&kind, node),
        };
        if let Some(value) = value
            && let Err(error) = message.try_set_field(&field, value)
        {
            self.problem(node.at, error.to_string(), None);
        }
    }

    fn list(&mut self, kind: &Kind, items: &[Node]) -> Option<Value> {
        let values = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| self.at_index(index, |reader| reader.value(kind, item)));
        Some(Value::List(values.collect()))
    }

    fn map(&mut self, entry: &MessageDescriptor, entries: &[(Key, Node)]) -> Option<Value> {
        let (key_kind, value_kind) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let values = entries.iter().filter_map(|(key, node)| {
            self.at_map_key(&key.text, |reader| {
                let name = reader.map_key(&key_kind, key)?;
                Some((name, reader.value(&value_kind, node)?))
            })
        });
        Some(Value::Map(values.collect()))
    }

    fn map_key(&mut self, kind: &Kind, key: &Key) -> Option<MapKey> {
        let parsed = match kind {
            Kind::String => Some(MapKey::String(key.text.clone())),
            Kind::Bool => key.text.parse().ok().map(MapKey::Bool),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => key.text.parse().ok().map(MapKey::I32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => key.text.parse().ok().map(MapKey::I64),
            Kind::Uint32 | Kind::Fixed32 => key.text.parse().ok().map(MapKey::U32),
            _ => key.text.parse().ok().map(MapKey::U64),
        };
        if parsed.is_none() {
            self.problem(key.at, format!("the key is not a valid {kind:?}"), None);
        }
        parsed
    }

    fn value(&mut self, kind: &Kind, node: &Node) -> Option<Value> {
        match kind {
            Kind::Message(descriptor) => self.message(descriptor, node).map(Value::Message),
            Kind::Enum(descriptor) => self.enumerator(descriptor, node),
            Kind::String => match &node.content {
                Content::Text(text) => Some(Value::String(text.clone())),
                Content::Bool(_) | Content::Unsigned(_) | Content::Negative(_) | Content::Float(_) => {
                    let help = Some("put it in quotes".to_owned());
                    self.problem(node.at, format!("text is wanted here, not {}", node.kind()), help);
                    None
                }
                _ => {
                    self.problem(node.at, format!("text is wanted here, not {}", node.kind()), None);
                    None
                }
            },
            _ => self.scalar(kind, node),
        }
    }

    /// A number, a boolean or bytes: read as the wrapper message of that kind is, so that all spellings JSON allows are.
    fn scalar(&mut self, kind: &Kind, node: &Node) -> Option<Value> {
        let (wrapper, wanted) = match kind {
            Kind::Double => ("DoubleValue", "a number"),
            Kind::Float => ("FloatValue", "a number"),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => ("Int32Value", "a whole number of 32 bits"),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => ("Int64Value", "a whole number of 64 bits"),
            Kind::Uint32 | Kind::Fixed32 => ("UInt32Value", "a whole number of 32 bits from 0"),
            Kind::Uint64 | Kind::Fixed64 => ("UInt64Value", "a whole number of 64 bits from 0"),
            Kind::Bool => ("BoolValue", "true or false"),
            _ => ("BytesValue", "base64 text"),
        };
        if *kind != Kind::Bytes && !self.is_plain_number(node) {
            return None;
        }
        let descriptor = self.pool.get_message_by_name(&format!("google.protobuf.{wrapper}"))?;
        match deserialize(&descriptor, node) {
            Ok(mut message) => Some(message.take_field_by_name("value").unwrap_or_else(|| Value::default_value(kind))),
            Err(error) => {
                self.problem(node.at, format!("{wanted} is wanted here: {error}"), None);
                None
            }
        }
    }

    fn enumerator(&mut self, descriptor: &EnumDescriptor, node: &Node) -> Option<Value> {
        let number = match &node.content {
            Content::Text(name) => match descriptor.get_value_by_name(name) {
                Some(value) => return Some(Value::EnumNumber(value.number())),
                None => {
                    let names = || descriptor.values().map(|value| value.name().to_owned());
                    let help = closest(name, names())
                        .unwrap_or_else(|| format!("it may be {}", names().collect::<Vec<_>>().join(", ")));
                    self.problem(node.at, format!("{} has no value {name:?}", descriptor.full_name()), Some(help));
                    return None;
                }
            },
            Content::Unsigned(number) => i32::try_from(*number).ok(),
            Content::Negative(number) => i32::try_from(*number).ok(),
            Content::Null if descriptor.full_name() == "google.protobuf.NullValue" => Some(0),
            _ => None,
        };
        if number.is_none() {
            let text = format!("a name of {} is wanted here, not {}", descriptor.full_name(), node.kind());
            self.problem(node.at, text, None);
        }
        number.map(Value::EnumNumber)
    }

    fn any(&mut self, descriptor: &MessageDescriptor, node: &Node) -> Option<DynamicMessage> {
        if matches!(&node.content, Content::Map(entries) if entries.is_empty()) {
            return Some(DynamicMessage::new(descriptor.clone()));
        }
        let Some(type_node) = node.get("@type") else {
            let help = Some("name the type: `\"@type\": type.googleapis.com/...`".to_owned());
            self.problem(node.at, "a message of any type needs an \"@type\"".into(), help);
            return None;
        };
        let Some(type_url) = type_node.text() else {
            self.problem(type_node.at, "\"@type\" is text".into(), None);
            return None;
        };
        let bytes = self.packed(type_url, type_node.at, node)?;
        let mut any = DynamicMessage::new(descriptor.clone());
        any.set_field_by_name("type_url", Value::String(type_url.into()));
        any.set_field_by_name("value", Value::Bytes(bytes.into()));
        Some(any)
    }

    fn well_known(&mut self, descriptor: &MessageDescriptor, node: &Node) -> Option<DynamicMessage> {
        let of_numbers = ["DoubleValue", "FloatValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value"];
        if of_numbers.contains(&descriptor.name()) && !self.is_plain_number(node) {
            return None;
        }
        match deserialize(descriptor, node) {
            Ok(message) => Some(message),
            Err(error) => {
                let help = match descriptor.name() {
                    "Duration" => Some("durations are written in seconds: `0.5s`, `30s`, `3600s`".to_owned()),
                    "Timestamp" => Some("timestamps are written as `2024-01-31T23:59:59Z`".to_owned()),
                    "StringValue" if !matches!(node.content, Content::Map(_) | Content::List(_)) => {
                        Some("put it in quotes".to_owned())
                    }
                    _ => None,
                };
                self.problem(node.at, format!("not a valid {}: {error}", descriptor.full_name()), help);
                None
            }
        }
    }

    /// Refuses numbers that mean one thing to people and another to programs: `0644` and `1_000`.
    fn is_plain_number(&mut self, node: &Node) -> bool {
        let Some(text) = node.text() else { return true };
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let leading_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        if leading_zero {
            let octal = i64::from_str_radix(digits, 8).map_or(String::new(), |value| format!("{value} or "));
            let decimal = digits.trim_start_matches('0');
            let decimal = if decimal.is_empty() { "0" } else { decimal };
            let help = Some(format!("write {octal}{decimal}"));
            self.problem(node.at, format!("{text} may be meant as octal or as decimal"), help);
        }
        !leading_zero
    }

    fn at_key<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let separator = if self.path.is_empty() { "" } else { "." };
        self.deeper(&format!("{separator}{key}"), read)
    }

    fn at_map_key<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.deeper(&format!("[{key:?}]"), read)
    }

    fn at_index<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.deeper(&format!("[{index}]"), read)
    }

    fn deeper<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(step);
        let value = read(self);
        self.path.truncate(length);
        value
    }

    fn problem(&mut self, at: Position, message: String, help: Option<String>) {
        if self.budget > 0 {
            self.budget -= 1;
            self.problems.push(Problem { at, path: self.path.clone(), message, help });
        }
    }
}

/// The bytes of a message of an unknown type, as `to_json` writes them: base64 under `value`.
fn opaque(pool: &DescriptorPool, node: &Node) -> Option<Vec<u8>> {
    let Content::Map(entries) = &node.content else { return None };
    let value = node.get("value").filter(|value| entries.len() == 2 && value.text().is_some())?;
    let mut bytes = deserialize(&pool.get_message_by_name("google.protobuf.BytesValue")?, value).ok()?;
    let bytes = bytes.take_field_by_name("value").and_then(|value| value.as_bytes().cloned());
    Some(bytes.unwrap_or_default().to_vec())
}
