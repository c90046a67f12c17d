//! gRPC messages as bytes on the way out, so that a test can send what is no message at all.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// A message as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Received<M> {
    /// The message.
    pub message: M,
    /// Its encoded length in bytes.
    pub bytes: usize,
}

pub(crate) struct RawCodec<M>(PhantomData<fn() -> M>);

impl<M> Default for RawCodec<M> {
    fn default() -> Self {
        RawCodec(PhantomData)
    }
}

impl<M: Message + Default + 'static> Codec for RawCodec<M> {
    type Encode = Bytes;
    type Decode = Received<M>;
    type Encoder = AsIs;
    type Decoder = Measured<M>;

    fn encoder(&mut self) -> AsIs {
        AsIs
    }

    fn decoder(&mut self) -> Measured<M> {
        Measured(PhantomData)
    }
}

pub(crate) struct AsIs;

impl Encoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

pub(crate) struct Measured<M>(PhantomData<fn() -> M>);

impl<M: Message + Default> Decoder for Measured<M> {
    type Item = Received<M>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Received<M>>, Status> {
        let bytes = from.remaining();
        let message = M::decode(from).map_err(|error| Status::internal(format!("not a response: {error}")))?;
        Ok(Some(Received { message, bytes }))
    }
}
