//! Live backends: what stands behind the Services of a case, each port with a server of its own.
//!
//! A port's name says what is behind it: `https` and `grpcs` end TLS with a certificate for the names the Service's annotation
//! `names` lists, `tcp` sends its name and then what it gets, `udp` answers with its name and what it got; everything else is
//! HTTP/1.1 and HTTP/2 in plain text. HTTP backends do what a request's headers tell them: `x-delay-ms`, `x-status`,
//! `x-fail` (`id:times:status`; a status of 0 breaks the connection), and an upgrade echoes.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chancery_testkit::Issued;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// One server.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    name: String,
    rounds: Mutex<HashMap<String, u64>>,
    failures: Mutex<HashMap<String, u32>>,
}

/// What a backend speaks.
pub(crate) enum Speaks {
    Http,
    Https(TlsAcceptor),
    Tcp,
    Udp,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Backend {
    pub(crate) async fn start(name: &str, speaks: Speaks) -> io::Result<Backend> {
        let state = Arc::new(State { name: name.to_owned(), rounds: Mutex::default(), failures: Mutex::default() });
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (address, serving) = match speaks {
            Speaks::Udp => {
                let socket = UdpSocket::bind(at).await?;
                (socket.local_addr()?, tokio::spawn(datagrams(socket, Arc::clone(&state))))
            }
            other => {
                let listener = TcpListener::bind(at).await?;
                (listener.local_addr()?, tokio::spawn(accept(listener, Arc::clone(&state), other)))
            }
        };
        Ok(Backend { address, state, serving })
    }

    /// How many requests said in `x-round` that they are of this round: a copy may come long after what it is a copy of.
    pub(crate) fn requests(&self, round: &str) -> u64 {
        self.state.rounds.lock().ok().and_then(|rounds| rounds.get(round).copied()).unwrap_or(0)
    }
}

/// How a backend ends TLS; with authorities, its clients must show a certificate of theirs.
pub(crate) fn acceptor(issued: &Issued, client_authority: Option<&str>) -> TlsAcceptor {
    let certificates = |pem: &str| -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("certificates")
    };
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.expect("versions of TLS");
    let builder = match client_authority {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            certificates(pem).into_iter().for_each(|one| roots.add(one).expect("an authority"));
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let mut config = builder.with_single_cert(certificates(&issued.certificate_pem), key).expect("a pair");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn datagrams(socket: UdpSocket, state: Arc<State>) {
    let mut buffer = [0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let mut answer = format!("{}:", state.name).into_bytes();
        answer.extend_from_slice(&buffer[..length]);
        let _ = socket.send_to(&answer, from).await;
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, speaks: Speaks) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        match &speaks {
            Speaks::Tcp => drop(connections.spawn(lines(stream, state))),
            Speaks::Https(acceptor) => {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let tls = stream.get_ref().1;
                    let server_name = tls.server_name().map(str::to_owned);
                    let shown = tls.peer_certificates().is_some();
                    http(stream, state, server_name, shown).await;
                });
            }
            _ => drop(connections.spawn(http(stream, state, None, false))),
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn lines(mut stream: TcpStream, state: Arc<State>) {
    if stream.write_all(format!("{}\n", state.name).as_bytes()).await.is_err() {
        return;
    }
    let (mut read, mut write) = stream.split();
    let _ = tokio::io::copy(&mut read, &mut write).await;
}

async fn http<S>(stream: S, state: Arc<State>, server_name: Option<String>, shown: bool)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (state, server_name) = (Arc::clone(&state), server_name.clone());
        async move { answer(&state, request, server_name, shown).await }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// An error breaks the connection.
async fn answer(
    state: &State,
    mut request: Request<Incoming>,
    server_name: Option<String>,
    shown: bool,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let told = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(round) = told("x-round") {
        state.count(round);
    }
    if let Some(delay) = told("x-delay-ms").and_then(|text| text.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let mut status = told("x-status").and_then(|text| text.parse().ok()).unwrap_or(StatusCode::OK);
    if let Some(failure) = told("x-fail").and_then(|text| state.next_failure(&text)) {
        match StatusCode::from_u16(failure) {
            Ok(failure) => status = failure,
            Err(_) => return Err(io::Error::other("told to break")),
        }
    }
    if request.headers().contains_key("upgrade") {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        for (name, value) in [("upgrade", "websocket"), ("connection", "Upgrade"), ("x-backend", state.name.as_str())] {
            response.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header"));
        }
        return Ok(response);
    }
    let (head, body) = request.into_parts();
    let _ = body.collect().await;
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in &head.headers {
        let all = headers.entry(key.as_str().to_owned()).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    if let Some(authority) = head.uri.authority() {
        headers.entry("host".to_owned()).or_insert_with(|| authority.to_string());
    }
    let said = serde_json::json!({
        "backend": state.name, "method": head.method.as_str(), "version": format!("{:?}", head.version),
        "path": head.uri.path_and_query().map_or("/", |path| path.as_str()), "headers": headers,
        "serverName": server_name, "clientCertificate": shown,
    });
    let mut response = Response::new(Full::from(said.to_string()));
    *response.status_mut() = status;
    let kind = head.headers.get("content-type").cloned();
    let kind = kind.unwrap_or_else(|| HeaderValue::from_static("application/json"));
    response.headers_mut().insert("content-type", kind);
    response.headers_mut().insert("x-backend", HeaderValue::from_str(&state.name).expect("a name"));
    Ok(response)
}

impl State {
    fn count(&self, round: String) {
        if let Ok(mut rounds) = self.rounds.lock() {
            *rounds.entry(round).or_default() += 1;
        }
    }

    /// The status of `id:times:status`, as long as it is due.
    fn next_failure(&self, told: &str) -> Option<u16> {
        let mut parts = told.split(':');
        let (id, times, status) = (parts.next()?, parts.next()?.parse::<u32>().ok()?, parts.next()?.parse().ok()?);
        let mut failures = self.failures.lock().ok()?;
        let count = failures.entry(id.to_owned()).or_default();
        *count += 1;
        (*count <= times).then_some(status)
    }
}

/// What a client got over a connection that is not HTTP: the line it was greeted with, if any, and what came back.
pub(crate) async fn talk<S>(mut stream: S, say: &[u8]) -> io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut got = Vec::new();
    let mut byte = [0];
    while !got.ends_with(b"\n") {
        if stream.read(&mut byte).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        got.push(byte[0]);
    }
    stream.write_all(say).await?;
    let mut echoed = vec![0; say.len()];
    stream.read_exact(&mut echoed).await?;
    match echoed == say {
        true => Ok(String::from_utf8_lossy(&got).trim().to_owned()),
        false => Err(io::Error::other("what came back is not what was sent")),
    }
}
