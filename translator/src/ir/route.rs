//! What is done with a request.

use std::sync::Arc;
use std::time::Duration;

use super::backend::ClusterName;
use crate::provenance::Origin;

/// One route: which requests, and what with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its name, from the identity of the object and the content of the match.
    pub name: Arc<str>,
    /// Which requests are meant.
    pub matches: Match,
    /// How many of them, together with what earlier routes of the same match take: one number is drawn for all of them.
    pub share: Option<Share>,
    /// What is done.
    pub action: Action,
    /// Edits to the request's headers.
    pub request_headers: HeaderEdits,
    /// Edits to the response's headers.
    pub response_headers: HeaderEdits,
    /// What other origins may do.
    pub cors: Option<Cors>,
    /// The rule it comes from.
    pub origins: Vec<Origin>,
}

/// Which requests are meant; everything must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The path.
    pub path: PathMatch,
    /// The method; `None` for any.
    pub method: Option<String>,
    /// Headers.
    pub headers: Vec<ValueMatch>,
    /// Query parameters.
    pub query: Vec<ValueMatch>,
    /// Whether only gRPC requests are meant.
    pub grpc: bool,
}

/// Which paths are meant, without the query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathMatch {
    /// Every path.
    Any,
    /// This one.
    Exact(String),
    /// This one and those below it; no slash at the end.
    Prefix(String),
    /// Those the expression describes as a whole.
    Regex(String),
}

/// How a text is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum TextMatch {
    Exact(String),
    Regex(String),
}

/// Which values of a header or query parameter are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub struct ValueMatch {
    pub name: String,
    pub value: TextMatch,
}

/// A share, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share {
    /// How many of a million.
    pub numerator: u32,
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A backend answers.
    Forward {
        /// Clusters, their shares and what is special to each. A share of the cluster nobody serves is answered with 500.
        clusters: Vec<WeightedCluster>,
        /// What the backend sees instead.
        rewrite: Rewrite,
        /// How long it may take.
        timeouts: Timeouts,
        /// When it is tried again.
        retry: Option<Retry>,
        /// Who gets a copy.
        mirrors: Vec<Mirror>,
        /// How a client stays with the backend it was sent to first.
        session: Option<Session>,
    },
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// This status, and no body.
    Respond(u16),
}

/// A share of the requests.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct WeightedCluster {
    pub cluster: ClusterName,
    pub weight: u32,
    pub request_headers: HeaderEdits,
    pub response_headers: HeaderEdits,
}

/// One edit to a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It gets this value, instead of any it has.
    Set(String, String),
    /// It gets this value too.
    Add(String, String),
}

/// Edits to headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// What is set and added, in order.
    pub edits: Vec<Edit>,
    /// What is taken away.
    pub remove: Vec<String>,
}

/// What the backend sees instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rewrite {
    pub host: Option<RewriteHost>,
    pub path: Option<RewritePath>,
}

/// The host the backend sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewriteHost {
    /// This one.
    Literal(String),
}

/// The path the backend sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RewritePath {
    /// This one; the query stays.
    Full(String),
    /// This in place of the prefix that matched ([`PathMatch::Prefix`], or [`PathMatch::Any`] for `/`).
    Prefix {
        /// The prefix that matched, `/` or without a slash at the end.
        matched: String,
        /// What takes its place.
        replacement: String,
    },
}

/// How long things may take; `None`: for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// The whole request.
    pub request: Option<Duration>,
    /// One try.
    pub per_try: Option<Duration>,
}

/// When a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How many tries after the first.
    pub attempts: u32,
    /// The status codes that are worth another try, beside failures of the connection.
    pub codes: Vec<u16>,
    /// The shortest pause.
    pub backoff: Option<Duration>,
}

/// Who gets a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mirror {
    pub cluster: ClusterName,
    pub share: Share,
}

/// How a client stays with a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The name of the cookie or header.
    pub name: String,
    /// Where the session is kept.
    pub store: SessionStore,
}

/// Where a session is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionStore {
    /// In a cookie.
    Cookie {
        /// The path it is valid for.
        path: String,
        /// How long it lives; `None`: as long as the client's session.
        lifetime: Option<Duration>,
    },
    /// In a header.
    Header,
}

/// Where the client is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The scheme, if it changes.
    pub scheme: Option<String>,
    /// The host, if it changes.
    pub host: Option<String>,
    /// The port the location shows; `None`: none.
    pub port: Option<u16>,
    /// The path, if it changes.
    pub path: Option<RedirectPath>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// The path the client is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectPath {
    /// This one.
    Full(String),
    /// This in place of the prefix that matched.
    Prefix {
        /// The prefix that matched, `/` or without a slash at the end.
        matched: String,
        /// What takes its place.
        replacement: String,
    },
}

/// Which other origins may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Cors {
    pub origins: Vec<OriginMatch>,
    pub methods: Vec<String>,
    pub request_headers: Vec<String>,
    pub exposed_headers: Vec<String>,
    pub max_age: Duration,
    pub credentials: bool,
}

/// Which origins are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginMatch {
    /// Every one.
    Any,
    /// This one.
    Exact(String),
    /// A scheme, and a host or port with wildcards: `https://*.shop.example`. The `*` spans labels.
    Wildcard(String),
}
