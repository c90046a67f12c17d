//! A connection whose bytes are counted, and which can turn deaf.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a herd has received and sent, all streams together.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Bytes read from sockets.
    pub(super) received: AtomicU64,
    /// Bytes written to sockets.
    pub(super) sent: AtomicU64,
    /// Responses read.
    pub(super) responses: AtomicU64,
    /// Bytes of responses, without what carries them.
    pub(super) response_bytes: AtomicU64,
    /// Resources in responses.
    pub(super) members: AtomicU64,
    /// How many times a stream was refused and came back.
    pub(super) refused: AtomicU64,
    /// How many times a connection was lost or not to be had.
    pub(super) lost: AtomicU64,
}

/// What a [`Meter`] said at one time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) responses: u64,
    pub(super) response_bytes: u64,
    pub(super) members: u64,
    pub(super) refused: u64,
    pub(super) lost: u64,
}

impl Meter {
    pub(super) fn add(counter: &AtomicU64, amount: usize) {
        counter.fetch_add(amount as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Reading {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            received: now(&self.received),
            sent: now(&self.sent),
            responses: now(&self.responses),
            response_bytes: now(&self.response_bytes),
            members: now(&self.members),
            refused: now(&self.refused),
            lost: now(&self.lost),
        }
    }
}

impl Reading {
    /// What came since an earlier reading.
    pub(super) fn since(self, earlier: Reading) -> Reading {
        Reading {
            received: self.received - earlier.received,
            sent: self.sent - earlier.sent,
            responses: self.responses - earlier.responses,
            response_bytes: self.response_bytes - earlier.response_bytes,
            members: self.members - earlier.members,
            refused: self.refused - earlier.refused,
            lost: self.lost - earlier.lost,
        }
    }
}

/// A connection that is counted.
pub(super) struct Tap {
    stream: TcpStream,
    meter: Arc<Meter>,
    deaf: Arc<AtomicBool>,
}

impl Tap {
    /// Counts this connection. Once `deaf` is set nothing is read any more, and nobody is woken for it.
    pub(super) fn new(stream: TcpStream, meter: Arc<Meter>, deaf: Arc<AtomicBool>) -> Tap {
        Tap { stream, meter, deaf }
    }
}

impl AsyncRead for Tap {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        if tap.deaf.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut tap.stream).poll_read(cx, buffer);
        Meter::add(&tap.meter.received, buffer.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        let polled = Pin::new(&mut tap.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            Meter::add(&tap.meter.sent, written);
        }
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        let polled = Pin::new(&mut tap.stream).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(written)) = polled {
            Meter::add(&tap.meter.sent, written);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
