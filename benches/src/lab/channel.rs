//! One connection with one gRPC stream on it, as thin as HTTP/2 allows.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, header};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use super::tap::{Meter, Tap};

/// How much a server may send ahead of what is read, per stream and per connection. Envoy allows more; a herd that reads
/// everything at once needs no more.
const WINDOW: u32 = 1 << 20;

/// Where a herd connects to, and how.
pub(super) struct Dialer {
    pub(super) address: SocketAddr,
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

const UNAVAILABLE: u32 = 14;

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

/// A connection. It is closed when this is dropped.
pub(super) struct Channel {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<()>,
    authority: String,
    deaf: Arc<AtomicBool>,
    /// The same socket, to see when the other end closes it.
    watched: Option<TcpStream>,
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Dialer {
    /// A connection, with HTTP/2 agreed upon. One that is `watched` can tell when it is closed without reading.
    pub(super) async fn connect(&self, watched: bool) -> Result<Channel, End> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut twin = None;
        if watched {
            let plain = stream.into_std()?;
            twin = Some(TcpStream::from_std(plain.try_clone()?)?);
            stream = TcpStream::from_std(plain)?;
        }
        let deaf = Arc::new(AtomicBool::new(false));
        let tap = Tap::new(stream, Arc::clone(&self.meter), Arc::clone(&deaf));
        let (requests, driver) = match &self.tls {
            None => agree(tap).await?,
            Some((connector, name)) => agree(connector.connect(name.clone(), tap).await?).await?,
        };
        Ok(Channel { requests, driver, authority: self.address.to_string(), deaf, watched: twin })
    }
}

async fn agree<T>(io: T) -> Result<(SendRequest<Bytes>, JoinHandle<()>), End>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
    let (requests, connection): (SendRequest<Bytes>, Connection<T>) = settings.handshake(io).await?;
    let driver = tokio::spawn(async move {
        // How it ended is seen by the stream.
        let _ = connection.await;
    });
    Ok((requests, driver))
}

/// A gRPC stream.
pub(super) struct Call {
    requests: SendStream<Bytes>,
    responses: Responses,
}

/// Some servers say nothing before the first response, not even that they have accepted the stream.
enum Responses {
    Awaited(ResponseFuture),
    Begun(RecvStream),
}

impl Channel {
    /// Opens a stream and sends its first request.
    pub(super) async fn call(&mut self, method: &PathAndQuery, first: Bytes) -> Result<Call, End> {
        let mut ready = self.requests.clone().ready().await?;
        let request = Request::post(format!("http://{}{method}", self.authority))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .header(header::USER_AGENT, "chancery-lab")
            .body(())
            .map_err(|error| End::Lost(error.to_string()))?;
        let (response, mut requests) = ready.send_request(request, false)?;
        send(&mut requests, [first, Bytes::new()])?;
        Ok(Call { requests, responses: Responses::Awaited(response) })
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

impl Call {
    /// Sends a request that is in two parts.
    pub(super) fn send(&mut self, parts: [Bytes; 2]) -> Result<(), End> {
        send(&mut self.requests, parts)
    }

    /// The next piece of the responses.
    pub(super) async fn piece(&mut self) -> Result<Bytes, End> {
        loop {
            match &mut self.responses {
                Responses::Awaited(response) => {
                    let (head, body) = response.await?.into_parts();
                    match ended(&head.headers) {
                        Some(end) => return Err(end),
                        None if head.status.is_success() => self.responses = Responses::Begun(body),
                        None => {
                            let message = format!("HTTP status {}", head.status);
                            return Err(End::Status { code: UNAVAILABLE, message, pushback: None });
                        }
                    }
                }
                Responses::Begun(body) => {
                    let Some(piece) = body.data().await else {
                        let trailers = body.trailers().await?.unwrap_or_default();
                        let abrupt = || End::Lost("the stream ended without a status".into());
                        return Err(ended(&trailers).unwrap_or_else(abrupt));
                    };
                    let piece = piece?;
                    body.flow_control().release_capacity(piece.len())?;
                    return Ok(piece);
                }
            }
        }
    }
}

fn send(requests: &mut SendStream<Bytes>, [body, tail]: [Bytes; 2]) -> Result<(), End> {
    let mut prefix = BytesMut::with_capacity(5 + tail.len() + if body.len() < 512 { body.len() } else { 0 });
    prefix.put_u8(0);
    prefix.put_u32((body.len() + tail.len()) as u32);
    if body.len() < 512 {
        // One frame and one write.
        prefix.put(body);
        prefix.put(tail);
        return Ok(requests.send_data(prefix.freeze(), false)?);
    }
    requests.send_data(prefix.freeze(), false)?;
    requests.send_data(body, false)?;
    if !tail.is_empty() {
        requests.send_data(tail, false)?;
    }
    Ok(())
}

/// The status in headers or trailers, if there is one.
fn ended(headers: &HeaderMap) -> Option<End> {
    let text = |key: &str| headers.get(key).and_then(|value| value.to_str().ok());
    let code = text("grpc-status")?.parse().unwrap_or(2);
    let pushback = text("grpc-retry-pushback-ms").and_then(|wait| wait.parse().ok()).map(Duration::from_millis);
    Some(End::Status { code, message: unescaped(text("grpc-message").unwrap_or_default()), pushback })
}

/// A message as it was before it was put in a header.
fn unescaped(message: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.push(byte),
            None => return message.to_owned(),
        }
        rest = after.get(2..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_the_time_to_wait() {
        let mut trailers = HeaderMap::new();
        assert_eq!(ended(&trailers), None);
        for (key, value) in [("grpc-status", "14"), ("grpc-message", "a%20%60b%60"), ("grpc-retry-pushback-ms", "250")]
        {
            trailers.insert(key, value.parse().unwrap());
        }
        let end = ended(&trailers).unwrap();
        let wait = Some(Duration::from_millis(250));
        assert_eq!(end, End::Status { code: UNAVAILABLE, message: "a `b`".into(), pushback: wait });
        assert!(end.is_refusal());
        assert_eq!(unescaped("100%"), "100%");
    }
}
