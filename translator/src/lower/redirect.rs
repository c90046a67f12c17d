//! What depends on the listener and on what matched: redirects, and rewrites of the path.

use crate::api::{self, PathModifier, PathModifierType};
use crate::ir::{PathMatch, Redirect, RedirectPath, Rewrite, RewriteHost, RewritePath};

/// How a listener is reached, as its specification says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entrance {
    pub(crate) scheme: &'static str,
    pub(crate) port: u16,
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// A redirect of a request that came in here and matched this path. The port is the one that is given; else the scheme's, if
/// a scheme is given; else the listener's. The resulting scheme's own port is not shown.
pub(crate) fn redirect(written: &api::Redirect, entrance: Entrance, path: &PathMatch) -> Redirect {
    let scheme = written.scheme.as_deref().unwrap_or(entrance.scheme);
    let given = written.port.and_then(|port| u16::try_from(port).ok());
    let port = match (given, &written.scheme) {
        (Some(port), _) => port,
        (None, Some(scheme)) => default_port(scheme),
        (None, None) => entrance.port,
    };
    Redirect {
        scheme: written.scheme.clone(),
        host: written.hostname.clone().filter(|host| !host.is_empty()),
        port: (port != default_port(scheme)).then_some(port),
        path: written.path.as_ref().and_then(|modifier| match replacement(modifier)? {
            Replacement::Full(path) => Some(RedirectPath::Full(path)),
            Replacement::Prefix(replacement) => Some(RedirectPath::Prefix { matched: matched(path)?, replacement }),
        }),
        status: u16::try_from(written.status_code).unwrap_or(302),
    }
}

/// What the backend sees instead.
pub(crate) fn rewrite(written: &api::UrlRewrite, path: &PathMatch) -> Rewrite {
    Rewrite {
        host: written.hostname.clone().filter(|host| !host.is_empty()).map(RewriteHost::Literal),
        path: written.path.as_ref().and_then(|modifier| match replacement(modifier)? {
            Replacement::Full(path) => Some(RewritePath::Full(path)),
            Replacement::Prefix(replacement) => Some(RewritePath::Prefix { matched: matched(path)?, replacement }),
        }),
    }
}

/// Whether a path modifier replaces the prefix that matched; then there must be one.
pub(crate) fn needs_prefix(modifier: Option<&PathModifier>) -> bool {
    modifier.is_some_and(|modifier| modifier.kind == PathModifierType::ReplacePrefixMatch)
}

/// Whether this is a match of a prefix.
pub(crate) fn has_prefix(path: &PathMatch) -> bool {
    matched(path).is_some()
}

enum Replacement {
    Full(String),
    Prefix(String),
}

fn replacement(modifier: &PathModifier) -> Option<Replacement> {
    match &modifier.kind {
        PathModifierType::ReplaceFullPath => modifier.replace_full_path.clone().map(Replacement::Full),
        PathModifierType::ReplacePrefixMatch => modifier.replace_prefix_match.clone().map(Replacement::Prefix),
        PathModifierType::Other(_) => None,
    }
}

fn matched(path: &PathMatch) -> Option<String> {
    match path {
        PathMatch::Any => Some("/".to_owned()),
        PathMatch::Prefix(prefix) => Some(prefix.clone()),
        PathMatch::Exact(_) | PathMatch::Regex(_) => None,
    }
}
