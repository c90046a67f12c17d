//! Protobuf's wire format: tags, varints and length-delimited fields, read without panics and written without copies.

use chancery_protocol::ResourceName;

use super::Malformed;

/// One field of a message.
pub(super) enum Value<'a> {
    /// A varint; the types we read with one are small numbers and enums.
    Varint(u64),
    /// Eight bytes: a double.
    Fixed64(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Something none of our fields is.
    Other,
}

/// The fields of an encoded message, in the order they come.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    /// Open groups; a group is the only thing that nests without a length.
    within: &'static str,
}

const DEEPEST_GROUP: u8 = 16;

impl<'a> Fields<'a> {
    /// The fields in these bytes, which are the message `within`.
    pub(super) fn of(bytes: &'a [u8], within: &'static str) -> Fields<'a> {
        Fields { rest: bytes, within }
    }

    /// The next field and its number.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, kind) = self.tag()?;
        let value = match kind {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => Value::Bytes(self.delimited()?),
            3 => {
                self.skip_group(number, 0)?;
                Value::Other
            }
            5 => {
                let _: [u8; 4] = self.array()?;
                Value::Other
            }
            _ => return Err(self.broken()),
        };
        Ok(Some((number, value)))
    }

    /// Passes over the strings that follow and have this number (below 16), as far as they have less than 16 KiB; their bytes, with
    /// tags and lengths.
    pub(super) fn strings(&mut self, number: u8) -> &'a [u8] {
        let tag = number << 3 | 2;
        let mut rest = self.rest;
        let mut passed = 0;
        while let Some((&found, behind)) = rest.split_first()
            && found == tag
        {
            let (head, length) = match *behind {
                [length @ ..0x80, ..] => (1, usize::from(length)),
                [low, high @ ..0x80, ..] => (2, usize::from(low & 0x7f) | usize::from(high) << 7),
                _ => break,
            };
            let Some(after) = behind.get(head + length..) else { break };
            passed += 1 + head + length;
            rest = after;
        }
        let strings = self.rest.get(..passed).unwrap_or_default();
        self.rest = rest;
        strings
    }

    /// How many bytes were not looked at yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn skip_group(&mut self, group: u32, depth: u8) -> Result<(), Malformed> {
        if depth > DEEPEST_GROUP {
            return Err(Malformed::TooDeep);
        }
        loop {
            let (number, kind) = self.tag()?;
            match kind {
                0 => drop(self.varint()?),
                1 => drop(self.array::<8>()?),
                2 => drop(self.delimited()?),
                3 => self.skip_group(number, depth + 1)?,
                4 if number == group => return Ok(()),
                5 => drop(self.array::<4>()?),
                _ => return Err(self.broken()),
            }
        }
    }

    fn tag(&mut self) -> Result<(u32, u8), Malformed> {
        let tag = u32::try_from(self.varint()?).map_err(|_| self.broken())?;
        match tag >> 3 {
            0 => Err(self.broken()),
            number => Ok((number, (tag & 7) as u8)),
        }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (at, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                if at == 9 && *byte > 1 {
                    break;
                }
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(self.broken())
    }

    fn delimited(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| self.broken())?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(*taken)
    }

    fn broken(&self) -> Malformed {
        Malformed::Undecodable { message: self.within }
    }
}

/// The text of a string field.
pub(super) fn text<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::InvalidUtf8 { field })
}

/// How many bytes a varint takes.
pub(super) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// How many bytes a length-delimited field with this many bytes of content takes. Field numbers are below 16.
pub(super) fn field_len(content: usize) -> usize {
    1 + varint_len(content as u64) + content
}

/// How many bytes a string field takes; an empty string is not written.
pub(super) fn text_len(text: &str) -> usize {
    if text.is_empty() { 0 } else { field_len(text.len()) }
}

/// How many bytes a name takes in a `repeated string` field; there an empty one counts.
pub(super) fn name_len(name: &ResourceName) -> usize {
    field_len(name.as_str().len())
}

/// Writes a varint.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a varint field.
pub(super) fn put_number(out: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        out.push(field << 3);
        put_varint(out, value);
    }
}

/// Opens a length-delimited field; its content follows.
pub(super) fn put_head(out: &mut Vec<u8>, field: u8, content: usize) {
    out.push((field << 3) | 2);
    put_varint(out, content as u64);
}

/// Writes a length-delimited field.
pub(super) fn put_field(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    put_head(out, field, content.len());
    out.extend_from_slice(content);
}

/// Writes a string field, unless it is empty.
pub(super) fn put_text(out: &mut Vec<u8>, field: u8, text: &str) {
    if !text.is_empty() {
        put_field(out, field, text.as_bytes());
    }
}
