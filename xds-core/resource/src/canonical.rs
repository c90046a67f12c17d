//! One message, one byte string: map entries sorted, fields in the order of their numbers, through nested `Any`s too.
//!
//! Encoders write maps in the order of their hash tables, which differs between processes and even between two calls.
//! Everything that compares bytes (versions, deduplication, a reconnect to another replica) needs this pass.

use prost::Message;
use prost_reflect::DynamicMessage;

use crate::schema::{Field, Occurs, Role, Schema, Shape, ShapeId, ValueKind};
use crate::wire::{Slot, WireType, push_delimited_tag, push_varint, read_slot, read_varint, varint_len};

/// How many messages may be nested in each other, `Any`s included: what decoders accept of one message without `Any`s.
const MAX_DEPTH: usize = 100;

/// Bytes that are not an encoding of the message they are said to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes of a message, or of one nested in it, do not decode.
    #[error("the bytes do not decode as {message_name}: {reason}")]
    Undecodable {
        /// The full name of the innermost message that does not decode.
        message_name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Messages are nested deeper than any reader accepts.
    #[error("messages are nested more than {MAX_DEPTH} deep")]
    TooDeep,
}

/// The canonical encoding of a message given in any encoding.
///
/// Equal messages have equal canonical bytes, whichever encoder wrote them: map entries are sorted by key and
/// unique (the last one of a key counts, as in decoding), fields stand in the order of their numbers, and `Any`s of a known
/// type are canonical within. An `Any` of an unknown type is left as it is, and so are unknown fields; a message of a type
/// that is not in [`pool`](crate::pool) comes back unchanged.
///
/// # Errors
/// [`Malformed`] when the bytes, or those of a nested `Any` of a known type, do not decode.
///
/// ```
/// use chancery_resource::canonicalize;
/// // A google.protobuf.Struct with the fields "b" and "a", in that order.
/// let shuffled = b"\x0a\x05\x0a\x01b\x12\x00\x0a\x05\x0a\x01a\x12\x00";
/// let sorted = b"\x0a\x03\x0a\x01a\x0a\x03\x0a\x01b";
/// assert_eq!(canonicalize("google.protobuf.Struct", shuffled).unwrap(), sorted);
/// ```
pub fn canonicalize(message_name: &str, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let schema = Schema::get();
    let Some(id) = schema.find(message_name) else { return Ok(bytes.to_vec()) };
    let mut pass = Pass { schema, slots: Vec::with_capacity(64) };
    let mut out = Vec::with_capacity(bytes.len());
    pass.message(id, bytes, &mut out, 0)?;
    Ok(out)
}

/// One run over a message. `slots` is a stack: the fields of each message on the way down.
struct Pass {
    schema: &'static Schema,
    slots: Vec<Slot>,
}

/// Whether a message is written as our encoder would write it, but for the order of things.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Usual,
    /// Needs a real decoder: a field given twice, two members of a oneof, a padded number, an unpacked list.
    Unusual,
}

impl Pass {
    fn message(&mut self, id: ShapeId, bytes: &[u8], out: &mut Vec<u8>, depth: usize) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        let shape = self.schema.shape(id);
        let base = self.slots.len();
        if self.split(shape, bytes)? == Spelling::Usual {
            let written = self.write(shape, bytes, base, out, depth);
            self.slots.truncate(base);
            return written;
        }
        self.slots.truncate(base);
        let respelled = DynamicMessage::decode(shape.descriptor.clone(), bytes)
            .map_err(|error| undecodable(shape, &error.to_string()))?
            .encode_to_vec();
        // Usual now; were it not, sorting it is still a function of its bytes.
        self.split(shape, &respelled)?;
        let written = self.write(shape, &respelled, base, out, depth);
        self.slots.truncate(base);
        written
    }

    /// Pushes the message's fields, in the order of their numbers.
    fn split(&mut self, shape: &Shape, bytes: &[u8]) -> Result<Spelling, Malformed> {
        let base = self.slots.len();
        let mut spelling = Spelling::Usual;
        let mut at = 0;
        let mut last = 0;
        let mut ordered = true;
        let mut oneofs_seen = 0_u64;
        while at < bytes.len() {
            let slot = read_slot(bytes, at).ok_or_else(|| undecodable(shape, &format!("no field at byte {at}")))?;
            at = slot.end;
            ordered &= last <= slot.number;
            if let Some(field) = shape.field(slot.number) {
                let repeats = last == slot.number && !matches!(field.occurs, Occurs::Repeated | Occurs::Map);
                if slot.padded || repeats || !is_usual(shape, field, &slot, bytes)? {
                    spelling = Spelling::Unusual;
                }
                if let Some(oneof) = field.oneof {
                    // Beyond the 64th oneof, which no message has, any member would be respelled.
                    let bit = 1_u64.checked_shl(oneof as u32).unwrap_or(u64::MAX);
                    if oneofs_seen & bit != 0 {
                        spelling = Spelling::Unusual;
                    }
                    oneofs_seen |= bit;
                }
            } else if slot.padded {
                spelling = Spelling::Unusual;
            }
            last = slot.number;
            self.slots.push(slot);
        }
        if !ordered {
            let slots = &mut self.slots[base..];
            slots.sort_by_key(|slot| slot.number);
            let twice = slots.windows(2).any(|pair| {
                pair[0].number == pair[1].number
                    && shape
                        .field(pair[0].number)
                        .is_some_and(|field| !matches!(field.occurs, Occurs::Repeated | Occurs::Map))
            });
            if twice {
                spelling = Spelling::Unusual;
            }
        }
        Ok(spelling)
    }

    /// Writes the fields pushed at `base`.
    fn write(
        &mut self,
        shape: &Shape,
        bytes: &[u8],
        base: usize,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let end = self.slots.len();
        let mut at = base;
        while at < end {
            let slot = self.slots[at];
            let field = shape.field(slot.number);
            match field.map(|field| (field.occurs, field.value)) {
                Some((Occurs::Map, ValueKind::Message(entry))) => {
                    let run = self.slots[at..end].iter().take_while(|other| other.number == slot.number).count();
                    self.map(entry, bytes, at..at + run, out, depth)?;
                    at += run;
                    continue;
                }
                Some((_, ValueKind::Message(id))) => {
                    let start = out.len();
                    let payload = self.nested(Some(id), slot.number, &bytes[slot.payload..slot.end], out, depth)?;
                    if shape.role == Role::MapEntry && payload == 0 {
                        out.truncate(start);
                    }
                }
                // Some encoders write the defaults of an entry, some do not; decoders drop what is neither key nor value.
                _ if shape.role == Role::MapEntry
                    && (field.is_none() || is_zero(slot.wire_type, &bytes[slot.payload..slot.end])) => {}
                _ if shape.role == Role::Any && slot.number == 2 => {
                    let url = self.slots[base..end].iter().find(|other| other.number == 1);
                    let held = url.and_then(|url| self.schema.find_url(&bytes[url.payload..url.end]));
                    let start = out.len();
                    let payload = self.nested(held, slot.number, &bytes[slot.payload..slot.end], out, depth)?;
                    if payload == 0 {
                        out.truncate(start);
                    }
                }
                _ => out.extend_from_slice(&bytes[slot.start..slot.end]),
            }
            at += 1;
        }
        Ok(())
    }

    /// Writes a delimited field that holds a message, or verbatim bytes where its type is not known. Returns the payload's
    /// length.
    fn nested(
        &mut self,
        id: Option<ShapeId>,
        number: u32,
        bytes: &[u8],
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<usize, Malformed> {
        push_delimited_tag(out, number);
        let length_at = out.len();
        push_varint(out, bytes.len() as u64);
        let start = out.len();
        match id {
            Some(id) => self.message(id, bytes, out, depth + 1)?,
            None => out.extend_from_slice(bytes),
        }
        let written = out.len() - start;
        if written != bytes.len() {
            let mut length = Vec::with_capacity(10);
            push_varint(&mut length, written as u64);
            out.splice(length_at..start, length);
        }
        Ok(written)
    }

    /// Writes the entries of one map, sorted by key; of equal keys the last counts.
    fn map(
        &mut self,
        entry: ShapeId,
        bytes: &[u8],
        run: std::ops::Range<usize>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Malformed> {
        let start = out.len();
        let mut entries: Vec<Entry> = Vec::with_capacity(run.len());
        let mut ordered = true;
        for at in run {
            let slot = self.slots[at];
            let begin = out.len();
            let len = self.nested(Some(entry), slot.number, &bytes[slot.payload..slot.end], out, depth)?;
            let body = out.len() - len;
            // The key is field 1 and comes first; it is left out if it is the default one.
            let key = read_slot(out, body).filter(|first| first.number == 1);
            let written = Entry { begin, end: out.len(), key: key.map(|key| (key.payload, key.end)) };
            if let Some(last) = entries.last() {
                ordered &= last.key(out) < written.key(out);
            }
            entries.push(written);
        }
        if !ordered {
            let shuffled = out.split_off(start);
            for entry in &mut entries {
                entry.shift(start);
            }
            entries.sort_by(|a, b| a.key(&shuffled).cmp(b.key(&shuffled)));
            for (at, entry) in entries.iter().enumerate() {
                let overridden = entries.get(at + 1).is_some_and(|next| next.key(&shuffled) == entry.key(&shuffled));
                if !overridden {
                    out.extend_from_slice(&shuffled[entry.begin..entry.end]);
                }
            }
        }
        Ok(())
    }
}

/// A map entry already written; `key` is where its key stands, if it is not the default one.
struct Entry {
    begin: usize,
    end: usize,
    key: Option<(usize, usize)>,
}

impl Entry {
    fn key<'a>(&self, written: &'a [u8]) -> &'a [u8] {
        self.key.and_then(|(from, to)| written.get(from..to)).unwrap_or_default()
    }

    fn shift(&mut self, by: usize) {
        self.begin -= by;
        self.end -= by;
        self.key = self.key.map(|(from, to)| (from - by, to - by));
    }
}

/// Whether a payload is the default value; a text of NULs is not.
fn is_zero(wire_type: WireType, payload: &[u8]) -> bool {
    match wire_type {
        WireType::Delimited => payload.is_empty(),
        _ => payload.iter().all(|byte| *byte == 0),
    }
}

/// Whether our encoder would write this field just so.
fn is_usual(shape: &Shape, field: &Field, slot: &Slot, bytes: &[u8]) -> Result<bool, Malformed> {
    let payload = &bytes[slot.payload..slot.end];
    if field.occurs == Occurs::Packed {
        return Ok(slot.wire_type == WireType::Delimited && !payload.is_empty() && is_usual_list(field.value, payload));
    }
    if slot.wire_type != field.value.wire_type() {
        return Ok(false);
    }
    if field.value == ValueKind::Text && std::str::from_utf8(payload).is_err() {
        let name = shape.descriptor.get_field(slot.number);
        let name = name.as_ref().map_or("", |field| field.name());
        return Err(undecodable(shape, &format!("{name} is not UTF-8 text")));
    }
    // Map entries are cleared of defaults anyway, and some encoders always write them.
    let zero = field.occurs == Occurs::Implicit && shape.role != Role::MapEntry && is_zero(slot.wire_type, payload);
    Ok(!zero && (slot.wire_type != WireType::Varint || is_usual_varint(field.value, payload, 0).is_some()))
}

fn is_usual_list(value: ValueKind, payload: &[u8]) -> bool {
    match value.wire_type() {
        WireType::Fixed32 => payload.len().is_multiple_of(4),
        WireType::Fixed64 => payload.len().is_multiple_of(8),
        WireType::Delimited => false,
        WireType::Varint => {
            let mut at = 0;
            while at < payload.len() {
                match is_usual_varint(value, payload, at) {
                    Some(next) => at = next,
                    None => return false,
                }
            }
            true
        }
    }
}

/// The position behind the varint at `at`, if it is in the one form its kind has.
fn is_usual_varint(value: ValueKind, payload: &[u8], at: usize) -> Option<usize> {
    let (number, end) = read_varint(payload, at)?;
    let fits = match value {
        ValueKind::Bool => number <= 1,
        ValueKind::Unsigned32 => number <= u64::from(u32::MAX),
        ValueKind::Signed32 => i64::from(number as i32) as u64 == number,
        _ => true,
    };
    (fits && end - at == varint_len(number)).then_some(end)
}

fn undecodable(shape: &Shape, reason: &str) -> Malformed {
    Malformed::Undecodable { message_name: shape.descriptor.full_name().into(), reason: reason.into() }
}
