//! gRPC messages out of a shared body and a stream's own tail, without copying the body.

use bytes::{BufMut, Bytes, BytesMut};

/// Messages up to this size are copied into one buffer; larger ones share their body. It is also HTTP/2's smallest frame
/// limit, so the one small chunk a larger message starts with costs no write of its own: the transport sends it together
/// with the first 16 KiB of the body.
const COPIED_UP_TO: usize = 16 * 1024;

/// The chunks of one message, none of them empty: first the gRPC header and the stream's tail, then the shared body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// What is sent first.
    pub(crate) head: Bytes,
    /// What is sent after it: the shared body of a large message.
    pub(crate) body: Option<Bytes>,
}

impl Message {
    /// The message that consists of these two parts.
    ///
    /// `None` when it is larger than a gRPC message can be (4 GiB).
    pub(crate) fn assemble<B: AsRef<[u8]> + Into<Bytes>>(tail: &[u8], body: B) -> Option<Message> {
        let length = tail.len() + body.as_ref().len();
        let announced = u32::try_from(length).ok()?;
        let copied = length <= COPIED_UP_TO;
        let mut head = BytesMut::with_capacity(5 + if copied { length } else { tail.len() });
        head.put_u8(0);
        head.put_u32(announced);
        head.put_slice(tail);
        if copied {
            head.put_slice(body.as_ref());
        }
        Some(Message { head: head.freeze(), body: (!copied).then(|| body.into()) })
    }

    /// The bytes of the whole message, header included.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.body.as_ref().map_or(0, Bytes::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_header_its_tail_and_its_body_and_no_chunk_is_empty() {
        for size in [0, 1, COPIED_UP_TO - 5, COPIED_UP_TO - 4, COPIED_UP_TO, 1 << 20] {
            let body = Bytes::from(vec![7; size]);
            let message = Message::assemble(b"tail", body.clone()).unwrap();
            let mut wire = message.head.to_vec();
            wire.extend_from_slice(message.body.as_deref().unwrap_or_default());
            assert_eq!(wire.len(), message.len());
            assert_eq!(wire[..5], [&[0][..], &(4 + size as u32).to_be_bytes()].concat());
            assert_eq!(&wire[5..9], b"tail");
            assert_eq!(&wire[9..], &body[..]);
            assert_ne!(message.body, Some(Bytes::new()));
            assert_eq!(message.body.is_some(), size + 4 > COPIED_UP_TO);
        }
    }

    #[test]
    fn a_large_body_is_shared_and_not_copied() {
        let body = Bytes::from(vec![7; 1 << 20]);
        let message = Message::assemble(b"tail", body.clone()).unwrap();
        assert_eq!(message.body.unwrap().as_ptr(), body.as_ptr());
    }
}
