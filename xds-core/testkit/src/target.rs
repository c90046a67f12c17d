//! How to reach the server under test: address, TLS, flow-control window.

use std::net::SocketAddr;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::Issued;
use crate::http::reason;

/// Why there is no connection to the server under test.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to the server at {uri}: {reason}")]
pub struct TargetError {
    uri: String,
    reason: String,
}

/// A server under test, and how to connect to it.
///
/// ```no_run
/// use chancery_testkit::{Delta, Method, RawStream, Target, request};
/// use chancery_protocol::TypeUrl;
/// use std::time::Duration;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = Target::new("127.0.0.1:18000".parse()?).connect().await?;
/// let mut stream = RawStream::<Delta>::open(&channel, &Method::Aggregated, &[])?.introduce(request::node("proxy-1"));
/// stream.send(request::delta(&TypeUrl::CLUSTER, &["*"], &[]));
/// let answer = stream.next(Duration::from_secs(5)).await?;
/// stream.send(request::delta_ack(&answer));
/// stream.expect_silence(Duration::from_millis(200)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    tls: Option<ClientTlsConfig>,
    stream_window_bytes: Option<u32>,
}

impl Target {
    /// The server at this address, in plain text.
    pub fn new(address: SocketAddr) -> Target {
        Target { address, tls: None, stream_window_bytes: None }
    }

    /// Over TLS: the authority believed (PEM), the name the server's certificate must carry, the own certificate if any.
    pub fn tls(mut self, authority_pem: &str, server_name: &str, client: Option<&Issued>) -> Self {
        let trusted = Certificate::from_pem(authority_pem);
        let mut tls = ClientTlsConfig::new().ca_certificate(trusted).domain_name(server_name);
        if let Some(issued) = client {
            tls = tls.identity(Identity::from_pem(&issued.certificate_pem, &issued.key_pem));
        }
        self.tls = Some(tls);
        self
    }

    /// How many bytes the server may send on a stream before they are read. Default: 64 KiB. A stream that is not read
    /// stalls the server's writing after that many.
    pub fn stream_window_bytes(mut self, bytes: u32) -> Self {
        self.stream_window_bytes = Some(bytes);
        self
    }

    /// Opens a connection. Streams opened on the same channel share it; for more connections, connect again.
    ///
    /// # Errors
    /// [`TargetError`], also when the certificates do not verify.
    pub async fn connect(&self) -> Result<Channel, TargetError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{}", self.address);
        let failed = |error: tonic::transport::Error| TargetError { uri: uri.clone(), reason: reason(&error) };
        let mut endpoint = Endpoint::from_shared(uri.clone()).map_err(failed)?.tcp_nodelay(true);
        if let Some(bytes) = self.stream_window_bytes {
            endpoint = endpoint.initial_stream_window_size(bytes);
        }
        if let Some(tls) = &self.tls {
            endpoint = endpoint.tls_config(tls.clone()).map_err(failed)?;
        }
        endpoint.connect().await.map_err(failed)
    }
}
