//! A conversation over a bare socket: gRPC's five bytes before each message, and nothing else. No HTTP/2.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::channel::End;
use super::tap::Tap;

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// How long that is what comes before each message.
const PREFIX: usize = 5;

/// A message as it is sent: not compressed, so long. Several parts, one behind the other, are one message.
pub(super) fn framed(parts: &[&[u8]]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put(prefix(length));
    parts.iter().for_each(|part| frame.put(*part));
    frame.freeze()
}

/// The message in a frame.
pub(super) fn unframed(frame: &[u8]) -> &[u8] {
    frame.get(PREFIX..).unwrap_or_default()
}

/// What comes before a message of this length.
fn prefix(length: usize) -> Bytes {
    let [a, b, c, d] = (length as u32).to_be_bytes();
    Bytes::copy_from_slice(&[0, a, b, c, d])
}

/// Takes complete messages from what was read, however it was cut.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    read: BytesMut,
}

impl Inbox {
    /// Where the next piece is to be read to, with room for it.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        // An idle stream keeps little; the rest of a long message is read in few pieces.
        self.read.reserve(if self.read.is_empty() { PIECE / 16 } else { PIECE });
        &mut self.read
    }

    /// The next message, if all of it is there. What the longest took is given back once nothing is left.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let Some(&[_, a, b, c, d]) = self.read.first_chunk::<PREFIX>() else {
            if self.read.is_empty() {
                self.read = BytesMut::new();
            }
            return None;
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if self.read.len() < PREFIX + length {
            return None;
        }
        self.read.advance(PREFIX);
        Some(self.read.split_to(length).freeze())
    }
}

/// The client's end.
pub(super) struct Talk {
    socket: Tap,
    outgoing: VecDeque<Bytes>,
}

impl Talk {
    pub(super) fn new(socket: Tap) -> Talk {
        Talk { socket, outgoing: VecDeque::new() }
    }

    /// Sends a message that is in two parts; what the socket does not take at once, while the next piece is awaited.
    pub(super) fn send(&mut self, [body, tail]: [Bytes; 2]) {
        let parts = [prefix(body.len() + tail.len()), body, tail];
        self.outgoing.extend(parts.into_iter().filter(|part| !part.is_empty()));
        // How the connection ended is seen by who waits for the next piece.
        let _ = poll_fn(|cx| self.poll_outgoing(cx)).now_or_never();
    }

    /// The next piece of what comes.
    pub(super) async fn piece(&mut self) -> Result<Bytes, End> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, End>> {
        if let Poll::Ready(Err(error)) = self.poll_outgoing(cx) {
            return Poll::Ready(Err(error.into()));
        }
        let mut space = [MaybeUninit::uninit(); PIECE];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        Poll::Ready(match buffer.filled() {
            [] => Err(End::Lost("the socket was closed".into())),
            read => Ok(Bytes::copy_from_slice(read)),
        })
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while !self.outgoing.is_empty() {
            let slices: Vec<IoSlice<'_>> = self.outgoing.iter().map(|part| IoSlice::new(part)).collect();
            let mut written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, &slices))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            while let Some(part) = self.outgoing.front_mut() {
                let taken = written.min(part.len());
                part.advance(taken);
                written -= taken;
                if !part.is_empty() {
                    break;
                }
                self.outgoing.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_whatever_the_pieces_they_come_in() {
        let messages = [&b"one"[..], b"", &[7; 300], b"four"];
        let bytes = messages.map(|message| framed(&[message])).concat();
        assert_eq!(framed(&[b"o", b"", b"ne"]), framed(&[unframed(&framed(&[b"one"]))]));
        for piece in [1, 2, 5, 7, 100, bytes.len()] {
            let (mut inbox, mut taken) = (Inbox::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                inbox.room().put(piece);
                taken.extend(std::iter::from_fn(|| inbox.next()));
            }
            assert_eq!(taken, messages);
            assert_eq!(inbox.read.capacity(), 0);
        }
    }
}
