//! One xDS stream driven by hand: what to send and when to read is all the test's own doing.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::Node;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::codec::RawCodec;
pub use crate::codec::Received;
use crate::{Dialect, Method, Variant};

/// A stream that cannot be opened as asked: the test's mistake.
#[derive(Debug, thiserror::Error)]
pub enum Unexpected {
    /// The type has no service of its own in this variant.
    #[error("{method:?} has no method for {variant:?}")]
    NoMethod {
        /// The method asked for.
        method: Method,
        /// The variant of the stream.
        variant: Variant,
    },
    /// The path or a header is none.
    #[error("not a path or header of a request: {0}")]
    NotARequest(String),
    /// Something came where nothing should.
    #[error("expected silence for {waited:?}, and {came} came")]
    Noise {
        /// How long silence was asked for.
        waited: Duration,
        /// What came.
        came: String,
    },
}

/// Why there is no next response.
#[derive(Debug, thiserror::Error)]
pub enum Next {
    /// None came in time.
    #[error("no response within {0:?}")]
    Silence(Duration),
    /// The stream has ended, with this status; `OK` when the server simply closed it.
    #[error("the stream has ended: {:?} {:?}", .0.code(), .0.message())]
    Ended(Status),
}

type Opened<D> = Result<Response<Streaming<Received<<D as Dialect>::Response>>>, Status>;

enum State<D: Dialect> {
    /// The server has not answered with its headers yet, which it may do as late as with the first response.
    Opening(JoinSet<Opened<D>>),
    Open {
        headers: MetadataMap,
        responses: Box<Streaming<Received<D::Response>>>,
    },
    Ended(Status),
}

/// A raw discovery stream of one variant ([`Delta`](crate::Delta) or [`Sotw`](crate::Sotw)) to any server.
///
/// Nothing is sent or acknowledged but what the test sends. What is not read stays with the server: a stream nobody
/// calls [`RawStream::next`] on is a stalled client once its flow-control window
/// ([`Target::stream_window_bytes`](crate::Target::stream_window_bytes)) is full.
/// Dropping it resets the stream. An example stands with [`Target`](crate::Target).
pub struct RawStream<D: Dialect> {
    requests: Option<UnboundedSender<Bytes>>,
    state: State<D>,
    node: Option<Node>,
    received_bytes: u64,
    received: u64,
}

impl<D: Dialect> fmt::Debug for RawStream<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Opening(_) => "opening".to_owned(),
            State::Open { .. } => "open".to_owned(),
            State::Ended(status) => format!("ended: {:?}", status.code()),
        };
        write!(f, "RawStream<{:?}>({state}, {} received)", D::VARIANT, self.received)
    }
}

impl<D: Dialect> RawStream<D> {
    /// Opens a stream on a connection, with these request headers. The call is under way when this returns; what the
    /// server makes of it is seen by [`RawStream::next`]. Needs a runtime.
    ///
    /// # Errors
    /// [`Unexpected`], when method or headers cannot be sent.
    pub fn open(channel: &Channel, method: &Method, headers: &[(&str, &str)]) -> Result<RawStream<D>, Unexpected> {
        let path = method.path(D::VARIANT);
        let path = path.ok_or_else(|| Unexpected::NoMethod { method: method.clone(), variant: D::VARIANT })?;
        let path = PathAndQuery::try_from(path).map_err(|error| Unexpected::NotARequest(error.to_string()))?;
        let (requests, queue) = unbounded_channel();
        let mut request = Request::new(UnboundedReceiverStream::new(queue));
        for (key, value) in headers {
            let key = MetadataKey::from_bytes(key.as_bytes());
            let key = key.map_err(|error| Unexpected::NotARequest(error.to_string()))?;
            let value = MetadataValue::try_from(*value).map_err(|error| Unexpected::NotARequest(error.to_string()))?;
            request.metadata_mut().insert(key, value);
        }
        let mut client = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
        let mut opening = JoinSet::new();
        opening.spawn(async move {
            client.ready().await.map_err(|error| Status::unavailable(crate::http::reason(&error)))?;
            client.streaming(request, path, RawCodec::<D::Response>::default()).await
        });
        Ok(RawStream {
            requests: Some(requests),
            state: State::Opening(opening),
            node: None,
            received_bytes: 0,
            received: 0,
        })
    }

    /// Says who the client is in the first message sent, if that has no node of its own.
    pub fn introduce(mut self, node: Node) -> Self {
        self.node = Some(node);
        self
    }

    /// Sends a request, without waiting for anything. On a stream that has ended it goes nowhere.
    pub fn send(&mut self, mut request: D::Request) {
        if let Some(node) = self.node.take() {
            D::introduce(&mut request, node);
        }
        self.send_bytes(request.encode_to_vec().into());
    }

    /// Sends these bytes as a gRPC message, whatever they are.
    pub fn send_bytes(&mut self, message: Bytes) {
        if let Some(requests) = &self.requests {
            let _ = requests.send(message);
        }
    }

    /// Says that no more requests will come (half-close), and leaves the other direction open.
    pub fn finish(&mut self) {
        self.requests = None;
    }

    /// The next response.
    ///
    /// # Errors
    /// [`Next::Silence`] when none comes within `patience`: a later call may still get it. [`Next::Ended`] when the
    /// stream is over.
    pub async fn next(&mut self, patience: Duration) -> Result<D::Response, Next> {
        self.next_measured(patience).await.map(|received| received.message)
    }

    /// The next response, with its encoded length.
    ///
    /// # Errors
    /// As [`RawStream::next`].
    pub async fn next_measured(&mut self, patience: Duration) -> Result<Received<D::Response>, Next> {
        match timeout(patience, self.receive()).await {
            Ok(outcome) => outcome.map_err(Next::Ended),
            Err(_) => Err(Next::Silence(patience)),
        }
    }

    /// Waits to see that nothing comes: neither a response nor the end of the stream.
    ///
    /// # Errors
    /// [`Unexpected::Noise`] with what came.
    pub async fn expect_silence(&mut self, waited: Duration) -> Result<(), Unexpected> {
        match self.next(waited).await {
            Err(Next::Silence(_)) => Ok(()),
            Ok(response) => {
                let (type_url, (resources, removed)) = (D::type_url(&response), D::counts(&response));
                let came = format!("a response of {type_url} with {resources} resources and {removed} removed names");
                Err(Unexpected::Noise { waited, came })
            }
            Err(ended) => Err(Unexpected::Noise { waited, came: ended.to_string() }),
        }
    }

    /// Waits for the end of the stream, passing over responses, and gives its status.
    ///
    /// # Errors
    /// [`Next::Silence`] when it does not end within `patience`.
    pub async fn ended(&mut self, patience: Duration) -> Result<Status, Next> {
        let over = timeout(patience, async {
            loop {
                if let Err(status) = self.receive().await {
                    return status;
                }
            }
        });
        over.await.map_err(|_| Next::Silence(patience))
    }

    /// The status the stream ended with, as far as has been read. `None`: not ended.
    pub fn status(&self) -> Option<&Status> {
        match &self.state {
            State::Ended(status) => Some(status),
            _ => None,
        }
    }

    /// The headers the server answered with, as far as has been read. `None`: not yet, or the stream has ended.
    pub fn response_headers(&self) -> Option<&MetadataMap> {
        match &self.state {
            State::Open { headers, .. } => Some(headers),
            _ => None,
        }
    }

    /// How many responses have been read, and their encoded length in bytes.
    pub fn received(&self) -> (u64, u64) {
        (self.received, self.received_bytes)
    }

    /// Safe to cancel: what has come is not lost.
    async fn receive(&mut self) -> Result<Received<D::Response>, Status> {
        loop {
            match &mut self.state {
                State::Opening(opening) => {
                    self.state = match opening.join_next().await {
                        Some(Ok(Ok(response))) => {
                            let (headers, responses, _) = response.into_parts();
                            State::Open { headers, responses: Box::new(responses) }
                        }
                        Some(Ok(Err(status))) => State::Ended(status),
                        Some(Err(failed)) => State::Ended(Status::internal(failed.to_string())),
                        None => State::Ended(Status::internal("the call was not made")),
                    }
                }
                State::Open { responses, .. } => match responses.message().await {
                    Ok(Some(received)) => {
                        self.received += 1;
                        self.received_bytes += received.bytes as u64;
                        return Ok(received);
                    }
                    Ok(None) => self.state = State::Ended(Status::ok("")),
                    Err(status) => self.state = State::Ended(status),
                },
                State::Ended(status) => return Err(status.clone()),
            }
        }
    }
}
