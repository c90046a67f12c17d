//! A gRPC stream on a connection of its own, as thin as HTTP/2 allows.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, header};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::channel::{End, UNAVAILABLE};

/// A connection with HTTP/2 agreed upon.
pub(super) struct Connection {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<()>,
    authority: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub(super) async fn agree<T>(io: T, address: SocketAddr, window: u32) -> Result<Connection, End>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut settings = h2::client::Builder::new();
        settings.initial_window_size(window).initial_connection_window_size(window).enable_push(false);
        let (requests, connection): (SendRequest<Bytes>, h2::client::Connection<T>) = settings.handshake(io).await?;
        let driver = tokio::spawn(async move {
            // How it ended is seen by the stream.
            let _ = connection.await;
        });
        Ok(Connection { requests, driver, authority: address.to_string() })
    }

    /// Opens a stream.
    pub(super) async fn open(&self, method: &PathAndQuery) -> Result<Conversation, End> {
        let mut ready = self.requests.clone().ready().await?;
        let request = Request::post(format!("http://{}{method}", self.authority))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .header(header::USER_AGENT, "chancery-lab")
            .body(())
            .map_err(|error| End::Lost(error.to_string()))?;
        let (response, requests) = ready.send_request(request, false)?;
        Ok(Conversation { requests, responses: Responses::Awaited(response) })
    }
}

/// A gRPC stream.
pub(super) struct Conversation {
    requests: SendStream<Bytes>,
    responses: Responses,
}

/// Some servers say nothing before the first response, not even that they have accepted the stream.
enum Responses {
    Awaited(ResponseFuture),
    Begun(RecvStream),
}

impl Conversation {
    /// Sends a request that is in two parts.
    pub(super) fn send(&mut self, [body, tail]: [Bytes; 2]) -> Result<(), End> {
        let mut prefix = BytesMut::with_capacity(5 + tail.len() + if body.len() < 512 { body.len() } else { 0 });
        prefix.put_u8(0);
        prefix.put_u32((body.len() + tail.len()) as u32);
        if body.len() < 512 {
            // One frame and one write.
            prefix.put(body);
            prefix.put(tail);
            return Ok(self.requests.send_data(prefix.freeze(), false)?);
        }
        self.requests.send_data(prefix.freeze(), false)?;
        self.requests.send_data(body, false)?;
        if !tail.is_empty() {
            self.requests.send_data(tail, false)?;
        }
        Ok(())
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
