//! A client below gRPC: it can send half a message, a compressed one or none, and read as slowly as it likes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;

use crate::running::DEADLINE;

type Sender = mpsc::UnboundedSender<Result<Frame<Bytes>, Infallible>>;
type Receiver = mpsc::UnboundedReceiver<Result<Frame<Bytes>, Infallible>>;
type Frames = StreamBody<UnboundedReceiverStream<Result<Frame<Bytes>, Infallible>>>;

/// A connection to the server under test.
pub(crate) struct Connection {
    requests: SendRequest<Frames>,
    driver: JoinHandle<hyper::Result<()>>,
    cut: Option<std::net::TcpStream>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Connection {
        Connection::with_window(address, 1 << 20).await
    }

    /// A connection whose streams take this many bytes before somebody reads them.
    pub(crate) async fn with_window(address: SocketAddr, window: u32) -> Connection {
        let socket = TcpStream::connect(address).await.unwrap().into_std().unwrap();
        let cut = socket.try_clone().unwrap();
        let connection = Connection::over(TcpStream::from_std(socket).unwrap(), window).await;
        Connection { cut: Some(cut), ..connection }
    }

    pub(crate) async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, window: u32) -> Connection {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).initial_stream_window_size(window);
        let (requests, driver) = builder.handshake(TokioIo::new(io)).await.unwrap();
        Connection { requests, driver: tokio::spawn(driver), cut: None }
    }

    /// Opens a stream.
    pub(crate) async fn stream(&self, path: &str) -> Stream {
        self.stream_with(path, HeaderMap::new()).await
    }

    /// Opens a stream with more headers.
    pub(crate) async fn stream_with(&self, path: &str, headers: HeaderMap) -> Stream {
        let (send, frames) = mpsc::unbounded_channel();
        self.open_stream(path, headers, Some(send), frames).await
    }

    /// Makes a unary call: the answer comes only after the whole request.
    pub(crate) async fn call<M: Message>(&self, path: &str, request: &M) -> Stream {
        let (send, frames) = mpsc::unbounded_channel();
        let _ = send.send(Ok(Frame::data(framed(&request.encode_to_vec()))));
        drop(send);
        self.open_stream(path, HeaderMap::new(), None, frames).await
    }

    async fn open_stream(&self, path: &str, headers: HeaderMap, send: Option<Sender>, frames: Receiver) -> Stream {
        let mut request = Request::post(format!("http://server{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(StreamBody::new(UnboundedReceiverStream::new(frames)))
            .unwrap();
        request.headers_mut().extend(headers);
        let mut requests = self.requests.clone();
        let response = timeout(DEADLINE, requests.send_request(request)).await.expect("an answer").unwrap();
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status, head.headers);
        let (body, pause_between_reads) = (Some(body), Duration::ZERO);
        Stream { send, status, headers, body, arrived: BytesMut::new(), trailers: None, pause_between_reads }
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn closed(self) {
        drop(self.requests);
        let _ = timeout(DEADLINE, self.driver).await.expect("the server closes the connection");
    }

    /// Whether the server has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Cuts the connection off.
    pub(crate) fn cut(self) {
        self.cut.unwrap().shutdown(std::net::Shutdown::Both).unwrap();
    }
}

/// A stream to the server under test.
pub(crate) struct Stream {
    send: Option<Sender>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Option<Incoming>,
    arrived: BytesMut,
    trailers: Option<HeaderMap>,
    /// Reads slowly: it waits this long before each frame.
    pub(crate) pause_between_reads: Duration,
}

impl Stream {
    /// Sends bytes as they are.
    pub(crate) fn send_raw(&self, bytes: impl Into<Bytes>) {
        let frame = Ok(Frame::data(bytes.into()));
        // The server may have ended the stream already; what it said is read later.
        let _ = self.send.as_ref().unwrap().send(frame);
    }

    /// Sends a gRPC message with these bytes.
    pub(crate) fn send_bytes(&self, message: &[u8]) {
        self.send_raw(framed(message));
    }

    pub(crate) fn send<M: Message>(&self, message: &M) {
        self.send_bytes(&message.encode_to_vec());
    }

    /// Ends the client's half.
    pub(crate) fn half_close(&mut self) {
        self.send = None;
    }

    /// The next message; `None` when the stream has ended.
    pub(crate) async fn next_bytes(&mut self) -> Option<Bytes> {
        timeout(DEADLINE, self.read()).await.expect("a message or the end of the stream")
    }

    async fn read(&mut self) -> Option<Bytes> {
        loop {
            if let Some(header) = self.arrived.get(..5) {
                let length = u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
                if self.arrived.len() >= 5 + length {
                    self.arrived.advance(5);
                    return Some(self.arrived.split_to(length).freeze());
                }
            }
            if !self.pause_between_reads.is_zero() {
                sleep(self.pause_between_reads).await;
            }
            let frame = self.body.as_mut()?.frame().await;
            match frame {
                Some(Ok(frame)) if frame.is_trailers() => self.trailers = frame.into_trailers().ok(),
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap();
                    assert!(!data.is_empty(), "an empty DATA frame");
                    self.arrived.extend_from_slice(&data);
                }
                Some(Err(_)) | None => {
                    self.body = None;
                    return None;
                }
            }
        }
    }

    pub(crate) async fn next<M: Message + Default>(&mut self) -> M {
        let bytes = match self.next_bytes().await {
            Some(bytes) => bytes,
            None => panic!("the stream has ended: {:?}", self.outcome()),
        };
        M::decode(bytes).unwrap()
    }

    pub(crate) async fn next_sotw(&mut self) -> DiscoveryResponse {
        self.next().await
    }

    pub(crate) async fn next_delta(&mut self) -> DeltaDiscoveryResponse {
        self.next().await
    }

    /// Reads the stream to its end: its status. No message may come before.
    pub(crate) async fn end(&mut self) -> (Code, String) {
        if let Some(message) = self.next_bytes().await {
            panic!("a message of {} bytes instead of the end", message.len());
        }
        self.outcome()
    }

    /// The status in the trailers, or in the headers of a response without a body.
    fn outcome(&self) -> (Code, String) {
        let head = self.trailers.as_ref().unwrap_or(&self.headers);
        let code = head.get("grpc-status").map_or(Code::Cancelled, |code| Code::from_bytes(code.as_bytes()));
        let message = head.get("grpc-message").map_or("", |message| message.to_str().unwrap());
        (code, message.replace("%20", " "))
    }
}

/// A message behind its gRPC header.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut wire = BytesMut::with_capacity(5 + message.len());
    wire.put_u8(0);
    wire.put_u32(message.len() as u32);
    wire.put_slice(message);
    wire.freeze()
}

pub(crate) fn node(id: &str) -> Option<Node> {
    Some(Node { id: id.into(), ..Node::default() })
}

/// A first state-of-the-world request.
pub(crate) fn first_sotw(type_url: &str, names: &[&str]) -> DiscoveryRequest {
    let resource_names = names.iter().map(|name| (*name).to_owned()).collect();
    DiscoveryRequest { node: node("n"), type_url: type_url.into(), resource_names, ..DiscoveryRequest::default() }
}

/// A first delta request.
pub(crate) fn first_delta(type_url: &str, names: &[&str]) -> DeltaDiscoveryRequest {
    let resource_names_subscribe = names.iter().map(|name| (*name).to_owned()).collect();
    let (node, type_url) = (node("n"), type_url.into());
    DeltaDiscoveryRequest { node, type_url, resource_names_subscribe, ..DeltaDiscoveryRequest::default() }
}

/// The acknowledgement of a response.
pub(crate) fn ack(response: &DiscoveryResponse) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: response.type_url.clone(),
        version_info: response.version_info.clone(),
        response_nonce: response.nonce.clone(),
        ..DiscoveryRequest::default()
    }
}
