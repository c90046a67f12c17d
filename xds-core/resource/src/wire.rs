//! Reading and writing protobuf's wire format: tags, varints and the extent of each field.

/// How a field's payload is delimited on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint,
    Fixed64,
    Delimited,
    Fixed32,
}

/// One field as it stands in a message's bytes; positions are offsets into those bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) number: u32,
    pub(crate) wire_type: WireType,
    /// Where the tag begins.
    pub(crate) start: usize,
    /// Where the value begins: behind the tag and, for a delimited field, behind the length.
    pub(crate) payload: usize,
    /// Behind the value.
    pub(crate) end: usize,
    /// A number in it (the tag, the length, the value) takes more bytes than it needs.
    pub(crate) padded: bool,
}

/// Reads a varint at `at`: its value and the position behind it.
pub(crate) fn read_varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            // The tenth byte has room for one bit.
            return (index < 9 || *byte <= 1).then_some((value, at + index + 1));
        }
    }
    None
}

/// Reads the field at `at`. `None` for anything that is not a field; groups, which Envoy's API never had, are not.
pub(crate) fn read_slot(bytes: &[u8], at: usize) -> Option<Slot> {
    let (tag, after_tag) = read_varint(bytes, at)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| (1..=0x1fff_ffff).contains(number))?;
    let mut padded = after_tag - at != varint_len(tag);
    let (wire_type, payload, end) = match tag & 7 {
        0 => {
            let (value, end) = read_varint(bytes, after_tag)?;
            padded |= end - after_tag != varint_len(value);
            (WireType::Varint, after_tag, end)
        }
        1 => (WireType::Fixed64, after_tag, after_tag.checked_add(8)?),
        2 => {
            let (len, payload) = read_varint(bytes, after_tag)?;
            padded |= payload - after_tag != varint_len(len);
            (WireType::Delimited, payload, payload.checked_add(usize::try_from(len).ok()?)?)
        }
        5 => (WireType::Fixed32, after_tag, after_tag.checked_add(4)?),
        _ => return None,
    };
    (end <= bytes.len()).then_some(Slot { number, wire_type, start: at, payload, end, padded })
}

/// How many bytes the value takes as a varint.
pub(crate) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Appends a varint.
pub(crate) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the tag of a delimited field.
pub(crate) fn push_delimited_tag(out: &mut Vec<u8>, number: u32) {
    push_varint(out, u64::from(number) << 3 | 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_as_long_as_it_is_written() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), 1 << 62, 1 << 63, u64::MAX] {
            let mut out = Vec::new();
            push_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value), "{value}");
            assert_eq!(read_varint(&out, 0), Some((value, out.len())));
        }
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_no_field() {
        assert!(read_varint(&[0x80], 0).is_none());
        assert!(read_varint(&[0xff; 11], 0).is_none());
        assert!(read_slot(&[0x0a, 0x05, b'x'], 0).is_none());
        assert!(read_slot(&[0x00, 0x00], 0).is_none());
        assert!(read_slot(&[0x0b, 0x0c], 0).is_none(), "a group");
        assert!(read_slot(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 0).is_none());
        assert!(read_slot(&[], 7).is_none());
    }
}
