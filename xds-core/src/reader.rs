//! Length-prefixed gRPC requests out of an HTTP body, within limits and without a buffer that stays.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;

use crate::budget::{Budget, Draw};
use crate::wire::whole_fields;

/// What every stream may buffer without drawing on the shared budget, in bytes, so that an acknowledgement is read
/// however much others are sending.
pub(crate) const FREE_BYTES: usize = 16 * 1024;

const HEADER: usize = 5;

/// How much of a long request is gathered before it is handed out, in bytes.
const PART_BYTES: usize = 64 * 1024;

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
    /// A request, or the last fields of one.
    Message(Bytes),
    /// Some fields of a request, whole ones; others follow.
    Part(Bytes),
    /// The beginning of a request; told once per request, and only if the rest did not come with it.
    Begun,
    /// The peer will send no more.
    Ended,
}

/// Reads one stream's requests.
///
/// A request that arrives in one piece is handed out without a copy. A long one is handed out in parts, while it arrives, so that it is
/// nowhere as a whole; plain gRPC stacks keep the largest request for the life of the stream.
pub(crate) struct Reader<B> {
    body: Pin<Box<B>>,
    message_bytes: usize,
    draw: Draw,
    /// Arrived, and not looked at yet.
    chunk: Bytes,
    /// What was not handed out yet of a request whose end is still to come.
    begun: Vec<u8>,
    /// How many bytes of that request are still to come. `None` while its header is incomplete, and between requests.
    missing: Option<usize>,
    /// How many bytes of that request were put aside, handed out or not: all of it draws on the budget until it ends.
    taken: usize,
    /// How many bytes room was made for when it began.
    reserved: usize,
    /// How much is gathered before whole fields are looked for.
    enough: usize,
}

impl<B: Body<Data = Bytes>> Reader<B> {
    pub(crate) fn new(body: B, message_bytes: usize, budget: &Budget) -> Reader<B> {
        let (chunk, begun) = (Bytes::new(), Vec::new());
        Reader {
            body: Box::pin(body),
            message_bytes,
            draw: budget.draw(),
            chunk,
            begun,
            missing: None,
            taken: 0,
            reserved: 0,
            enough: PART_BYTES,
        }
    }

    /// Whether a request has begun to arrive and is not complete.
    pub(crate) fn is_midway(&self) -> bool {
        !self.begun.is_empty() || self.missing.is_some()
    }

    /// What comes next. Nothing is lost when the caller stops polling.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Read, Unreadable>> {
        loop {
            let was_midway = self.is_midway();
            if let Some(read) = self.take()? {
                return Poll::Ready(Ok(read));
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

    /// The next request or part of one, if it has arrived; otherwise `chunk` is used up.
    fn take(&mut self) -> Result<Option<Read>, Unreadable> {
        if self.missing.is_none() && !self.take_header()? {
            return Ok(None);
        }
        let Some(missing) = self.missing else { return Ok(None) };
        if self.begun.is_empty() && self.chunk.len() >= missing {
            self.missing = None;
            return Ok(Some(Read::Message(self.chunk.split_to(missing))));
        }
        let taken = missing.min(self.chunk.len());
        self.put_aside(taken)?;
        if taken == missing {
            self.missing = None;
            (self.taken, self.enough) = (0, PART_BYTES);
            let message = std::mem::take(&mut self.begun);
            let _ = self.draw.set(0);
            return Ok(Some(Read::Message(message.into())));
        }
        self.missing = Some(missing - taken);
        if self.begun.len() < self.enough {
            return Ok(None);
        }
        let whole = whole_fields(&self.begun);
        if whole == 0 {
            // One field, so far: it is looked at again when it has doubled, or its length would cost its square.
            self.enough = 2 * self.begun.len();
            return Ok(None);
        }
        self.enough = PART_BYTES;
        let rest = self.begun.split_off(whole);
        let part = std::mem::replace(&mut self.begun, rest);
        Ok(Some(Read::Part(part.into())))
    }

    /// Takes the header of the next request. Whether all of it has arrived.
    fn take_header(&mut self) -> Result<bool, Unreadable> {
        if self.chunk.is_empty() {
            return Ok(false);
        }
        if self.begun.is_empty() && self.chunk.len() >= HEADER {
            self.missing = self.announced(&self.chunk)?;
            self.chunk.advance(HEADER);
            return Ok(true);
        }
        let lacking = HEADER.saturating_sub(self.begun.len());
        self.put_aside(lacking.min(self.chunk.len()))?;
        self.missing = self.announced(&self.begun)?;
        if self.missing.is_some() {
            (self.begun, self.taken) = (Vec::new(), 0);
        }
        Ok(self.missing.is_some())
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

    fn put_aside(&mut self, count: usize) -> Result<(), Unreadable> {
        let taken = self.taken + count;
        let limit = self.draw.limit();
        if self.begun.is_empty() {
            // Most come in two pieces: room for both at once if there is, and for no more than twice what has come.
            let both = self.missing.unwrap_or(count).min(2 * count);
            let is_drawn = self.draw.set(both.saturating_sub(FREE_BYTES)).is_ok();
            self.reserved = if is_drawn { both } else { 0 };
            self.begun.reserve_exact(self.reserved);
        }
        self.draw
            .set(taken.max(self.reserved).saturating_sub(FREE_BYTES))
            .map_err(|_| Unreadable::BudgetExhausted { limit })?;
        self.taken = taken;
        self.begun.extend_from_slice(&self.chunk.split_to(count));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
