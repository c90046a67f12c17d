//! Every limit of the server, its default, its unit, and what happens to who goes over it.

use std::time::Duration;

use crate::Rate;

/// What peers may use up. Each limit costs only the stream or connection that goes over it.
///
/// | Limit | Default | Over it |
/// |---|---|---|
/// | `message_bytes` | 32 MiB | the stream ends with `RESOURCE_EXHAUSTED`, before the request is buffered |
/// | `buffered_request_bytes` | 256 MiB | the stream whose request does not fit ends with `RESOURCE_EXHAUSTED` |
/// | `subscribed_names` | 10,000,000 | the stream that subscribes more ends with `RESOURCE_EXHAUSTED` |
/// | `node_bytes` | 64 KiB | the stream ends with `RESOURCE_EXHAUSTED` |
/// | `new_streams` | 1,000 a second, 10,000 at once | `UNAVAILABLE` with `grpc-retry-pushback-ms`, before anything is read |
/// | `first_answers` | 64 | the stream waits, in the order of their coming, until one before it has its first answers |
/// | `handshakes` | 32 | the connection's TLS handshake waits likewise |
/// | `turn_patience` | 1 s | the next one waiting is let in, though this one is not done |
/// | `requests_per_stream` | 500 a second, 2,000 at once | the stream's requests are read later; nothing fails |
/// | `streams_per_connection` | 1,024 | HTTP/2 `REFUSED_STREAM` |
/// | `connections` | 20,000 | the connection is closed at once |
/// | `connections_per_address` | 4,096 | the connection is closed at once |
/// | `header_bytes` | 16 KiB | HTTP 431 |
/// | `pending_resets` | 20 | the connection is closed with `ENHANCE_YOUR_CALM` |
/// | `handshake_patience` | 10 s | the connection is closed |
/// | `request_patience` | 30 s | the stream ends with `DEADLINE_EXCEEDED` |
/// | `authorize_patience` | 5 s | the stream ends with `UNAVAILABLE` |
/// | `ready_patience` | 10 s | the stream ends with `UNAVAILABLE` |
/// | `progress_patience` | 30 s | the stream ends with `UNAVAILABLE`; a peer that does not take that loses its connection |
/// | `ping_interval`, `ping_patience` | 30 s, 10 s | the connection is closed |
/// | `connection_age`, `age_jitter` | 30 min, 20 % | GOAWAY, then streams end with `UNAVAILABLE` |
///
/// Names and types per stream are limited by the session: `max_names`, `max_name_bytes` and `max_types` of
/// [`Settings`](chancery_protocol::Settings), with `RESOURCE_EXHAUSTED`.
///
/// ```
/// use chancery_core::Limits;
/// let limits = Limits { message_bytes: 4 * 1024 * 1024, ..Limits::default() };
/// assert_eq!(limits.streams_per_connection, 1_024);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The largest request, in bytes.
    pub message_bytes: usize,
    /// Bytes of incomplete requests over all streams; the first 16 KiB of each stream do not count.
    pub buffered_request_bytes: usize,
    /// Names subscribed over all streams.
    pub subscribed_names: usize,
    /// The largest `node.metadata`, in encoded bytes; and the most bytes of text kept of the rest of the node.
    pub node_bytes: usize,
    /// How often new streams are taken.
    pub new_streams: Rate,
    /// Streams that are given what they ask for the first time, at once. What that takes in memory and in time the others,
    /// already served, have to share it with is bounded by it; how fast a herd is served is not.
    pub first_answers: usize,
    /// TLS handshakes at once.
    pub handshakes: usize,
    /// How long a stream or a handshake may take to that before it counts no longer: slow peers keep nobody out.
    pub turn_patience: Duration,
    /// How often one stream's requests are taken.
    pub requests_per_stream: Rate,
    /// Streams open at once on one connection.
    pub streams_per_connection: u32,
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one IP address.
    pub connections_per_address: usize,
    /// The largest header list of a request, in bytes.
    pub header_bytes: u32,
    /// Streams a peer may open and reset before the server has looked at them.
    pub pending_resets: usize,
    /// How long a connection may take to its TLS handshake, and then to its first stream.
    pub handshake_patience: Duration,
    /// How long a stream may take to its first request, and to the end of a request that has begun.
    pub request_patience: Duration,
    /// How long the [`Authorizer`](crate::Authorizer) may take.
    pub authorize_patience: Duration,
    /// How long a stream waits for a source that is not ready.
    pub ready_patience: Duration,
    /// How long a peer may take nothing of what is sent to it.
    pub progress_patience: Duration,
    /// How long a connection may be silent before it is pinged.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered.
    pub ping_patience: Duration,
    /// How old a connection gets. `None`: as old as it likes.
    pub connection_age: Option<Duration>,
    /// By which part of itself the age differs from connection to connection, at most; 0.2 is 20 %.
    pub age_jitter: f64,
    /// Over how long the GOAWAYs of a drain are spread.
    pub drain_window: Duration,
    /// How long a drain takes at most, its window included; what is open then is cut off.
    pub drain_patience: Duration,
    /// Bytes of encoded response bodies kept though nobody is sending them at the moment.
    pub kept_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: 32 * 1024 * 1024,
            buffered_request_bytes: 256 * 1024 * 1024,
            subscribed_names: 10_000_000,
            node_bytes: 64 * 1024,
            new_streams: Rate { per_second: 1_000.0, burst: 10_000.0 },
            first_answers: 64,
            handshakes: 32,
            turn_patience: Duration::from_secs(1),
            requests_per_stream: Rate { per_second: 500.0, burst: 2_000.0 },
            streams_per_connection: 1_024,
            connections: 20_000,
            connections_per_address: 4_096,
            header_bytes: 16 * 1024,
            pending_resets: 20,
            handshake_patience: Duration::from_secs(10),
            request_patience: Duration::from_secs(30),
            authorize_patience: Duration::from_secs(5),
            ready_patience: Duration::from_secs(10),
            progress_patience: Duration::from_secs(30),
            ping_interval: Duration::from_secs(30),
            ping_patience: Duration::from_secs(10),
            connection_age: Some(Duration::from_secs(30 * 60)),
            age_jitter: 0.2,
            drain_window: Duration::from_secs(10),
            drain_patience: Duration::from_secs(30),
            kept_body_bytes: 64 * 1024 * 1024,
        }
    }
}
