//! An HTTP backend that says who it is and what it was asked: what stands behind a proxy under test.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The response header that carries the backend's name.
pub(crate) const BACKEND_HEADER: &str = "x-backend";

/// A backend on a free loopback port, HTTP/1.1 and HTTP/2 in plain text. Answers every request with 200 and JSON:
/// `{"backend", "method", "path", "version", "headers", "body_bytes"}`, and its name in the header `x-backend`. Ends, with its
/// connections, when dropped.
#[derive(Debug)]
pub struct Echo {
    name: Arc<str>,
    address: SocketAddr,
    requests: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Echo {
    /// Starts a backend of this name.
    ///
    /// # Errors
    /// What the system said, when no port can be bound.
    pub async fn start(name: &str) -> io::Result<Echo> {
        Echo::start_at(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a backend at an address of your choice.
    ///
    /// # Errors
    /// What the system said, when the address cannot be bound.
    pub async fn start_at(name: &str, address: SocketAddr) -> io::Result<Echo> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (name, requests): (Arc<str>, _) = (name.into(), Arc::new(AtomicU64::new(0)));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&name), Arc::clone(&requests)));
        Ok(Echo { name, address, requests, accepting })
    }

    /// The name it answers with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has answered.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Owns the connections' tasks: when it is aborted, they are.
async fn accept(listener: TcpListener, name: Arc<str>, requests: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept is the other end's doing, or a lack of descriptors that ends with other connections.
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(stream, Arc::clone(&name), Arc::clone(&requests)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, name: Arc<str>, requests: Arc<AtomicU64>) {
    let service = service_fn(move |request: Request<Incoming>| {
        requests.fetch_add(1, Ordering::Relaxed);
        let name = Arc::clone(&name);
        async move { Ok::<_, Infallible>(answer(&name, request).await) }
    });
    // A connection that breaks concerns only its client, which will say so.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(name: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body_bytes = body.collect().await.map(|body| body.to_bytes().len()).unwrap_or_default();
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let all = headers.entry(key.as_str()).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&value);
    }
    if let Some(authority) = head.uri.authority() {
        headers.entry("host").or_insert_with(|| authority.to_string());
    }
    let said = serde_json::json!({
        "backend": name,
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("/", |path| path.as_str()),
        "version": format!("{:?}", head.version),
        "headers": headers,
        "body_bytes": body_bytes,
    });
    let mut response = Response::new(Full::from(said.to_string()));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    if let Ok(name) = HeaderValue::from_str(name) {
        response.headers_mut().insert(BACKEND_HEADER, name);
    }
    response
}
