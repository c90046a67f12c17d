//! The server: a source and an authorizer in, discovery services out.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use chancery_protocol::{Certificate, Identity, Source};
use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;

use crate::builder::ServerBuilder;
use crate::connection::{self, Connection};
use crate::gate::Gate;
use crate::identity::read_certificate;
use crate::service::{Discovery, catalog};
use crate::shared::Shared;
use crate::{Authorizer, Drain, Health, ServeError, Sessions, StandardSessions, Tls};

/// A management server: every discovery service of Envoy's API, aggregated and by type, state-of-the-world and delta,
/// around one [`Source`].
///
/// ```no_run
/// # use chancery_core::{ByCertificate, Server, ServeError};
/// # async fn example<S: chancery_protocol::Source>(source: S, tls: chancery_core::Tls) -> Result<(), ServeError> {
/// let server = Server::builder(source, ByCertificate::new(["spiffe://example.org/ns/edge/sa/envoy"])).tls(tls).build()?;
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:18000").await?;
/// let stop = async { drop(tokio::signal::ctrl_c().await) };
/// server.serve(listener, stop).await
/// # }
/// ```
pub struct Server<S, A, E = StandardSessions> {
    pub(crate) shared: Arc<Shared<S, A, E>>,
    pub(crate) routes: Routes,
    pub(crate) tls: Option<Tls>,
    pub(crate) health: Option<Health>,
    pub(crate) plaintext: Plaintext,
}

/// Where resources may go unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plaintext {
    /// To this machine only.
    Loopback,
    /// To anyone.
    Anywhere,
}

impl<S: Source, A: Authorizer> Server<S, A> {
    /// A server of this source, for the callers this authorizer lets in.
    pub fn builder(source: S, authorizer: A) -> ServerBuilder<S, A> {
        ServerBuilder::new(source, authorizer)
    }
}

impl<S: Source, A: Authorizer, E: Sessions> Server<S, A, E> {
    /// Serves the connections of this listener until `stop` resolves, and then drains: it accepts no more, spreads
    /// GOAWAYs over [`Limits::drain_window`](crate::Limits::drain_window), ends every stream with `UNAVAILABLE` and returns when all are gone, after
    /// [`Limits::drain_patience`](crate::Limits::drain_patience) at the latest. No peer is sent a removal.
    ///
    /// # Errors
    /// When the listener can be reached from other machines and the server has no TLS.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let address = listener.local_addr()?;
        if self.tls.is_none() && self.plaintext == Plaintext::Loopback && !address.ip().is_loopback() {
            return Err(ServeError::Plaintext { address });
        }
        self.serve_incoming(TcpListenerStream::new(listener), stop).await;
        Ok(())
    }

    /// Serves these connections, whatever they are made of; otherwise like [`serve`](Server::serve). Who makes the
    /// connections answers for their secrecy.
    pub async fn serve_incoming<I, IO>(self, incoming: I, stop: impl Future<Output = ()>)
    where
        I: Stream<Item = io::Result<IO>>,
        IO: Accepted,
    {
        let Server { shared, routes, tls, health, .. } = self;
        let gate = Gate::new(shared.limits.connections, shared.limits.connections_per_address);
        let mut incoming = Box::pin(incoming.take_until(Box::pin(stop)));
        let mut connections = JoinSet::new();
        while let Some(accepted) = next_connection(&mut incoming, &mut connections).await {
            let io = match accepted {
                Ok(io) => io,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Usually there are no file descriptors left; trying at once would only burn time.
                    sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let address = io.peer_address();
            let pass = match gate.enter(address.map(|address| address.ip())) {
                Ok(pass) => pass,
                Err(limit) => {
                    ::metrics::counter!("chancery_connections_refused_total", "limit" => limit).increment(1);
                    tracing::debug!(?address, limit, "a connection is refused");
                    continue;
                }
            };
            let (shared, routes, tls) = (Arc::clone(&shared), routes.clone(), tls.clone());
            connections.spawn(async move {
                let _pass = pass;
                handle(io, address, routes, tls, &shared).await;
            });
        }
        // The listener is closed before anything else: a balancer sees at once that there is nobody.
        drop(incoming);
        shared.drain.start();
        if let Some(health) = health {
            health.not_ready().await;
        }
        let all_gone = async { while connections.join_next().await.is_some() {} };
        if timeout(shared.limits.drain_patience, all_gone).await.is_err() {
            tracing::warn!("connections were cut off: they did not end in time");
        }
    }

    /// The discovery services, to mount beside your own in a [`tonic`] server or an axum router.
    ///
    /// TLS, connection limits and ages, keepalive and GOAWAY are then yours; so is starting the [`Drain`] of
    /// [`drain`](Server::drain) before you stop.
    pub fn into_routes(self) -> Routes {
        self.routes
    }

    /// The handle that ends this server's streams.
    pub fn drain(&self) -> Drain {
        self.shared.drain.clone()
    }

    pub(crate) fn mount(shared: &Arc<Shared<S, A, E>>, mut routes: Routes) -> Routes {
        let router = routes.axum_router_mut();
        for service in catalog::service_names() {
            let discovery = Discovery(Arc::clone(shared));
            *router = std::mem::take(router).route_service(&format!("/{service}/{{*method}}"), discovery);
        }
        routes.prepare()
    }
}

/// A connection a [`Server`] can be given.
pub trait Accepted: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Where the peer is, if that can be told.
    fn peer_address(&self) -> Option<SocketAddr>;
}

impl Accepted for tokio::net::TcpStream {
    fn peer_address(&self) -> Option<SocketAddr> {
        // Acknowledgements and small responses should not wait for each other.
        let _ = self.set_nodelay(true);
        self.peer_addr().ok()
    }
}

#[cfg(unix)]
impl Accepted for tokio::net::UnixStream {
    fn peer_address(&self) -> Option<SocketAddr> {
        None
    }
}

impl Accepted for tokio::io::DuplexStream {
    fn peer_address(&self) -> Option<SocketAddr> {
        None
    }
}

/// The next connection that comes. Those that end meanwhile go, and do not wait for it.
async fn next_connection<I>(incoming: &mut I, connections: &mut JoinSet<()>) -> Option<I::Item>
where
    I: Stream + Unpin,
{
    poll_fn(|cx| {
        while let Poll::Ready(Some(_)) = connections.poll_join_next(cx) {}
        incoming.poll_next_unpin(cx)
    })
    .await
}

async fn handle<IO: Accepted, S, A, E>(
    io: IO,
    address: Option<SocketAddr>,
    routes: Routes,
    tls: Option<Tls>,
    shared: &Shared<S, A, E>,
) {
    let (limits, drain) = (&shared.limits, shared.drain.clone());
    let Some(tls) = tls else {
        let connection = Connection::new(Identity { address, certificate: None });
        return connection::serve(io, routes, connection, limits, drain).await;
    };
    // What a handshake takes is not kept for the life of the connection.
    let Some((io, certificate)) = Box::pin(handshake(io, address, tls, shared)).await else { return };
    connection::serve(io, routes, Connection::new(Identity { address, certificate }), limits, drain).await;
}

/// The connection, encrypted, and what the peer showed; none if that failed, which is said.
async fn handshake<IO: Accepted, S, A, E>(
    io: IO,
    address: Option<SocketAddr>,
    tls: Tls,
    shared: &Shared<S, A, E>,
) -> Option<(TlsStream<IO>, Option<Certificate>)> {
    let patience = shared.limits.handshake_patience;
    let failed = |error: io::Error| tracing::debug!(?address, %error, "a TLS handshake failed");
    // Who has said nothing yet takes no place, and who waits for one is not late.
    let hello = LazyConfigAcceptor::new(Acceptor::default(), io);
    let Ok(hello) = timeout(patience, hello).await else {
        tracing::debug!(?address, "a TLS handshake did not begin in time");
        return None;
    };
    let hello = hello.map_err(failed).ok()?;
    let handshake = async { timeout(patience, hello.into_stream(tls.current())).await };
    let Ok(io) = shared.handshakes.during(handshake).await else {
        tracing::debug!(?address, "a TLS handshake took too long");
        return None;
    };
    let io = io.map_err(failed).ok()?;
    let leaf = io.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = leaf.and_then(|leaf| read_certificate(leaf));
    Some((io, certificate))
}
