//! A conversation over a bare socket: gRPC's five bytes before each message, and nothing else. No HTTP/2.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::channel::End;
use super::tap::Tap;

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// A message as it is sent: not compressed, so long.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put(prefix(message.len()));
    frame.put(message);
    frame.freeze()
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
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.read.put(bytes);
    }

    /// The next message, if all of it is there. What the longest took is given back once nothing is left.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let Some(&[_, a, b, c, d]) = self.read.first_chunk() else {
            if self.read.is_empty() {
                self.read = BytesMut::new();
            }
            return None;
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if self.read.len() < length + 5 {
            return None;
        }
        self.read.advance(5);
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

    /// Sends a message that is in two parts, at the latest while the next piece is awaited.
    pub(super) fn send(&mut self, [body, tail]: [Bytes; 2]) {
        let length = body.len() + tail.len();
        if length < 512 {
            // One write.
            let mut frame = BytesMut::with_capacity(length + 5);
            [prefix(length), body, tail].into_iter().for_each(|part| frame.put(part));
            self.outgoing.push_back(frame.freeze());
        } else {
            self.outgoing.extend([prefix(length), body, tail].into_iter().filter(|part| !part.is_empty()));
        }
    }

    /// The next piece of what comes.
    pub(super) async fn piece(&mut self) -> Result<Bytes, End> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, End>> {
        if let Poll::Ready(Err(error)) = self.poll_outgoing(cx) {
            return Poll::Ready(Err(error.into()));
        }
        let mut space = [0; PIECE];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        Poll::Ready(match buffer.filled() {
            [] => Err(End::Lost("the socket was closed".into())),
            read => Ok(Bytes::copy_from_slice(read)),
        })
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while let Some(part) = self.outgoing.front_mut() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, part))?;
            part.advance(written);
            if part.is_empty() {
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
        let bytes = messages.map(framed).concat();
        for piece in [1, 2, 5, 7, 100, bytes.len()] {
            let (mut inbox, mut taken) = (Inbox::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                inbox.push(piece);
                taken.extend(std::iter::from_fn(|| inbox.next()));
            }
            assert_eq!(taken, messages);
            assert_eq!(inbox.read.capacity(), 0);
        }
    }
}
