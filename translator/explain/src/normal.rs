//! What the connection manager makes of authority and path before any route sees them.

use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    PathWithEscapedSlashesAction, StripPortMode,
};

/// Which ports are taken off the authority.
#[derive(Debug, Clone, Copy)]
enum StrippedPort {
    None,
    Matching,
    Any,
}

/// The rules of one connection manager.
#[derive(Debug, Clone)]
pub(crate) struct Normalization {
    port: StrippedPort,
    strip_trailing_dot: bool,
    normalize_path: bool,
    merge_slashes: bool,
    escaped_slashes: PathWithEscapedSlashesAction,
}

/// What came of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Normal {
    /// Go on with this path.
    Path(String),
    /// Answered at once with a redirect to this path.
    Redirect(String),
    /// Answered at once with 400.
    Refused { path: String, reason: String },
}

impl Normalization {
    pub(crate) fn new(manager: &HttpConnectionManager) -> Normalization {
        let port = match manager.strip_port_mode {
            Some(StripPortMode::StripAnyHostPort(true)) => StrippedPort::Any,
            _ if manager.strip_matching_host_port => StrippedPort::Matching,
            _ => StrippedPort::None,
        };
        Normalization {
            port,
            strip_trailing_dot: manager.strip_trailing_host_dot,
            normalize_path: manager.normalize_path.is_some_and(|wanted| wanted.value),
            merge_slashes: manager.merge_slashes,
            escaped_slashes: PathWithEscapedSlashesAction::try_from(manager.path_with_escaped_slashes_action)
                .unwrap_or(PathWithEscapedSlashesAction::KeepUnchanged),
        }
    }

    /// The authority as routes see it. `local_port`: the one the connection arrived at.
    pub(crate) fn authority(&self, method: &str, authority: &str, local_port: Option<u16>) -> String {
        let authority = if self.strip_trailing_dot { without_trailing_dot(authority) } else { authority.to_owned() };
        let (host, port) = split_port(&authority);
        let strip = match (self.port, port.and_then(|port| port.parse::<u16>().ok())) {
            (_, None) | (StrippedPort::None, _) => false,
            (StrippedPort::Any, Some(_)) => method != "CONNECT",
            (StrippedPort::Matching, Some(port)) => Some(port) == local_port,
        };
        if strip { host.to_owned() } else { authority }
    }

    /// The path as routes see it.
    pub(crate) fn path(&self, path: &str) -> Normal {
        if path.contains('#') {
            return Normal::Refused { path: path.to_owned(), reason: "the path has a fragment".into() };
        }
        let (mut before, query) = match path.find('?') {
            Some(end) => (path.get(..end).unwrap_or_default().to_owned(), path.get(end..).unwrap_or_default()),
            None => (path.to_owned(), ""),
        };
        let mut redirected = false;
        let unescaped = unescape_slashes(&before);
        if unescaped != before {
            match self.escaped_slashes {
                PathWithEscapedSlashesAction::RejectRequest => {
                    let reason = "the path has escaped slashes, and the connection manager rejects them".into();
                    return Normal::Refused { path: unescaped + query, reason };
                }
                PathWithEscapedSlashesAction::UnescapeAndRedirect => (before, redirected) = (unescaped, true),
                PathWithEscapedSlashesAction::UnescapeAndForward => before = unescaped,
                PathWithEscapedSlashesAction::ImplementationSpecificDefault
                | PathWithEscapedSlashesAction::KeepUnchanged => {}
            }
        }
        if self.normalize_path {
            match without_dots(&before) {
                Some(normal) => before = normal,
                None => {
                    return Normal::Refused { path: before + query, reason: "the path cannot be normalized".into() };
                }
            }
        }
        if self.merge_slashes {
            before = with_single_slashes(&before);
        }
        let path = before + query;
        if redirected { Normal::Redirect(path) } else { Normal::Path(path) }
    }
}

fn without_trailing_dot(authority: &str) -> String {
    let (host, port) = split_port(authority);
    let host = host.strip_suffix('.').unwrap_or(host);
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Host and port of an authority; brackets of an IPv6 address stay with the host.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((_, port)) if port.contains(']') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

fn unescape_slashes(path: &str) -> String {
    ["%2F", "%2f"]
        .iter()
        .fold(path.to_owned(), |path, escaped| path.replace(escaped, "/"))
        .replace("%5C", "\\")
        .replace("%5c", "\\")
}

/// A path of nothing but slashes keeps two: one that begins it, and one that ends it.
fn with_single_slashes(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let end = |there: bool| if there { "/" } else { "" };
    format!("{}{}{}", end(path.starts_with('/')), segments.join("/"), end(path.ends_with('/')))
}

/// The path with backslashes turned, escapes of unreserved characters taken back, and `.` and `..` resolved; `None` when it
/// is no absolute path, or has a NUL.
fn without_dots(path: &str) -> Option<String> {
    let path = unescape_unreserved(&path.replace('\\', "/"));
    let rest = path.strip_prefix('/')?;
    if rest.contains("%00") {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in rest.split('/') {
        // A dot segment at the end leaves its slash.
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if matches!(rest.rsplit('/').next(), Some("." | "..")) {
        segments.push("");
    }
    Some(format!("/{}", segments.join("/")))
}

fn unescape_unreserved(path: &str) -> String {
    let mut unescaped = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        unescaped.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        match code {
            Some(code) if code.is_ascii_alphanumeric() || "-._~".contains(code) => {
                unescaped.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                unescaped.push('%');
                rest = after;
            }
        }
    }
    unescaped + rest
}
