//! One request, in whichever way a case says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chancery_testkit::http::{Answer, Connection, HttpError, Trust};
use chancery_testkit::{Issued, TestAuthority};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::backend::talk;
use crate::case::{Expectation, Speak};
use crate::proxy::Setting;

const PATIENCE: Duration = Duration::from_secs(5);
const SAID: &[u8] = b"hello there";

/// Sends requests over one HTTP/1.1 connection as long as that is open, with the cookies it was given.
pub(crate) struct Client {
    round: String,
    open: Option<Connection>,
    cookie: Option<HeaderValue>,
    session: Option<(String, HeaderValue)>,
}

impl Client {
    /// A client whose requests say what round they are of.
    pub(crate) fn of_round(round: String) -> Client {
        Client { round, open: None, cookie: None, session: None }
    }

    pub(crate) fn round(&self) -> &str {
        &self.round
    }

    pub(crate) async fn ask(
        &mut self,
        setting: &Setting,
        authority: &TestAuthority,
        expectation: &Expectation,
    ) -> Result<Answer, HttpError> {
        if expectation.speak != Speak::Http1 {
            return ask(setting, authority, expectation).await;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => connect(setting, authority, expectation).await?,
        };
        let mut request = request(expectation);
        request.headers_mut().insert("x-round", HeaderValue::from_str(&self.round).expect("a number"));
        if let (true, Some(cookie)) = (expectation.sticky, &self.cookie) {
            request.headers_mut().insert("cookie", cookie.clone());
        }
        if let (true, Some((name, value))) = (expectation.sticky, &self.session) {
            let name = http::HeaderName::try_from(name.as_str()).expect("a header's name");
            request.headers_mut().insert(name, value.clone());
        }
        let answer = open.send(request).await?;
        if let Some(cookie) = answer.headers.get("set-cookie").and_then(|value| value.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            self.cookie = HeaderValue::from_str(pair).ok();
        }
        if let Some(value) = answer.headers.get("x-session") {
            self.session = Some(("x-session".to_owned(), value.clone()));
        }
        let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.open = (!closes).then_some(open);
        Ok(answer)
    }
}

/// Sends one request over a connection of its own.
pub(crate) async fn ask(
    setting: &Setting,
    authority: &TestAuthority,
    expectation: &Expectation,
) -> Result<Answer, HttpError> {
    let address = setting.socket(expectation.port.unwrap_or(80));
    let other = async {
        match expectation.speak {
            Speak::Http1 => unreachable!("sent below"),
            Speak::Http2 | Speak::Grpc => http2(address, authority, expectation).await,
            Speak::Websocket => websocket(address, expectation).await,
            Speak::Tcp => tcp(address, authority, expectation).await,
            Speak::Udp => udp(address).await,
        }
    };
    match expectation.speak {
        Speak::Http1 => connect(setting, authority, expectation).await?.send(request(expectation)).await,
        _ => match timeout(PATIENCE, other).await {
            Ok(done) => done.map_err(|error| HttpError::Broken(error.to_string())),
            Err(_) => Err(HttpError::Silent),
        },
    }
}

async fn connect(
    setting: &Setting,
    authority: &TestAuthority,
    expectation: &Expectation,
) -> Result<Connection, HttpError> {
    let address = setting.socket(expectation.port.unwrap_or(80));
    let Some(server_name) = &expectation.tls else { return Connection::open(address).await };
    let own: Option<Issued> = expectation.shows.as_ref().map(|name| match name.strip_prefix("stranger:") {
        Some(name) => {
            TestAuthority::new("stranger").and_then(|stranger| stranger.client(name, &[])).expect("a certificate")
        }
        None => authority.client(name, &[]).expect("a certificate"),
    });
    Connection::open_tls(address, server_name, &Trust::new(&authority.certificate_pem(), own.as_ref())?).await
}

fn host(expectation: &Expectation) -> &str {
    expectation.host.as_deref().or(expectation.tls.as_deref()).unwrap_or("any.example")
}

fn request(expectation: &Expectation) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(expectation.method.as_deref().unwrap_or("GET"))
        .uri(expectation.get.as_deref().unwrap_or("/"))
        .header("host", host(expectation));
    for (name, value) in &expectation.headers {
        // A counter of the backend that is new with every try.
        request = request.header(name, value.replace("@new", &next_id()));
    }
    request.body(Full::default()).expect("the case's request can be made")
}

pub(crate) fn next_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

async fn tls(
    address: SocketAddr,
    authority: &TestAuthority,
    name: &str,
    protocols: &[&str],
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let pem = authority.certificate_pem();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await?).await
}

async fn http2(address: SocketAddr, authority: &TestAuthority, expectation: &Expectation) -> io::Result<Answer> {
    match &expectation.tls {
        Some(name) => over_http2(tls(address, authority, name, &["h2"]).await?, "https", expectation).await,
        None => over_http2(TcpStream::connect(address).await?, "http", expectation).await,
    }
}

async fn over_http2<S>(stream: S, scheme: &str, expectation: &Expectation) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, driver) = shaken.map_err(io::Error::other)?;
    tokio::spawn(driver);
    let path = expectation.get.as_deref().unwrap_or("/");
    let mut request = Request::builder().uri(format!("{scheme}://{}{path}", host(expectation)));
    for (name, value) in &expectation.headers {
        request = request.header(name, value);
    }
    let grpc = expectation.speak == Speak::Grpc;
    if grpc {
        request = request.method("POST").header("content-type", "application/grpc").header("te", "trailers");
    } else {
        request = request.method(expectation.method.as_deref().unwrap_or("GET"));
    }
    let body = if grpc { Bytes::from_static(&[0; 5]) } else { Bytes::new() };
    let response = sender.send_request(request.body(Full::new(body)).map_err(io::Error::other)?).await;
    let (head, body) = response.map_err(io::Error::other)?.into_parts();
    let collected = body.collect().await.map_err(io::Error::other)?;
    let called = head.headers.get("grpc-status").or_else(|| collected.trailers()?.get("grpc-status"));
    let called = called.and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u16>().ok());
    let status = match (grpc, called) {
        // The status of the call; a backend's echo has none, and is a success.
        (true, Some(called)) => called,
        (true, None) if head.status == 200 => 0,
        _ => head.status.as_u16(),
    };
    Ok(Answer { status, headers: head.headers, body: collected.to_bytes() })
}

async fn websocket(address: SocketAddr, expectation: &Expectation) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        expectation.get.as_deref().unwrap_or("/"),
        host(expectation)
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        let name = http::HeaderName::try_from(name).map_err(io::Error::other)?;
        headers.insert(name, HeaderValue::from_str(value).map_err(io::Error::other)?);
    }
    if status == 101 {
        stream.write_all(SAID).await?;
        let mut echoed = [0; SAID.len()];
        stream.read_exact(&mut echoed).await?;
        if echoed != *SAID {
            return Err(io::Error::other("what came back is not what was sent"));
        }
    }
    Ok(Answer { status, headers, body: Bytes::new() })
}

fn from_backend(name: &str) -> io::Result<Answer> {
    let mut headers = HeaderMap::new();
    headers.insert("x-backend", HeaderValue::from_str(name).map_err(io::Error::other)?);
    Ok(Answer { status: 200, headers, body: Bytes::new() })
}

async fn tcp(address: SocketAddr, authority: &TestAuthority, expectation: &Expectation) -> io::Result<Answer> {
    let name = match &expectation.tls {
        Some(name) => talk(tls(address, authority, name, &[]).await?, SAID).await?,
        None => talk(TcpStream::connect(address).await?, SAID).await?,
    };
    from_backend(&name)
}

async fn udp(address: SocketAddr) -> io::Result<Answer> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(address).await?;
    socket.send(SAID).await?;
    let mut buffer = [0; 256];
    // A lost datagram is sent again by who waits for the answer.
    let length = timeout(Duration::from_millis(500), socket.recv(&mut buffer)).await??;
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    match text.split_once(':') {
        Some((name, said)) if said.as_bytes() == SAID => from_backend(name),
        _ => Err(io::Error::other(format!("{text:?} came back"))),
    }
}
