//! One connection with one stream on it: gRPC, or a bare socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use rustls::pki_types::ServerName;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use super::bare::Talk;
use super::grpc::{Connection, Conversation};
use super::tap::{Meter, Tap};

/// How much a server may send ahead of what is read, per stream and per connection. Envoy allows more; a herd that reads
/// everything at once needs no more.
const WINDOW: u32 = 1 << 20;

/// The same, and the socket's buffer, where nothing will be read.
const STALLING_WINDOW: u32 = 16 * 1024;

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Grpc,
    /// As they are, over TCP.
    Bare,
}

/// Where a herd connects to, and how.
pub(super) struct Dialer {
    pub(super) address: SocketAddr,
    pub(super) carrier: Carrier,
    /// Of gRPC; bare sockets know none.
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) meter: Arc<Meter>,
}

/// Why a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The server said so.
    Status { code: u32, message: String, pushback: Option<Duration> },
    /// The connection ended, or could not be had.
    Lost(String),
}

pub(super) const UNAVAILABLE: u32 = 14;

/// The status codes of a server that is to be asked again: too late, too much, interrupted, unavailable.
const PASSING: [u32; 4] = [4, 8, 10, UNAVAILABLE];

impl End {
    /// Whether the server has refused the stream, and may take it later.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, End::Status { code, .. } if PASSING.contains(code))
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        End::Lost(error.to_string())
    }
}

impl From<h2::Error> for End {
    fn from(error: h2::Error) -> End {
        End::Lost(error.to_string())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Status { code, message, .. } => write!(f, "the server ended the stream: status {code}, {message:?}"),
            End::Lost(why) => write!(f, "the connection is lost: {why}"),
        }
    }
}

/// A connection. It is closed when this and its stream are dropped.
pub(super) struct Channel {
    way: Way,
    deaf: Arc<AtomicBool>,
    /// The same socket, to see when the other end closes it.
    watched: Option<TcpStream>,
}

enum Way {
    Grpc(Connection),
    /// The socket is the stream's, once there is one.
    Bare(Option<Tap>),
}

impl Dialer {
    /// A connection, with HTTP/2 agreed upon where it is to be. One that `stalls` can tell when it is closed without reading, and
    /// takes little ahead of what is read, so that it is soon felt at the other end.
    pub(super) async fn connect(&self, stalls: bool) -> Result<Channel, End> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if stalls {
            socket.set_recv_buffer_size(STALLING_WINDOW)?;
        }
        let mut stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut twin, mut window) = (None, WINDOW);
        if stalls {
            window = STALLING_WINDOW;
            let plain = stream.into_std()?;
            twin = Some(TcpStream::from_std(plain.try_clone()?)?);
            stream = TcpStream::from_std(plain)?;
        }
        let deaf = Arc::new(AtomicBool::new(false));
        let tap = Tap::new(stream, Arc::clone(&self.meter), Arc::clone(&deaf));
        let way = match (self.carrier, &self.tls) {
            (Carrier::Bare, _) => Way::Bare(Some(tap)),
            (Carrier::Grpc, None) => Way::Grpc(Connection::agree(tap, self.address, window).await?),
            (Carrier::Grpc, Some((connector, name))) => {
                let encrypted = connector.connect(name.clone(), tap).await?;
                Way::Grpc(Connection::agree(encrypted, self.address, window).await?)
            }
        };
        Ok(Channel { way, deaf, watched: twin })
    }
}

impl Channel {
    /// Opens the stream and sends its first request.
    pub(super) async fn call(&mut self, method: &PathAndQuery, first: Bytes) -> Result<Call, End> {
        let mut call = match &mut self.way {
            Way::Grpc(connection) => Call::Grpc(connection.open(method).await?),
            Way::Bare(socket) => {
                let socket = socket.take().ok_or_else(|| End::Lost("a bare socket has one stream".into()))?;
                Call::Bare(Talk::new(socket))
            }
        };
        call.send([first, Bytes::new()])?;
        Ok(call)
    }

    /// Reads nothing any more, and waits until the other end has closed the connection.
    pub(super) async fn stall(&self) -> Result<(), End> {
        self.deaf.store(true, Ordering::Relaxed);
        let Some(watched) = &self.watched else { return std::future::pending().await };
        loop {
            if watched.ready(Interest::READABLE).await?.is_read_closed() {
                return Ok(());
            }
            // What is unread keeps the socket readable: there is nothing to wait for but time.
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A stream.
pub(super) enum Call {
    Grpc(Conversation),
    Bare(Talk),
}

impl Call {
    /// Sends a request that is in two parts.
    pub(super) fn send(&mut self, parts: [Bytes; 2]) -> Result<(), End> {
        match self {
            Call::Grpc(conversation) => conversation.send(parts),
            Call::Bare(talk) => {
                talk.send(parts);
                Ok(())
            }
        }
    }

    /// The next piece of the responses.
    pub(super) async fn piece(&mut self) -> Result<Bytes, End> {
        match self {
            Call::Grpc(conversation) => conversation.piece().await,
            Call::Bare(talk) => talk.piece().await,
        }
    }
}
