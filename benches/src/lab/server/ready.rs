//! The floor of herds: tonic, and responses that were encoded before anybody came.
//!
//! Changes are sent to those who named the one resource that changes.

use std::convert::Infallible;
use std::future::{Future, Ready as Now, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
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

use super::Obedient;
use super::answers::Answers;
use super::floor::builder;
use super::prepared::News;
use crate::lab::setting::Setting;
use crate::stand::Failure;

/// The floor as it is told.
pub(super) struct Ready {
    newest: watch::Sender<Bytes>,
    news: News<Bytes>,
}

impl Ready {
    pub(super) fn start(runtime: &Runtime, listener: TcpListener, setting: &Setting) -> Result<Ready, Failure> {
        let (stock, answers) = Answers::new(setting, Bytes::from)?;
        let (newest, receiver) = watch::channel(Bytes::new());
        let service = Service { answers, newest: receiver };
        let mut builder = builder(setting)?;
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            if let Err(error) = builder.add_service(service).serve_with_incoming(incoming).await {
                eprintln!("the floor stopped serving: {error}");
            }
        });
        Ok(Ready { newest, news: News::Made { stock, form: |response| response.encode().into() } })
    }
}

impl Obedient for Ready {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        self.newest.send_replace(Bytes::clone(&*self.news.of(revision, number)?));
        Ok(())
    }
}

#[derive(Clone)]
struct Service {
    answers: Answers,
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
        let answers = self.answers.clone();
        let names_it = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&names_it);
        let answers = request.into_inner().filter_map(move |request| match request {
            Ok(request) => {
                if answers.is_about_what_changes(&request) {
                    names_it.store(true, Ordering::Relaxed);
                }
                answers.to(&request).map(Ok)
            }
            Err(status) => Some(Err(status)),
        });
        let changes = WatchStream::from_changes(self.newest.clone());
        let changes = changes.filter_map(move |change| hears.load(Ordering::Relaxed).then_some(Ok(change)));
        let responses: Self::ResponseStream = Box::pin(answers.merge(changes));
        ready(Ok(Response::new(responses)))
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
