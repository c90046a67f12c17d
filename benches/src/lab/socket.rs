//! The floor below the floor: bare sockets, a length and ready bytes. No HTTP/2, no gRPC, nothing is parsed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::client::Told;
use super::tap::Meter;
use crate::stand::Failure;

/// What a client answers: as long as an acceptance of the other kinds.
const ANSWER: [u8; 80] = [0; 80];

/// A response with its length before it.
pub(super) fn framed(response: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(response.len() + 4);
    frame.put_u32(response.len() as u32);
    frame.put(response);
    frame.freeze()
}

pub(super) async fn serve(listener: TcpListener, newest: watch::Receiver<Bytes>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(one(stream, newest.clone()));
    }
}

async fn one(stream: TcpStream, mut newest: watch::Receiver<Bytes>) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let drained = async move {
        let mut answer = [0; 256];
        while read.read(&mut answer).await? > 0 {}
        Ok::<(), Failure>(())
    };
    let told = async move {
        loop {
            let frame = newest.borrow_and_update().clone();
            write.write_all(&frame).await?;
            newest.changed().await?;
        }
    };
    tokio::select! {
        ended = drained => ended,
        ended = told => ended,
    }
}

/// Reads every response, and answers each.
pub(super) async fn run(
    number: usize,
    address: SocketAddr,
    meter: Arc<Meter>,
    told: UnboundedSender<Told>,
) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut is_first, mut response) = (true, Vec::new());
    loop {
        let length = stream.read_u32().await? as usize;
        response.resize(length, 0);
        stream.read_exact(&mut response).await?;
        stream.write_all(&ANSWER).await?;
        Meter::add(&meter.received, length + 4);
        Meter::add(&meter.response_bytes, length);
        Meter::add(&meter.responses, 1);
        Meter::add(&meter.sent, ANSWER.len());
        let at = Instant::now();
        told.send(match std::mem::take(&mut is_first) {
            true => Told::Ready { at, stream: number },
            false => Told::Accepted { at, stream: number, bytes: length, members: 1, revised: Vec::new() },
        })?;
    }
}
