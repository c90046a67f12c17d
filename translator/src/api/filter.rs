//! What is done to a request on its way.

use std::sync::Arc;

use serde::Deserialize;

use super::common::BackendRef;
use super::open::open_enum;

open_enum! {
    /// What a filter does.
    RouteFilterType {
        /// Edits the request's headers.
        RequestHeaderModifier = "RequestHeaderModifier",
        /// Edits the response's headers.
        ResponseHeaderModifier = "ResponseHeaderModifier",
        /// Sends a copy of the request elsewhere.
        RequestMirror = "RequestMirror",
        /// Answers with a redirect.
        RequestRedirect = "RequestRedirect",
        /// Changes the host or path of the request.
        URLRewrite = "URLRewrite",
        /// Answers for other origins.
        CORS = "CORS",
        /// Asks another service first.
        ExternalAuth = "ExternalAuth",
        /// What another object says.
        ExtensionRef = "ExtensionRef",
    }
}

/// One filter of a rule or backend.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RouteFilter {
    #[serde(rename = "type")]
    pub kind: RouteFilterType,
    #[serde(default)]
    pub request_header_modifier: Option<HeaderModifier>,
    #[serde(default)]
    pub response_header_modifier: Option<HeaderModifier>,
    #[serde(default)]
    pub request_mirror: Option<Mirror>,
    #[serde(default)]
    pub request_redirect: Option<Redirect>,
    #[serde(default)]
    pub url_rewrite: Option<UrlRewrite>,
    #[serde(default)]
    pub cors: Option<Cors>,
    #[serde(default)]
    pub external_auth: Option<serde_json::Value>,
    #[serde(default)]
    pub extension_ref: Option<super::ObjectReference>,
}

/// A header and its value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct Header {
    pub name: String,
    #[serde(default)]
    pub value: String,
}

/// Edits to headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HeaderModifier {
    /// Headers that get this value, instead of any they have.
    pub set: Vec<Header>,
    /// Headers that get this value beside any they have.
    pub add: Vec<Header>,
    /// Headers that are taken away.
    pub remove: Vec<String>,
}

/// Where copies of requests go, and how many.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// Where to.
    pub backend_ref: BackendRef,
    /// How many in a hundred.
    #[serde(default)]
    pub percent: Option<i32>,
    /// How many of how many.
    #[serde(default)]
    pub fraction: Option<Fraction>,
}

/// A share: numerator of denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct Fraction {
    #[serde(default)]
    pub numerator: i32,
    #[serde(default = "hundred")]
    pub denominator: i32,
}

fn hundred() -> i32 {
    100
}

open_enum! {
    /// How a path is replaced.
    PathModifierType {
        /// The whole of it.
        ReplaceFullPath = "ReplaceFullPath",
        /// The prefix that matched.
        ReplacePrefixMatch = "ReplacePrefixMatch",
    }
}

/// A replacement for a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PathModifier {
    #[serde(rename = "type")]
    pub kind: PathModifierType,
    #[serde(default)]
    pub replace_full_path: Option<String>,
    #[serde(default)]
    pub replace_prefix_match: Option<String>,
}

/// Where a client is sent instead.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Redirect {
    #[serde(default)]
    pub scheme: Option<String>,
    #[serde(default)]
    pub hostname: Option<String>,
    #[serde(default)]
    pub path: Option<PathModifier>,
    #[serde(default)]
    pub port: Option<i32>,
    /// Default: 302.
    #[serde(default = "found")]
    pub status_code: i32,
}

fn found() -> i32 {
    302
}

/// What the backend sees instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct UrlRewrite {
    pub hostname: Option<String>,
    pub path: Option<PathModifier>,
}

/// Which other origins may do what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Cors {
    pub allow_origins: Vec<Arc<str>>,
    pub allow_credentials: Option<bool>,
    pub allow_methods: Vec<Arc<str>>,
    pub allow_headers: Vec<Arc<str>>,
    pub expose_headers: Vec<Arc<str>>,
    /// Seconds. Default: 5.
    pub max_age: i32,
}

impl Default for Cors {
    fn default() -> Self {
        Cors {
            allow_origins: Vec::new(),
            allow_credentials: None,
            allow_methods: Vec::new(),
            allow_headers: Vec::new(),
            expose_headers: Vec::new(),
            max_age: 5,
        }
    }
}
