//! The floor of herds: tonic, and responses that were encoded before anybody came.
//!
//! It reads of a request its type, its last name and whether it accepts something, answers first requests with all there is of
//! the type, and sends changes to those whose last name is that of the one resource that changes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, Ready as Now, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::floor::{builder, delta};
use super::{Obedient, Stock};
use crate::lab::setting::Setting;
use crate::lab::skim::{Field, field};
use crate::made;
use crate::stand::Failure;

/// The floor as it is told.
pub(super) struct Ready {
    newest: watch::Sender<Bytes>,
    stock: Stock,
}

impl Ready {
    pub(super) fn start(runtime: &Runtime, listener: TcpListener, setting: &Setting) -> Result<Ready, Failure> {
        let (stock, set) = Stock::new(setting)?;
        let mut by_type: HashMap<Vec<u8>, Vec<_>> = HashMap::new();
        for resource in set.iter() {
            by_type.entry(resource.type_url().as_str().as_bytes().to_vec()).or_default().push(resource);
        }
        let all = by_type.iter().map(|(url, resources)| (url.clone(), delta(resources, 0).encode_to_vec().into()));
        let (newest, receiver) = watch::channel(Bytes::new());
        let changing = made::name(setting.resources).into();
        let service = Service { all: Arc::new(all.collect()), changing, newest: receiver };
        let mut builder = builder(setting)?;
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            if let Err(error) = builder.add_service(service).serve_with_incoming(incoming).await {
                eprintln!("the floor stopped serving: {error}");
            }
        });
        Ok(Ready { newest, stock })
    }
}

impl Obedient for Ready {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        let resource = self.stock.changed(number, revision)?;
        self.newest.send_replace(delta(&[&resource], revision).encode_to_vec().into());
        Ok(())
    }
}

#[derive(Clone)]
struct Service {
    all: Arc<HashMap<Vec<u8>, Bytes>>,
    changing: Arc<str>,
    newest: watch::Receiver<Bytes>,
}

impl NamedService for Service {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl tonic::codegen::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(Grpc::new(Raw).streaming(service, request).await) })
    }
}

impl StreamingService<Bytes> for Service {
    type Response = Bytes;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
    type Future = Now<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let (all, changing) = (Arc::clone(&self.all), Arc::clone(&self.changing));
        let names_it = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&names_it);
        let answers = request.into_inner().filter_map(move |request| match request {
            Ok(request) => {
                // Names are last in a request, and this one is the last of them.
                if request.ends_with(changing.as_bytes()) {
                    names_it.store(true, Ordering::Relaxed);
                }
                answer(&all, &request).map(Ok)
            }
            Err(status) => Some(Err(status)),
        });
        let changes = WatchStream::from_changes(self.newest.clone());
        let changes = changes.filter_map(move |change| hears.load(Ordering::Relaxed).then_some(Ok(change)));
        let responses: Self::ResponseStream = Box::pin(answers.merge(changes));
        ready(Ok(Response::new(responses)))
    }
}

/// All there is of the type a request is about, unless it accepts something.
fn answer(all: &HashMap<Vec<u8>, Bytes>, request: &[u8]) -> Option<Bytes> {
    match (field(request, 2)?, field(request, 6)) {
        (Field::Bytes(type_url), None) => all.get(type_url).cloned(),
        _ => None,
    }
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
        bytes::BufMut::put(out, item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = bytes::Buf::remaining(from);
        Ok(Some(bytes::Buf::copy_to_bytes(from, length)))
    }
}
