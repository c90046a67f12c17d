//! Reads responses from pieces of a stream as they come, and keeps of them only what it must.
//!
//! A resource is passed over without being kept, unless somebody wants to see it; then one at a time is.

use super::wire::Variant;
use crate::stand::Failure;

/// The most bytes of a gRPC message that are believed.
const LARGEST: usize = 1 << 30;

/// How much is read of the resources in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// They are counted.
    Count,
    /// Each is shown.
    Resources,
}

/// A response that has been read to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Response {
    /// Its length.
    pub(super) bytes: usize,
    pub(super) type_url: Vec<u8>,
    pub(super) version: Vec<u8>,
    pub(super) nonce: Vec<u8>,
    /// The resources in it.
    pub(super) members: usize,
    /// The names it says are gone.
    pub(super) removed: usize,
}

/// What a [`Skimmer`] shows.
pub(super) enum Seen<'a> {
    /// A resource: a `Resource` in delta, an `Any` in state of the world.
    Resource(&'a [u8]),
    /// All of a response.
    Response(Response),
}

enum At {
    /// The five bytes before a message.
    Prefix,
    /// A field's key, and the number behind it.
    Key,
    /// What a field holds.
    Value { field: u64, left: usize },
}

/// The reader's state between two pieces.
pub(super) struct Skimmer {
    variant: Variant,
    pub(super) depth: Depth,
    at: At,
    /// Bytes of a prefix or a key that is not complete, or of a value that is kept.
    kept: Vec<u8>,
    /// What is left of the message.
    left: usize,
    response: Response,
}

impl Skimmer {
    pub(super) fn new(variant: Variant, depth: Depth) -> Skimmer {
        Skimmer { variant, depth, at: At::Prefix, kept: Vec::new(), left: 0, response: Response::default() }
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// When it is not gRPC without compression, or not protobuf.
    pub(super) fn push(&mut self, mut piece: &[u8], show: &mut impl FnMut(Seen<'_>)) -> Result<(), Failure> {
        loop {
            match self.at {
                At::Prefix => {
                    let wanted = (5 - self.kept.len()).min(piece.len());
                    let (taken, rest) = piece.split_at(wanted);
                    self.kept.extend_from_slice(taken);
                    piece = rest;
                    let &[compressed, a, b, c, d] = &*self.kept else { return Ok(()) };
                    if compressed != 0 {
                        return Err("a compressed response, which was not negotiated".into());
                    }
                    self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                    if self.left > LARGEST {
                        return Err(format!("a response of {} bytes", self.left).into());
                    }
                    self.response = Response { bytes: self.left, ..Response::default() };
                    self.kept.clear();
                    self.next(show);
                }
                At::Key => {
                    let Some((byte, rest)) = piece.split_first() else { return Ok(()) };
                    piece = rest;
                    self.left = self.left.checked_sub(1).ok_or("a truncated response")?;
                    self.kept.push(*byte);
                    if let Some((field, value)) = key(&self.kept)? {
                        if value > self.left {
                            return Err("a truncated response".into());
                        }
                        self.kept.clear();
                        self.at = At::Value { field, left: value };
                    }
                }
                At::Value { field, left } => {
                    let (taken, rest) = piece.split_at(left.min(piece.len()));
                    self.left -= taken.len();
                    piece = rest;
                    let is_whole = self.kept.is_empty() && taken.len() == left;
                    if !is_whole && self.keeps(field) {
                        self.kept.extend_from_slice(taken);
                    }
                    if taken.len() < left {
                        self.at = At::Value { field, left: left - taken.len() };
                        return Ok(());
                    }
                    let kept = std::mem::take(&mut self.kept);
                    // What lies in one piece needs no copy.
                    self.note(field, if is_whole { taken } else { &kept }, show);
                    self.kept = kept;
                    self.kept.clear();
                    self.next(show);
                }
            }
        }
    }

    fn keeps(&self, field: u64) -> bool {
        match field {
            1 | 4 | 5 => true,
            2 => self.depth == Depth::Resources,
            _ => false,
        }
    }

    fn note(&mut self, field: u64, value: &[u8], show: &mut impl FnMut(Seen<'_>)) {
        let response = &mut self.response;
        match field {
            1 => response.version = value.to_vec(),
            2 => {
                response.members += 1;
                if self.depth == Depth::Resources {
                    show(Seen::Resource(value));
                }
            }
            4 => response.type_url = value.to_vec(),
            5 => response.nonce = value.to_vec(),
            6 if self.variant == Variant::Delta => response.removed += 1,
            _ => {}
        }
    }

    /// Goes on to the next field, or to the next message.
    fn next(&mut self, show: &mut impl FnMut(Seen<'_>)) {
        self.at = At::Key;
        if self.left == 0 {
            self.at = At::Prefix;
            show(Seen::Response(std::mem::take(&mut self.response)));
        }
    }
}

/// A field's number and the length of what it holds, once these bytes are all of its key; a number's value counts to the key.
fn key(bytes: &[u8]) -> Result<Option<(u64, usize)>, Failure> {
    let mut rest = bytes;
    let Some(key) = varint(&mut rest)? else { return Ok(None) };
    let number = varint(&mut rest)?;
    Ok(match (key & 7, number) {
        (0, Some(_)) => Some((key >> 3, 0)),
        (2, Some(length)) => Some((key >> 3, usize::try_from(length)?)),
        (1, _) => Some((key >> 3, 8)),
        (5, _) => Some((key >> 3, 4)),
        (0 | 2, None) => None,
        _ => return Err("not protobuf".into()),
    })
}

/// The number these bytes begin with, if they hold all of it.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<Option<u64>, Failure> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate() {
        if at == 10 {
            return Err("a number of more than ten bytes".into());
        }
        value |= u64::from(byte & 0x7f) << (7 * at).min(63);
        if byte & 0x80 == 0 {
            *bytes = bytes.get(at + 1..).unwrap_or_default();
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// What the first field of this number in a message holds.
pub(super) fn field(message: &[u8], wanted: u64) -> Option<Field<'_>> {
    let mut rest = message;
    while !rest.is_empty() {
        let key = varint(&mut rest).ok()??;
        let value = match key & 7 {
            0 => Field::Number(varint(&mut rest).ok()??),
            2 => {
                let length = usize::try_from(varint(&mut rest).ok()??).ok()?;
                let (value, after) = rest.split_at_checked(length)?;
                rest = after;
                Field::Bytes(value)
            }
            wire_type @ (1 | 5) => {
                let (value, after) = rest.split_at_checked(if wire_type == 1 { 8 } else { 4 })?;
                rest = after;
                Field::Bytes(value)
            }
            _ => return None,
        };
        if key >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The message this way leads to, by numbers of fields, the first of each.
pub(super) fn descend<'a>(message: &'a [u8], way: &[u64]) -> Option<&'a [u8]> {
    way.iter().try_fold(message, |message, number| match field(message, *number)? {
        Field::Bytes(bytes) => Some(bytes),
        Field::Number(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, Resource};
    use envoy_types::pb::google::protobuf::Any;
    use prost::Message;

    use super::*;

    fn framed(response: &DeltaDiscoveryResponse) -> Vec<u8> {
        let body = response.encode_to_vec();
        [&[0], &(body.len() as u32).to_be_bytes()[..], &body].concat()
    }

    fn response(members: usize, nonce: &str) -> DeltaDiscoveryResponse {
        let resource = |at: usize| Resource {
            name: format!("name-{at}"),
            version: "v".into(),
            resource: Some(Any { type_url: "t".into(), value: vec![7; 300] }),
            ..Default::default()
        };
        DeltaDiscoveryResponse {
            system_version_info: "v1".into(),
            resources: (0..members).map(resource).collect(),
            type_url: "type".into(),
            nonce: nonce.into(),
            removed_resources: vec!["gone".into()],
            ..Default::default()
        }
    }

    fn read(bytes: &[u8], piece: usize, depth: Depth) -> (Vec<Response>, Vec<String>) {
        let mut skimmer = Skimmer::new(Variant::Delta, depth);
        let (mut responses, mut names) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            let mut show = |seen: Seen<'_>| match seen {
                Seen::Response(response) => responses.push(response),
                Seen::Resource(bytes) => {
                    let name = descend(bytes, &[3]).unwrap_or_default();
                    names.push(String::from_utf8_lossy(name).into_owned());
                }
            };
            skimmer.push(piece, &mut show).unwrap();
        }
        (responses, names)
    }

    #[test]
    fn responses_are_read_whatever_the_pieces_they_come_in() {
        let empty = DeltaDiscoveryResponse::default();
        let bytes = [framed(&response(3, "1")), framed(&empty), framed(&response(0, "two"))].concat();
        for piece in [1, 2, 3, 7, 100, bytes.len()] {
            let (responses, names) = read(&bytes, piece, Depth::Resources);
            assert_eq!(names, ["name-0", "name-1", "name-2"]);
            assert_eq!(responses.iter().map(|one| one.members).collect::<Vec<_>>(), [3, 0, 0]);
            assert_eq!(responses[0].nonce, b"1");
            assert_eq!(responses[2].nonce, b"two");
            assert_eq!(responses[0].type_url, b"type");
            assert_eq!((responses[0].removed, responses[1].bytes), (1, 0));
        }
    }

    #[test]
    fn resources_that_are_counted_are_not_kept() {
        let (responses, names) = read(&framed(&response(5, "n")), 64, Depth::Count);
        assert_eq!((responses[0].members, names.len()), (5, 0));
    }

    #[test]
    fn nonsense_is_told() {
        let mut skimmer = Skimmer::new(Variant::Delta, Depth::Count);
        assert!(skimmer.push(&[1, 0, 0, 0, 1, 0], &mut |_| {}).is_err());
        let mut skimmer = Skimmer::new(Variant::Delta, Depth::Count);
        assert!(skimmer.push(&[0, 0, 0, 0, 2, 0x12, 0x7f], &mut |_| {}).is_err());
    }
}
