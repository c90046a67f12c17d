//! The discovery services as one HTTP service: it admits a stream, starts its task and answers with its body.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chancery_protocol::Source;
use http::{HeaderValue, Request, Response, StatusCode, header};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::bodies::Form;
use crate::connection::Connection;
use crate::outlet::outlet;
use crate::reader::Reader;
use crate::shared::Shared;
use crate::stream::{Origin, Stream};
use crate::variant::{Delta, Sotw};
use crate::{Authorizer, End, Sessions, identity};

pub(crate) mod catalog;

/// Serves every streaming method of the catalog.
pub(crate) struct Discovery<S, A, E>(pub(crate) Arc<Shared<S, A, E>>);

impl<S, A, E> Clone for Discovery<S, A, E> {
    fn clone(&self) -> Self {
        Discovery(Arc::clone(&self.0))
    }
}

impl<S, A, E, B> Service<Request<B>> for Discovery<S, A, E>
where
    S: Source,
    A: Authorizer,
    E: Sessions,
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request)))
    }
}

impl<S: Source, A: Authorizer, E: Sessions> Discovery<S, A, E> {
    fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
    {
        let (mut head, body) = request.into_parts();
        let content_type = head.headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
        if !content_type.starts_with(b"application/grpc") {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        }
        let Some(method) = catalog::method(head.uri.path()) else {
            return refusal(Status::unimplemented(
                "only the Stream and Delta methods of the discovery services are served",
            ));
        };
        let shared = Arc::clone(&self.0);
        if shared.drain.has_started() {
            return refusal(End::Draining.status());
        }
        let stream = match shared.admit_stream(Instant::now()) {
            Ok(stream) => stream,
            Err(wait) => return try_later(wait),
        };
        let connection = head.extensions.remove::<Connection>();
        let identity = match &connection {
            Some(connection) => connection.identity().clone(),
            None => identity::of_foreign_connection(&head.extensions),
        };
        let origin = Origin { stream, identity, metadata: head.headers, services: method.services, connection };
        let reader = Reader::new(body, shared.limits.message_bytes, &shared.buffered);
        let (outlet, body) = outlet();
        match method.form {
            Form::Sotw => tokio::spawn(Box::new(Stream::<Sotw, _, _, _, _>::new(shared, origin, reader, outlet)).run()),
            Form::Delta => {
                tokio::spawn(Box::new(Stream::<Delta, _, _, _, _>::new(shared, origin, reader, outlet)).run())
            }
        };
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }
}

/// A response that consists of its status alone.
fn refusal(status: Status) -> Response<Body> {
    status.into_http()
}

/// Too many new streams: tells the peer when to come back, as gRPC's retry policy understands it.
fn try_later(wait: Duration) -> Response<Body> {
    ::metrics::counter!("chancery_refused_total", "limit" => "new_streams").increment(1);
    // Whoever is refused together should not come back together.
    let spread = wait.mul_f64(1.0 + crate::jitter::fraction()) + Duration::from_millis(1);
    let mut response = refusal(Status::unavailable("too many new streams: try again (`new_streams`)"));
    let pushback = HeaderValue::from(spread.as_millis().min(600_000) as u64);
    response.headers_mut().insert("grpc-retry-pushback-ms", pushback);
    response
}
