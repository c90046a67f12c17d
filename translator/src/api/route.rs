//! The five kinds of routes.

use std::sync::Arc;

use serde::Deserialize;

use super::common::{BackendRef, ParentRef};
use super::filter::RouteFilter;
use super::meta::Metadata;
use super::open::open_enum;
use super::status::RouteStatus;

/// What every kind of route says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSpec<R> {
    /// What the route wants to be attached to.
    #[serde(default = "Vec::new")]
    pub parent_refs: Vec<ParentRef>,
    /// The host names it answers for. None: those of the listener.
    #[serde(default)]
    pub hostnames: Vec<Arc<str>>,
    /// What is done with which requests.
    #[serde(default = "Vec::new")]
    pub rules: Vec<R>,
}

/// Routes HTTP requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct HttpRoute {
    pub metadata: Metadata,
    pub spec: RouteSpec<HttpRule>,
    #[serde(default)]
    pub status: RouteStatus,
}

/// Routes calls of gRPC methods.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct GrpcRoute {
    pub metadata: Metadata,
    pub spec: RouteSpec<GrpcRule>,
    #[serde(default)]
    pub status: RouteStatus,
}

/// Routes connections or datagrams: a TLSRoute, TCPRoute or UDPRoute.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct L4Route {
    pub metadata: Metadata,
    pub spec: RouteSpec<L4Rule>,
    #[serde(default)]
    pub status: RouteStatus,
}

/// A rule of an HTTPRoute.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct HttpRule {
    pub name: Option<Arc<str>>,
    /// Any of these must match. None: every request does.
    pub matches: Vec<HttpMatch>,
    pub filters: Vec<RouteFilter>,
    pub backend_refs: Vec<BackendRef>,
    pub timeouts: Option<Timeouts>,
    pub retry: Option<Retry>,
    pub session_persistence: Option<SessionPersistence>,
}

/// A rule of a GRPCRoute.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct GrpcRule {
    pub name: Option<Arc<str>>,
    pub matches: Vec<GrpcMatch>,
    pub filters: Vec<RouteFilter>,
    pub backend_refs: Vec<BackendRef>,
    pub session_persistence: Option<SessionPersistence>,
}

/// A rule of a TLSRoute, TCPRoute or UDPRoute.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct L4Rule {
    pub name: Option<Arc<str>>,
    pub backend_refs: Vec<BackendRef>,
}

/// Which requests are meant; all that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct HttpMatch {
    pub path: Option<PathMatch>,
    pub headers: Vec<ValueMatch>,
    pub query_params: Vec<ValueMatch>,
    pub method: Option<String>,
}

open_enum! {
    /// How a path is compared.
    PathMatchType {
        /// The whole of it.
        Exact = "Exact",
        /// Its first segments.
        PathPrefix = "PathPrefix",
        /// By a regular expression for the whole of it.
        RegularExpression = "RegularExpression",
    }
}

/// Which paths are meant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PathMatch {
    /// How it is compared. Default: as a prefix.
    #[serde(rename = "type", default = "prefix")]
    pub kind: PathMatchType,
    /// With what. Default: `/`.
    #[serde(default = "slash")]
    pub value: String,
}

fn prefix() -> PathMatchType {
    PathMatchType::PathPrefix
}

fn slash() -> String {
    "/".to_owned()
}

impl Default for PathMatch {
    fn default() -> Self {
        PathMatch { kind: prefix(), value: slash() }
    }
}

open_enum! {
    /// How a header, parameter or method is compared.
    ValueMatchType {
        /// The whole of it.
        Exact = "Exact",
        /// By a regular expression for the whole of it.
        RegularExpression = "RegularExpression",
    }
}

/// Which headers or query parameters are meant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct ValueMatch {
    /// Default: exact.
    #[serde(rename = "type", default = "exact")]
    pub kind: ValueMatchType,
    pub name: String,
    #[serde(default)]
    pub value: String,
}

fn exact() -> ValueMatchType {
    ValueMatchType::Exact
}

/// Which calls are meant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct GrpcMatch {
    pub method: Option<GrpcMethodMatch>,
    pub headers: Vec<ValueMatch>,
}

/// Which methods are meant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct GrpcMethodMatch {
    /// Default: exact.
    #[serde(rename = "type", default = "exact")]
    pub kind: ValueMatchType,
    #[serde(default)]
    pub service: Option<String>,
    #[serde(default)]
    pub method: Option<String>,
}

/// How long things may take, as durations like `1h30m`, `500ms`; `0s`: for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// The whole request, retries included.
    pub request: Option<String>,
    /// One try at one backend.
    pub backend_request: Option<String>,
}

/// When a request is tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Status codes that are worth another try.
    pub codes: Vec<i32>,
    /// How many tries after the first.
    pub attempts: Option<i32>,
    /// The shortest pause before a further try, as a duration.
    pub backoff: Option<String>,
}

/// Keeps a client at the backend it was sent to first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct SessionPersistence {
    pub session_name: Option<String>,
    pub absolute_timeout: Option<String>,
    pub idle_timeout: Option<String>,
    /// `Cookie` (the default) or `Header`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub cookie_config: Option<CookieConfig>,
}

/// How long a cookie lives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CookieConfig {
    /// `Session` (the default) or `Permanent`.
    pub lifetime_type: Option<String>,
}
