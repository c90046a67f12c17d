//! Where a stream's task and the transport meet: one message wide, and filled only when the transport asks.
//!
//! There is no queue. The transport polls the [`ResponseBody`] when the peer has room for more; only then does
//! [`Outlet::poll_room`] let the stream's task derive the next response, from the newest state.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tonic::Status;

use crate::frame::Message;

/// How much of a body the transport is handed at once, in bytes; the last part may have up to twice as much.
const SLICE: usize = 256 * 1024;

/// The two ends of a response stream.
pub(crate) fn outlet() -> (Outlet, ResponseBody) {
    let slot = Arc::new(Slot(Mutex::new(State::default())));
    (Outlet(Arc::clone(&slot)), ResponseBody(slot))
}

struct Slot(Mutex<State>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    head: Option<Bytes>,
    body: Option<Bytes>,
    transport: Transport,
    end: End,
    /// How many chunks the transport has taken.
    taken: u64,
    /// Wakes the transport when there is something to take.
    wake_transport: Option<Waker>,
    /// Wakes the stream's task when there is room, if it waits for that.
    wake_sender: Option<Waker>,
    /// Wakes the stream's task when there is nobody left to send to.
    wake_watcher: Option<Waker>,
}

impl State {
    fn has_room(&self) -> bool {
        self.transport == Transport::Asking && self.head.is_none() && self.body.is_none()
    }
}

#[derive(Default, PartialEq, Eq)]
enum Transport {
    /// Has not come back for more.
    #[default]
    Busy,
    /// Waits for a chunk.
    Asking,
    /// Gone: the peer reset the stream, or the connection is lost.
    Gone,
}

#[derive(Default)]
enum End {
    #[default]
    Open,
    /// To be sent after what is there.
    Trailers(HeaderMap),
    Sent,
}

/// That the response stream is no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// The stream's end. Dropping it without [`finish`](Outlet::finish) ends the stream with an internal error.
pub(crate) struct Outlet(Arc<Slot>);

impl Outlet {
    /// Whether the transport asks for a message.
    pub(crate) fn has_room(&self) -> bool {
        self.0.lock().has_room()
    }

    /// Waits until the transport asks for a message.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let mut state = self.0.lock();
        match state.transport {
            Transport::Gone => Poll::Ready(Err(Gone)),
            _ if state.has_room() => Poll::Ready(Ok(())),
            _ => {
                register(&mut state.wake_sender, cx);
                Poll::Pending
            }
        }
    }

    /// Waits until there is nobody to send to.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Gone> {
        let mut state = self.0.lock();
        if state.transport == Transport::Gone {
            return Poll::Ready(Gone);
        }
        register(&mut state.wake_watcher, cx);
        Poll::Pending
    }

    /// Hands over a message; only when there is room.
    pub(crate) fn send(&self, message: Message) {
        let mut state = self.0.lock();
        (state.head, state.body) = (Some(message.head), message.body);
        // Until it comes back for more: a transport that does not even take this counts as busy.
        if state.transport == Transport::Asking {
            state.transport = Transport::Busy;
        }
        wake(&mut state.wake_transport);
    }

    /// How many chunks the transport has taken so far, and whether it asks for more.
    pub(crate) fn progress(&self) -> (u64, bool) {
        let state = self.0.lock();
        (state.taken, state.transport == Transport::Asking)
    }

    /// Ends the stream with this status, after what is on its way.
    pub(crate) fn finish(&self, status: &Status) {
        self.end(status, Unsent::Kept);
    }

    /// Ends the stream with this status; what the transport has not taken is dropped.
    pub(crate) fn abandon(&self, status: &Status) {
        self.end(status, Unsent::Dropped);
    }

    fn end(&self, status: &Status, unsent: Unsent) {
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            trailers.insert("grpc-status", http::HeaderValue::from_static("13"));
        }
        let mut state = self.0.lock();
        if matches!(state.end, End::Open) {
            state.end = End::Trailers(trailers);
        }
        if unsent == Unsent::Dropped {
            (state.head, state.body) = (None, None);
        }
        wake(&mut state.wake_transport);
    }
}

#[derive(PartialEq, Eq)]
enum Unsent {
    Kept,
    Dropped,
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.finish(&Status::internal("the stream's task ended"));
    }
}

/// The transport's end: the body of the HTTP response.
pub(crate) struct ResponseBody(Arc<Slot>);

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut state = self.0.lock();
        let chunk = state.head.take().or_else(|| slice(&mut state.body));
        if let Some(chunk) = chunk {
            state.taken += 1;
            state.transport = Transport::Busy;
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match std::mem::replace(&mut state.end, End::Sent) {
            End::Trailers(trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            End::Sent => Poll::Ready(None),
            End::Open => {
                state.end = End::Open;
                state.transport = Transport::Asking;
                register(&mut state.wake_transport, cx);
                wake(&mut state.wake_sender);
                Poll::Pending
            }
        }
    }
}

/// The next part of a large body. The transport takes a chunk as a whole, however slowly the peer reads it, so that
/// smaller ones tell a slow peer from one that has stopped; they are large enough to cost nothing, and none is small.
fn slice(body: &mut Option<Bytes>) -> Option<Bytes> {
    match body {
        Some(rest) if rest.len() >= 2 * SLICE => Some(rest.split_to(SLICE)),
        _ => body.take(),
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.transport = Transport::Gone;
        (state.head, state.body) = (None, None);
        wake(&mut state.wake_sender);
        wake(&mut state.wake_watcher);
    }
}

fn register(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use std::future::poll_fn;

    use super::*;

    fn room(outlet: &Outlet) -> Option<Result<(), Gone>> {
        poll_fn(|cx| outlet.poll_room(cx)).now_or_never()
    }

    fn frame(body: &mut ResponseBody) -> Option<Option<Frame<Bytes>>> {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).now_or_never();
        frame.map(|frame| frame.map(|frame| frame.unwrap()))
    }

    fn message(size: usize) -> Message {
        Message::assemble(b"t", Bytes::from(vec![1; size])).unwrap()
    }

    #[test]
    fn there_is_room_only_when_the_transport_has_asked_and_taken_everything() {
        let (outlet, mut body) = outlet();
        assert_eq!(room(&outlet), None);
        assert!(frame(&mut body).is_none());
        assert_eq!(room(&outlet), Some(Ok(())));
        outlet.send(message(20_000));
        assert_eq!(room(&outlet), None);
        assert!(frame(&mut body).is_some());
        assert_eq!(room(&outlet), None);
        assert!(frame(&mut body).is_some());
        assert_eq!(room(&outlet), None, "taken, but not asked again");
        assert!(frame(&mut body).is_none());
        assert_eq!(room(&outlet), Some(Ok(())));
        assert_eq!(outlet.progress(), (2, true));
    }

    #[test]
    fn the_end_comes_after_what_is_on_its_way() {
        let (outlet, mut body) = outlet();
        outlet.send(message(1));
        outlet.finish(&Status::unavailable("draining"));
        assert!(frame(&mut body).unwrap().unwrap().is_data());
        let trailers = frame(&mut body).unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "14");
        assert!(frame(&mut body).unwrap().is_none());
    }

    #[test]
    fn a_dropped_body_is_told_and_a_dropped_outlet_ends_the_stream() {
        let (outlet_, body) = outlet();
        drop(body);
        assert_eq!(room(&outlet_), Some(Err(Gone)));
        let (outlet, mut body) = outlet();
        drop(outlet);
        assert!(frame(&mut body).unwrap().unwrap().is_trailers());
    }
}
