//! One connection: HTTP/2 with limits, its age, and how it is brought to an end.

use std::sync::Arc;
use std::time::Duration;

use chancery_protocol::Identity;
use futures::FutureExt;
use futures::future::{Either, select};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
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
    closing: watch::Sender<Option<End>>,
    hang_up: Notify,
    /// Whether a stream was ever opened.
    used: watch::Sender<bool>,
}

impl Connection {
    pub(crate) fn new(identity: Identity) -> Connection {
        let (closing, used) = (watch::Sender::new(None), watch::Sender::new(false));
        Connection(Arc::new(Seen { identity, closing, hang_up: Notify::new(), used }))
    }

    /// What the transport proved about the other end.
    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Waits until the streams must end.
    pub(crate) fn closing(&self) -> impl Future<Output = End> + Send + 'static {
        let mut closing = self.0.closing.subscribe();
        async move {
            let end = closing.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
            end.unwrap_or(End::Lost)
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
pub(crate) async fn serve<IO>(io: IO, routes: Routes, connection: Connection, limits: &Limits, drain: Drain)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let marked = connection.clone();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        marked.0.used.send_replace(true);
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
    let mut http = pin!(http.serve_connection(TokioIo::new(io), service));
    let cause = match select(http.as_mut(), pin!(cause(&connection, limits, drain))).await {
        Either::Left(_) => return,
        Either::Right((cause, _)) => cause,
    };
    let Cause::Gently(end) = cause else { return };
    if !*connection.0.used.borrow() {
        // Nothing to end gently, and perhaps not even HTTP/2 to say so in.
        return;
    }
    http.as_mut().graceful_shutdown();
    connection.0.closing.send_replace(Some(end));
    let _ = timeout(limits.drain_patience, select(http, pin!(connection.0.hang_up.notified()))).await;
}

async fn cause(connection: &Connection, limits: &Limits, drain: Drain) -> Cause {
    let hang_up = connection.0.hang_up.notified().map(|()| Cause::Now);
    let draining = drain.turn(limits.drain_window).map(|()| Cause::Gently(End::Draining));
    let unused = async {
        if timeout(limits.handshake_patience, connection.0.used.subscribe().wait_for(|used| *used)).await.is_ok() {
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
