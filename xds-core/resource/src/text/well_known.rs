//! Protobuf's own types, which JSON writes in forms of their own: durations, wrappers, structs.

use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

use crate::located::{Content, Node};

/// Reads such a message from its JSON form.
pub(super) fn deserialize(descriptor: &MessageDescriptor, node: &Node) -> Result<DynamicMessage, String> {
    let json = match node.content {
        // JSON has no such numbers; protobuf's JSON writes their names.
        Content::Float(value) if value.is_nan() => "NaN".into(),
        Content::Float(value) if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        _ => node.to_json(),
    };
    let options = DeserializeOptions::new();
    DynamicMessage::deserialize_with_options(descriptor.clone(), json, &options).map_err(|error| error.to_string())
}

/// Whether protobuf's JSON writes the message in a form of its own.
pub(super) fn is_well_known(descriptor: &MessageDescriptor) -> bool {
    let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.") else { return false };
    matches!(
        name,
        "Any"
            | "Timestamp"
            | "Duration"
            | "Struct"
            | "Value"
            | "ListValue"
            | "FieldMask"
            | "Empty"
            | "BoolValue"
            | "StringValue"
            | "BytesValue"
            | "Int32Value"
            | "Int64Value"
            | "UInt32Value"
            | "UInt64Value"
            | "FloatValue"
            | "DoubleValue"
    )
}

/// Whether null is a value of the field and not its absence.
pub(super) fn holds_null(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.Value" && !field.is_list(),
        Kind::Enum(names) => names.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}
