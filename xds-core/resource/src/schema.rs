//! The descriptors in the form the wire walkers need: one compact table, built once, indexed by field number.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

use crate::descriptors::pool;
use crate::wire::WireType;

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::build);

/// Every message type of the pool.
pub(crate) struct Schema {
    shapes: Vec<Shape>,
    by_name: HashMap<Box<str>, usize>,
}

/// The place of a message type in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShapeId(usize);

/// What a walker must know of one message type.
pub(crate) struct Shape {
    pub(crate) role: Role,
    pub(crate) descriptor: MessageDescriptor,
    fields: Vec<Field>,
    /// Index into `fields` by field number, for the low numbers; `NOWHERE` where there is no such field.
    low: Box<[u8]>,
}

/// What kind of message this is to a walker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    MapEntry,
    Any,
}

/// One field of a message type.
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) value: ValueKind,
    pub(crate) occurs: Occurs,
    /// The oneof this field is a member of, by its index in the message (a single optional field is none).
    pub(crate) oneof: Option<usize>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Bool,
    Signed32,
    Unsigned32,
    Varint64,
    Fixed32,
    Fixed64,
    Text,
    Bytes,
    Message(ShapeId),
}

/// How often a field occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurs {
    /// Once, and a zero value is the same as absence.
    Implicit,
    /// Once, and presence counts.
    Explicit,
    /// Any number of times, each with its own tag.
    Repeated,
    /// Any number of times within one delimited field.
    Packed,
    /// Entries of a map.
    Map,
}

const NOWHERE: u8 = u8::MAX;

impl Schema {
    /// The table of the descriptors in [`pool`].
    pub(crate) fn get() -> &'static Schema {
        &SCHEMA
    }

    /// The type with this full name.
    pub(crate) fn find(&self, full_name: &str) -> Option<ShapeId> {
        self.by_name.get(full_name).copied().map(ShapeId)
    }

    /// The type an `Any` with this URL holds.
    pub(crate) fn find_url(&self, type_url: &[u8]) -> Option<ShapeId> {
        let url = std::str::from_utf8(type_url).ok()?;
        self.find(url.rsplit('/').next()?)
    }

    pub(crate) fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0]
    }

    /// Every type of the table.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ShapeId> + use<> {
        (0..self.shapes.len()).map(ShapeId)
    }

    fn build() -> Schema {
        let descriptors: Vec<MessageDescriptor> = pool().all_messages().collect();
        let by_name: HashMap<Box<str>, usize> =
            descriptors.iter().enumerate().map(|(index, message)| (message.full_name().into(), index)).collect();
        let shapes = descriptors.into_iter().map(|message| Shape::build(message, &by_name)).collect();
        Schema { shapes, by_name }
    }
}

impl ShapeId {
    /// The place itself, for tables that run beside this one.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

impl Shape {
    /// Every field, by number.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field with this number.
    pub(crate) fn field(&self, number: u32) -> Option<&Field> {
        match self.low.get(number as usize) {
            Some(&NOWHERE) => None,
            Some(&index) => self.fields.get(usize::from(index)),
            None => self.fields.binary_search_by_key(&number, |field| field.number).ok().map(|at| &self.fields[at]),
        }
    }

    fn build(descriptor: MessageDescriptor, by_name: &HashMap<Box<str>, usize>) -> Shape {
        let role = if descriptor.is_map_entry() {
            Role::MapEntry
        } else if descriptor.full_name() == "google.protobuf.Any" {
            Role::Any
        } else {
            Role::Plain
        };
        let mut fields: Vec<Field> = descriptor.fields().map(|field| Field::build(&field, by_name)).collect();
        fields.sort_unstable_by_key(|field| field.number);
        let highest = fields.last().map_or(0, |field| field.number as usize);
        let mut low = vec![NOWHERE; highest.min(127) + 1].into_boxed_slice();
        for (index, field) in fields.iter().enumerate() {
            if let (Some(slot), Ok(index)) = (low.get_mut(field.number as usize), u8::try_from(index)) {
                *slot = index;
            }
        }
        Shape { role, descriptor, fields, low }
    }
}

impl Field {
    /// Whether the field holds messages of this type.
    pub(crate) fn is_message(&self, id: ShapeId) -> bool {
        self.value == ValueKind::Message(id)
    }

    fn build(field: &FieldDescriptor, by_name: &HashMap<Box<str>, usize>) -> Field {
        let value = match field.kind() {
            Kind::Bool => ValueKind::Bool,
            Kind::Int32 | Kind::Enum(_) => ValueKind::Signed32,
            Kind::Uint32 | Kind::Sint32 => ValueKind::Unsigned32,
            Kind::Int64 | Kind::Uint64 | Kind::Sint64 => ValueKind::Varint64,
            Kind::Fixed32 | Kind::Sfixed32 | Kind::Float => ValueKind::Fixed32,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => ValueKind::Fixed64,
            Kind::String => ValueKind::Text,
            Kind::Bytes => ValueKind::Bytes,
            Kind::Message(message) => match by_name.get(message.full_name()) {
                Some(&index) => ValueKind::Message(ShapeId(index)),
                None => ValueKind::Bytes,
            },
        };
        let occurs = match field.cardinality() {
            _ if field.is_map() => Occurs::Map,
            Cardinality::Repeated if field.is_packed() => Occurs::Packed,
            Cardinality::Repeated => Occurs::Repeated,
            _ if field.supports_presence() => Occurs::Explicit,
            _ => Occurs::Implicit,
        };
        let oneof = field.containing_oneof().and_then(|oneof| {
            let parent = field.parent_message();
            (oneof.fields().len() > 1).then(|| parent.oneofs().position(|other| other == oneof))?
        });
        Field { number: field.number(), value, occurs, oneof }
    }
}

impl ValueKind {
    /// The wire type of one value of this kind.
    pub(crate) fn wire_type(self) -> WireType {
        match self {
            ValueKind::Bool | ValueKind::Signed32 | ValueKind::Unsigned32 | ValueKind::Varint64 => WireType::Varint,
            ValueKind::Fixed32 => WireType::Fixed32,
            ValueKind::Fixed64 => WireType::Fixed64,
            ValueKind::Text | ValueKind::Bytes | ValueKind::Message(_) => WireType::Delimited,
        }
    }
}
