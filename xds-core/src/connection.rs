//! One connection: HTTP/2 with limits, its age, and how it is brought to an end.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chancery_protocol::Identity;
use futures::FutureExt;
use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tonic::service::Routes;
use tower::Service;

use crate::drain::Drain;
use crate::rare::Rare;
use crate::{End, Limits, jitter};

/// A connection, seen from its streams. Cheap to clone; clones are the same connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    identity: Identity,
    /// Why the streams must end, once they must.
    closing: OnceLock<End>,
    /// Told when they must.
    closes: Notify,
    hang_up: Notify,
    /// Whether a stream was ever opened.
    used: AtomicBool,
    /// Told when the first is opened.
    first_use: Notify,
}

impl Connection {
    pub(crate) fn new(identity: Identity) -> Connection {
        Connection(Arc::new(Seen {
            identity,
            closing: OnceLock::new(),
            closes: Notify::new(),
            hang_up: Notify::new(),
            used: AtomicBool::new(false),
            first_use: Notify::new(),
        }))
    }

    /// What the transport proved about the other end.
    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Waits until the streams must end.
    pub(crate) fn closing(&self) -> impl Future<Output = End> + Send + 'static {
        let seen = Arc::clone(&self.0);
        async move {
            loop {
                // First to be told, then to look: what is said in between is heard.
                let mut told = pin!(seen.closes.notified());
                told.as_mut().enable();
                if let Some(end) = seen.closing.get() {
                    return end.clone();
                }
                told.await;
            }
        }
    }

    /// The streams must end, for this reason.
    fn close(&self, end: End) {
        let _ = self.0.closing.set(end);
        self.0.closes.notify_waiters();
    }

    /// A stream is opened.
    fn mark_used(&self) {
        if !self.0.used.swap(true, Ordering::Relaxed) {
            self.0.first_use.notify_one();
        }
    }

    /// Cuts the connection off.
    pub(crate) fn hang_up(&self) {
        self.0.hang_up.notify_one();
    }
}

/// What brings a connection to its end.
enum Cause {
    /// Cut it off.
    Now,
    /// Send GOAWAY, end the streams for this reason, and wait for that.
    Gently(End),
}

/// How much of a request a peer may send before any of it is taken in, in bytes: a stream that waits for its turn keeps that.
const REQUEST_WINDOW: u32 = 128 * 1024;

/// Serves one connection to its end.
pub(crate) fn serve<IO>(
    io: IO,
    routes: Routes,
    connection: Connection,
    limits: &Limits,
    drain: Drain,
) -> impl Future<Output = ()> + Send
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let marked = connection.clone();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        marked.mark_used();
        request.extensions_mut().insert(marked.clone());
        routes.clone().call(request)
    });
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .initial_stream_window_size(REQUEST_WINDOW)
        .max_header_list_size(limits.header_bytes)
        .max_pending_accept_reset_streams(limits.pending_resets)
        .keep_alive_interval(Some(limits.ping_interval))
        .keep_alive_timeout(limits.ping_patience);
    // Moved into the future as it is, it would lie in it twice.
    let mut http = Box::pin(http.serve_connection(TokioIo::new(io), service));
    async move {
        let cause = match select(http.as_mut(), pin!(cause(&connection, limits, drain))).await {
            Either::Left(_) => return,
            Either::Right((cause, _)) => cause,
        };
        let Cause::Gently(end) = cause else { return };
        if !connection.0.used.load(Ordering::Relaxed) {
            // Nothing to end gently, and perhaps not even HTTP/2 to say so in.
            return;
        }
        http.as_mut().graceful_shutdown();
        connection.close(end);
        let _ = timeout(limits.drain_patience, select(http, pin!(connection.0.hang_up.notified()))).await;
    }
}

async fn cause(connection: &Connection, limits: &Limits, drain: Drain) -> Cause {
    let hang_up = connection.0.hang_up.notified().map(|()| Cause::Now);
    let draining = drain.turn(limits.drain_window).map(|()| Cause::Gently(End::Draining));
    let unused = async {
        if timeout(limits.handshake_patience, connection.0.first_use.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
        Cause::Now
    };
    let aged = async {
        match limits.connection_age {
            Some(age) => sleep(jittered(age, limits.age_jitter)).await,
            None => std::future::pending().await,
        }
        Cause::Gently(End::Aged)
    };
    Rare::of([hang_up.boxed(), draining.boxed(), unused.boxed(), aged.boxed()]).await
}

/// A duration from `(1 - part)` to `(1 + part)` times this one.
fn jittered(age: Duration, part: f64) -> Duration {
    age.mul_f64((1.0 + part.clamp(0.0, 1.0) * (2.0 * jitter::fraction() - 1.0)).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_at_most_the_jitter() {
        let ages: Vec<Duration> = (0..100).map(|_| jittered(Duration::from_secs(100), 0.2)).collect();
        assert!(ages.iter().all(|age| (80..=120).contains(&age.as_secs())));
        assert!(ages.iter().any(|age| *age != ages[0]));
    }
}
