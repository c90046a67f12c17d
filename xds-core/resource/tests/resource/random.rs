//! Random messages of any type, and random spellings of one message.

use chancery_resource::pool;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};

/// A small deterministic generator (splitmix64), so that a failure can be replayed from its seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn text(&mut self) -> String {
        ["", "a", "b", "name", "zebra", "ünï", "a.b/c", "\0"][self.below(8)].into()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// What an `Any` may hold here: types with maps, without, and with more `Any`s in them.
const HELD: [&str; 5] = [
    "envoy.config.core.v3.Metadata",
    "envoy.config.route.v3.VirtualHost",
    "envoy.config.core.v3.TypedExtensionConfig",
    "envoy.extensions.filters.http.router.v3.Router",
    "google.protobuf.Struct",
];

/// A message of this type with random content; most fields are unset, maps have several entries.
pub(crate) fn message(descriptor: &MessageDescriptor, depth: usize, dice: &mut Dice) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.Any" => {
            if depth > 0 && dice.below(6) > 0 {
                let held = pool().get_message_by_name(HELD[dice.below(HELD.len())]).unwrap();
                let url = format!("type.googleapis.com/{}", held.full_name());
                message.set_field_by_name("type_url", Value::String(url));
                let value = self::message(&held, depth - 1, dice).encode_to_vec();
                message.set_field_by_name("value", Value::Bytes(value.into()));
            } else {
                message
                    .set_field_by_name("type_url", Value::String("type.googleapis.com/google.protobuf.Empty".into()));
            }
            return message;
        }
        "google.protobuf.Duration" | "google.protobuf.Timestamp" => {
            message.set_field_by_name("seconds", Value::I64(dice.below(1000) as i64));
            message.set_field_by_name("nanos", Value::I32(dice.below(1000) as i32));
            return message;
        }
        "google.protobuf.Value" => {
            match dice.below(if depth == 0 { 3 } else { 4 }) {
                0 => message.set_field_by_name("string_value", Value::String(dice.text())),
                1 => message.set_field_by_name("number_value", Value::F64(dice.below(9) as f64)),
                2 => message.set_field_by_name("bool_value", Value::Bool(dice.below(2) == 1)),
                _ => {
                    let structure = pool().get_message_by_name("google.protobuf.Struct").unwrap();
                    let structure = self::message(&structure, depth - 1, dice);
                    message.set_field_by_name("struct_value", Value::Message(structure));
                }
            }
            return message;
        }
        "google.protobuf.FieldMask" => return message,
        _ => {}
    }
    let fields = descriptor.fields().len();
    for field in descriptor.fields() {
        let wanted = field.is_map() || dice.below(fields.max(4)) < 4;
        if wanted && let Some(value) = value(&field, depth, dice) {
            message.set_field(&field, value);
        }
    }
    message
}

fn value(field: &FieldDescriptor, depth: usize, dice: &mut Dice) -> Option<Value> {
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let entries = (0..dice.below(5)).filter_map(|_| {
            let key = single(&key.kind(), depth, dice)?;
            Some((key.into_map_key()?, single(&value.kind(), depth, dice)?))
        });
        return Some(Value::Map(entries.collect()));
    }
    if field.is_list() {
        return Some(Value::List((0..dice.below(3)).filter_map(|_| single(&field.kind(), depth, dice)).collect()));
    }
    single(&field.kind(), depth, dice)
}

fn single(kind: &Kind, depth: usize, dice: &mut Dice) -> Option<Value> {
    let number = [0, 1, 127, 128, 70_000][dice.below(5)];
    Some(match kind {
        Kind::Double => Value::F64(f64::from(number)),
        Kind::Float => Value::F32(number as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(-number),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::from(-number)),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number as u64),
        Kind::Bool => Value::Bool(number > 0),
        Kind::String => Value::String(dice.text()),
        Kind::Bytes => Value::Bytes(dice.text().into_bytes().into()),
        Kind::Enum(names) => Value::EnumNumber(names.values().nth(dice.below(names.values().len()))?.number()),
        Kind::Message(_) if depth == 0 => return None,
        Kind::Message(nested) => Value::Message(message(nested, depth - 1, dice)),
    })
}

/// The message in another spelling: fields and map entries shuffled, within `Any`s too, with map entries given twice and
/// defaults written out.
pub(crate) fn respelled(message: &DynamicMessage, dice: &mut Dice) -> Vec<u8> {
    let descriptor = message.descriptor();
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    for (field, value) in message.fields() {
        let mut chunk = Vec::new();
        match value {
            Value::Map(entries) => {
                let mut entries: Vec<(&MapKey, &Value)> = entries.iter().collect();
                dice.shuffle(&mut entries);
                let Kind::Message(entry) = field.kind() else { unreachable!("a map is a list of entries") };
                for (key, value) in &entries {
                    if dice.below(4) == 0 {
                        // An earlier entry with the same key, which the later one replaces.
                        let default = Value::default_value_for_field(&entry.map_entry_value_field());
                        delimited(field.number(), &map_entry(&entry, key, &default, dice), &mut chunk);
                    }
                    delimited(field.number(), &map_entry(&entry, key, value, dice), &mut chunk);
                }
            }
            Value::Message(nested) => delimited(field.number(), &respelled(nested, dice), &mut chunk),
            Value::List(values) if matches!(field.kind(), Kind::Message(_)) => {
                for nested in values.iter().filter_map(Value::as_message) {
                    delimited(field.number(), &respelled(nested, dice), &mut chunk);
                }
            }
            Value::Bytes(value) if field.full_name() == "google.protobuf.Any.value" => {
                let url = message.get_field_by_name("type_url").unwrap();
                let held = url.as_str().and_then(|url| url.rsplit('/').next());
                let held = held.and_then(|held| pool().get_message_by_name(held)).unwrap();
                let held = DynamicMessage::decode(held, value.clone()).unwrap();
                delimited(field.number(), &respelled(&held, dice), &mut chunk);
            }
            Value::List(values) if field.is_packed() && dice.below(3) == 0 => {
                // Each element on its own: what an encoder that knows no packing writes.
                for value in values {
                    let mut only = DynamicMessage::new(descriptor.clone());
                    only.set_field(&field, Value::List(vec![value.clone()]));
                    chunk.extend(only.encode_to_vec());
                }
            }
            _ => {
                let mut only = DynamicMessage::new(descriptor.clone());
                only.set_field(&field, value.clone());
                chunk.extend(only.encode_to_vec());
            }
        }
        chunks.push(chunk);
    }
    dice.shuffle(&mut chunks);
    chunks.concat()
}

fn map_entry(entry: &MessageDescriptor, key: &MapKey, value: &Value, dice: &mut Dice) -> Vec<u8> {
    let mut message = DynamicMessage::new(entry.clone());
    message.set_field(&entry.map_entry_key_field(), Value::from(key.clone()));
    message.set_field(&entry.map_entry_value_field(), value.clone());
    let mut bytes = respelled(&message, dice);
    if value.as_str() == Some("") && dice.below(2) == 0 {
        bytes.extend([0x12, 0x00]);
    }
    bytes
}

fn delimited(number: u32, payload: &[u8], out: &mut Vec<u8>) {
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, out);
    prost::encoding::encode_varint(payload.len() as u64, out);
    out.extend_from_slice(payload);
}
