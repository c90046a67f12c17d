//! A small HTTP/1.1 client, plain or over TLS: for admin interfaces, single requests through a proxy, and load.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::Issued;

/// How long one exchange may take, from sending the request to the end of the answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text; what is not UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// The address tried.
        address: SocketAddr,
        /// What came of it.
        reason: String,
    },
    /// The server closed a kept connection before the request was sent: to be tried again on another one.
    #[error("the connection was closed before the request was sent")]
    Unsent,
    /// The request was sent, and no complete answer came.
    #[error("no complete answer: {0}")]
    Broken(String),
    /// Nothing came in time.
    #[error("no complete answer within {PATIENCE:?}")]
    Silent,
    /// The request cannot be written: a method, path or host that is none.
    #[error("not a request: {0}")]
    Request(#[from] http::Error),
    /// The certificates given are none.
    #[error("cannot use these certificates: {0}")]
    Certificates(String),
}

/// One request on a connection of its own.
///
/// # Errors
/// See [`HttpError`]. An answer with an error status is an answer.
pub async fn get(address: SocketAddr, host: &str, path: &str) -> Result<Answer, HttpError> {
    Connection::open(address).await?.send(request(Method::GET, host, path)?).await
}

/// One request over TLS on a connection of its own. `server_name` is the SNI and the host.
///
/// # Errors
/// See [`HttpError`]. A certificate that does not verify is [`HttpError::Connect`].
pub async fn get_tls(address: SocketAddr, server_name: &str, path: &str, trust: &Trust) -> Result<Answer, HttpError> {
    Connection::open_tls(address, server_name, trust).await?.send(request(Method::GET, server_name, path)?).await
}

/// A request without a body.
///
/// # Errors
/// [`HttpError::Request`] when the host or the path cannot stand in a request.
pub fn request(method: Method, host: &str, path: &str) -> Result<Request<Full<Bytes>>, HttpError> {
    Ok(Request::builder().method(method).uri(path).header(HOST, host).body(Full::default())?)
}

/// Whom a TLS client believes, and what it shows.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// Believes servers with a certificate from this authority (PEM), and shows its own certificate if there is one.
    ///
    /// # Errors
    /// [`HttpError::Certificates`]
    pub fn new(authority_pem: &str, client: Option<&Issued>) -> Result<Trust, HttpError> {
        let wrong = |error: &dyn fmt::Display| HttpError::Certificates(error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = versions.map_err(|error| wrong(&error))?.with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some(issued) => {
                let chain: Result<Vec<_>, _> =
                    CertificateDer::pem_slice_iter(issued.certificate_pem.as_bytes()).collect();
                let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).map_err(|error| wrong(&error))?;
                config
                    .with_client_auth_cert(chain.map_err(|error| wrong(&error))?, key)
                    .map_err(|error| wrong(&error))?
            }
        };
        Ok(Trust(Arc::new(config)))
    }
}

/// A kept-alive connection: one request after another.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// A connection in plain text.
    ///
    /// # Errors
    /// [`HttpError::Connect`]
    pub async fn open(address: SocketAddr) -> Result<Connection, HttpError> {
        Connection::over(address, connect(address).await?).await
    }

    /// A connection over TLS.
    ///
    /// # Errors
    /// [`HttpError::Connect`], also when the server's certificate does not verify.
    pub async fn open_tls(address: SocketAddr, server_name: &str, trust: &Trust) -> Result<Connection, HttpError> {
        let refused = |reason: String| HttpError::Connect { address, reason };
        let name = ServerName::try_from(server_name.to_owned()).map_err(|error| refused(error.to_string()))?;
        let stream = connect(address).await?;
        let connecting = timeout(PATIENCE, TlsConnector::from(Arc::clone(&trust.0)).connect(name, stream));
        let stream = connecting.await.map_err(|_| HttpError::Silent)?.map_err(|error| refused(error.to_string()))?;
        Connection::over(address, stream).await
    }

    async fn over<S>(address: SocketAddr, stream: S) -> Result<Connection, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|error| HttpError::Connect { address, reason: error.to_string() })?;
        // Ends by itself when the sender is dropped or the server closes; its error is seen by the request it hits.
        tokio::spawn(driver);
        Ok(Connection { sender })
    }

    /// Sends a request and reads the whole answer, within [`PATIENCE`].
    ///
    /// # Errors
    /// See [`HttpError`]; after [`HttpError::Unsent`] the request may be sent again on another connection.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
        timeout(PATIENCE, self.exchange(request)).await.map_err(|_| HttpError::Silent)?
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
        self.sender.ready().await.map_err(|_| HttpError::Unsent)?;
        let response = self.sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(_) => HttpError::Unsent,
            None => HttpError::Broken(reason(error.error())),
        })?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| HttpError::Broken(reason(&error)))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, HttpError> {
    let refused = |error: std::io::Error| HttpError::Connect { address, reason: error.to_string() };
    let stream = timeout(PATIENCE, TcpStream::connect(address)).await.map_err(|_| HttpError::Silent)?;
    let stream = stream.map_err(refused)?;
    stream.set_nodelay(true).map_err(refused)?;
    Ok(stream)
}

/// An error with its causes.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
