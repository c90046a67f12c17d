//! Length-prefixed gRPC requests out of an HTTP body, within limits and without a buffer that stays.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;

use crate::budget::{Budget, Draw};

/// What every stream may buffer without drawing on the shared budget, in bytes, so that an acknowledgement is read
/// however much others are sending.
pub(crate) const FREE_BYTES: usize = 16 * 1024;

const HEADER: usize = 5;

/// Why no further request can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The request is compressed, and no compression was negotiated.
    Compressed,
    /// The request announces more bytes than the limit.
    TooLarge { announced: usize, limit: usize },
    /// All streams together buffer as much as they may.
    BudgetExhausted { limit: usize },
    /// The peer stopped in the middle of a request.
    Truncated,
    /// The transport failed, or the peer reset the stream.
    Lost,
}

/// What there is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// A request.
    Message(Bytes),
    /// The beginning of a request; told once per request, and only if the rest did not come with it.
    Begun,
    /// The peer will send no more.
    Ended,
}

/// Reads one stream's requests.
///
/// A request that arrives in one piece is handed out without a copy. The buffer of a larger one is given up with it:
/// plain gRPC stacks keep the largest request for the life of the stream.
pub(crate) struct Reader<B> {
    body: Pin<Box<B>>,
    message_bytes: usize,
    draw: Draw,
    /// Arrived, and not looked at yet.
    chunk: Bytes,
    /// The beginning of a request whose end is still to come.
    begun: Vec<u8>,
}

impl<B: Body<Data = Bytes>> Reader<B> {
    pub(crate) fn new(body: B, message_bytes: usize, budget: &Budget) -> Reader<B> {
        let (chunk, begun) = (Bytes::new(), Vec::new());
        Reader { body: Box::pin(body), message_bytes, draw: budget.draw(), chunk, begun }
    }

    /// Whether a request has begun to arrive and is not complete.
    pub(crate) fn is_midway(&self) -> bool {
        !self.begun.is_empty()
    }

    /// What comes next. Nothing is lost when the caller stops polling.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Read, Unreadable>> {
        loop {
            let was_midway = self.is_midway();
            if let Some(message) = self.take_message()? {
                return Poll::Ready(Ok(Read::Message(message)));
            }
            if self.is_midway() && !was_midway {
                return Poll::Ready(Ok(Read::Begun));
            }
            match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.chunk = data;
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(Unreadable::Lost)),
                None if self.is_midway() => return Poll::Ready(Err(Unreadable::Truncated)),
                None => return Poll::Ready(Ok(Read::Ended)),
            }
        }
    }

    /// The next request, if all of it has arrived; otherwise `chunk` is used up.
    fn take_message(&mut self) -> Result<Option<Bytes>, Unreadable> {
        if self.begun.is_empty() {
            let Some(length) = self.announced(&self.chunk)? else { return self.put_aside(self.chunk.len()) };
            if self.chunk.len() - HEADER >= length {
                self.chunk.advance(HEADER);
                return Ok(Some(self.chunk.split_to(length)));
            }
            return self.put_aside(self.chunk.len());
        }
        let missing = HEADER.saturating_sub(self.begun.len());
        self.put_aside(missing.min(self.chunk.len()))?;
        let Some(length) = self.announced(&self.begun)? else { return Ok(None) };
        let missing = (HEADER + length).saturating_sub(self.begun.len());
        self.put_aside(missing.min(self.chunk.len()))?;
        if self.begun.len() < HEADER + length {
            return Ok(None);
        }
        let mut message = Bytes::from(std::mem::take(&mut self.begun));
        let _ = self.draw.set(0);
        message.advance(HEADER);
        Ok(Some(message))
    }

    /// The length a request that begins with these bytes announces; `None` while its header is incomplete.
    fn announced(&self, begun: &[u8]) -> Result<Option<usize>, Unreadable> {
        let Some((header, _)) = begun.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [compressed, length @ ..] = *header;
        if compressed != 0 {
            return Err(Unreadable::Compressed);
        }
        let (announced, limit) = (u32::from_be_bytes(length) as usize, self.message_bytes);
        if announced > limit {
            return Err(Unreadable::TooLarge { announced, limit });
        }
        Ok(Some(announced))
    }

    fn put_aside(&mut self, count: usize) -> Result<Option<Bytes>, Unreadable> {
        let size = self.begun.len() + count;
        let limit = self.draw.limit();
        self.draw.set(size.saturating_sub(FREE_BYTES)).map_err(|_| Unreadable::BudgetExhausted { limit })?;
        self.begun.extend_from_slice(&self.chunk.split_to(count));
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
