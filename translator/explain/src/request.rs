//! The request asked about, and the connection it comes on.

use std::net::{IpAddr, SocketAddr};

/// Where the connection arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// At the listener of this name.
    Listener(String),
    /// At this address, or at a listener for all addresses with this port.
    Address(SocketAddr),
    /// At this port, whatever the address.
    Port(u16),
}

impl Entry {
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Entry::Listener(_) => None,
            Entry::Address(address) => Some(address.port()),
            Entry::Port(port) => Some(*port),
        }
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self {
            Entry::Address(address) => Some(address.ip()),
            Entry::Listener(_) | Entry::Port(_) => None,
        }
    }
}

/// What the client shows of itself in TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCertificate {
    /// Nothing.
    #[default]
    None,
    /// A certificate that was not validated.
    Presented,
    /// A certificate that was validated.
    Validated,
}

/// What the connection speaks below HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Transport {
    /// Plain text.
    #[default]
    Plaintext,
    /// TLS.
    Tls {
        /// The server name indicated (SNI), if any.
        server_name: Option<String>,
        /// The application protocols offered (ALPN), most wanted first.
        alpn: Vec<String>,
        /// What the client shows of itself.
        client_certificate: ClientCertificate,
    },
}

impl Transport {
    /// TLS to this server name, without ALPN and client certificate.
    pub fn tls(server_name: impl Into<String>) -> Transport {
        Transport::Tls {
            server_name: Some(server_name.into()),
            alpn: Vec::new(),
            client_certificate: ClientCertificate::None,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Transport::Tls { .. })
    }
}

/// A request, as it arrives at the proxy.
///
/// ```
/// use chancery_explain::{Entry, Request};
/// let request = Request::get(Entry::Port(80), "shop.example", "/cart?id=7").header("x-canary", "yes");
/// assert_eq!(request.method, "GET");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it arrives.
    pub entry: Entry,
    /// What its connection speaks below HTTP.
    pub transport: Transport,
    /// Where the connection comes from. Without it, filter chains that ask for a source are not evaluated.
    pub source: Option<SocketAddr>,
    /// The method.
    pub method: String,
    /// The authority: `Host` in HTTP/1.1.
    pub authority: String,
    /// The path with its query.
    pub path: String,
    /// The other headers, in their order. Case of the names does not matter.
    pub headers: Vec<(String, String)>,
    /// What stands for chance: it decides fractions and weights, as the remainder of the division by their total.
    pub random: u64,
}

impl Request {
    /// A GET in plain text without headers, with chance 0.
    pub fn get(entry: Entry, authority: impl Into<String>, path: impl Into<String>) -> Request {
        Request {
            entry,
            transport: Transport::Plaintext,
            source: None,
            method: "GET".into(),
            authority: authority.into(),
            path: path.into(),
            headers: Vec::new(),
            random: 0,
        }
    }

    /// The same with one more header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same over this transport.
    pub fn over(mut self, transport: Transport) -> Request {
        self.transport = transport;
        self
    }
}
