//! One stream of the herd: subscribes, accepts, and reads of each response only what it must.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::uri::PathAndQuery;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http;
use tonic::transport::Endpoint;
use tonic::{Request, Status};

use crate::stand::Failure;

const METHOD: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// What a stream tells the experiment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// It holds everything it waited for.
    Ready,
    /// It has accepted a response of this many bytes.
    Accepted { at: Instant, bytes: usize },
}

/// How a stream behaves once it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    Reads,
    /// Reads nothing more and answers nothing.
    Stalls,
}

/// Runs a stream on a connection of its own until it ends, which it should not.
pub(super) async fn run(
    address: SocketAddr,
    first: Bytes,
    ack: Bytes,
    resources: usize,
    manners: Manners,
    told: UnboundedSender<Told>,
) -> Result<(), Failure> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?;
    let (requests, queue) = unbounded_channel();
    requests.send(first)?;
    let mut client = Grpc::new(channel).max_decoding_message_size(usize::MAX);
    client.ready().await?;
    let request = Request::new(UnboundedReceiverStream::new(queue));
    let mut responses = client.streaming(request, PathAndQuery::from_static(METHOD), Raw).await?.into_inner();
    let mut held = 0;
    while let Some(response) = responses.message().await? {
        let (members, nonce) = skim(response.clone())?;
        let mut reply = BytesMut::from(&ack[..]);
        encode_key(6, WireType::LengthDelimited, &mut reply);
        encode_varint(nonce.len() as u64, &mut reply);
        reply.put(nonce);
        requests.send(reply.freeze())?;
        if held >= resources {
            told.send(Told::Accepted { at: Instant::now(), bytes: response.len() })?;
            continue;
        }
        held += members;
        if held >= resources {
            told.send(Told::Ready)?;
            if manners == Manners::Stalls {
                std::future::pending::<()>().await;
            }
        }
    }
    Err("the server ended the stream".into())
}

/// How many resources a delta response brings, and its nonce.
fn skim(mut response: Bytes) -> Result<(usize, Bytes), Failure> {
    let (mut members, mut nonce) = (0, Bytes::new());
    while response.has_remaining() {
        let (field, wire_type) = decode_key(&mut response)?;
        if wire_type != WireType::LengthDelimited {
            return Err("an unexpected field".into());
        }
        let length = decode_varint(&mut response)? as usize;
        if length > response.remaining() {
            return Err("a truncated response".into());
        }
        let value = response.split_to(length);
        match field {
            2 => members += 1,
            5 => nonce = value,
            _ => {}
        }
    }
    Ok((members, nonce))
}

/// gRPC messages as the bytes they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}
