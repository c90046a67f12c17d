//! Where a redirect leads.

use envoy_types::pb::envoy::config::route::v3::RedirectAction;
use envoy_types::pb::envoy::config::route::v3::redirect_action::{
    PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier,
};

use crate::manager::Seen;
use crate::normal::split_port;
use crate::path::{with_prefix, without_query};
use crate::text::{Findings, Substitution};

/// A redirect, ready to be worked out.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    status: u16,
    scheme: Option<String>,
    host: String,
    port: u32,
    path: NewPath,
    strip_query: bool,
}

#[derive(Debug, Clone)]
enum NewPath {
    Same,
    Whole(String),
    Prefix(String),
    Substituted(Substitution),
    Unknown(String),
}

impl Redirect {
    pub(crate) fn new(message: &RedirectAction, findings: &mut Findings<'_>) -> Redirect {
        let status = match RedirectResponseCode::try_from(message.response_code) {
            Ok(RedirectResponseCode::Found) => 302,
            Ok(RedirectResponseCode::SeeOther) => 303,
            Ok(RedirectResponseCode::TemporaryRedirect) => 307,
            Ok(RedirectResponseCode::PermanentRedirect) => 308,
            Ok(RedirectResponseCode::MovedPermanently) | Err(_) => 301,
        };
        let scheme = match &message.scheme_rewrite_specifier {
            Some(SchemeRewriteSpecifier::SchemeRedirect(scheme)) if !scheme.is_empty() => Some(scheme.clone()),
            Some(SchemeRewriteSpecifier::HttpsRedirect(true)) => Some("https".to_owned()),
            _ => None,
        };
        let path = match &message.path_rewrite_specifier {
            Some(PathRewriteSpecifier::PathRedirect(path)) if !path.is_empty() => NewPath::Whole(path.clone()),
            Some(PathRewriteSpecifier::PrefixRewrite(prefix)) if !prefix.is_empty() => NewPath::Prefix(prefix.clone()),
            Some(PathRewriteSpecifier::RegexRewrite(regex)) => NewPath::Substituted(Substitution::new(regex, findings)),
            Some(PathRewriteSpecifier::PathRewrite(format)) if !format.is_empty() => {
                NewPath::Unknown(format!("the redirect's path_rewrite {format:?} is not evaluated"))
            }
            _ => NewPath::Same,
        };
        let (host, port) = (message.host_redirect.clone(), message.port_redirect);
        Redirect { status, scheme, host, port, path, strip_query: message.strip_query }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The location, or why it is not known. `matched_bytes`: how much of the path a prefix rewrite replaces.
    pub(crate) fn location(&self, seen: &Seen, matched_bytes: Option<usize>) -> Result<String, String> {
        let scheme = self.scheme.as_deref().unwrap_or(&seen.scheme);
        let port = if self.port == 0 { String::new() } else { format!(":{}", self.port) };
        let host = if self.host.is_empty() { self.kept_host(seen, scheme) } else { &self.host };
        let query = seen.path.get(without_query(&seen.path).len()..).unwrap_or_default();
        let mut own_query = false;
        let mut path = match &self.path {
            NewPath::Same => seen.path.clone(),
            NewPath::Whole(path) => {
                own_query = path.contains('?');
                if own_query { path.clone() } else { format!("{path}{query}") }
            }
            NewPath::Prefix(prefix) => with_prefix(&seen.path, matched_bytes, prefix),
            NewPath::Substituted(by) => format!("{}{query}", by.replaced(without_query(&seen.path))?),
            NewPath::Unknown(reason) => return Err(reason.clone()),
        };
        if self.strip_query && !own_query {
            path.truncate(path.find('?').unwrap_or(path.len()));
        }
        Ok(format!("{scheme}://{host}{port}{path}"))
    }

    /// The request's host: without its port when the redirect brings one, or when it is the default of a scheme left behind.
    fn kept_host<'s>(&self, seen: &'s Seen, scheme: &str) -> &'s str {
        let (host, port) = split_port(&seen.authority);
        let old = seen.forwarded_scheme.as_str();
        let default_left = scheme != old && matches!((old, port), ("https", Some("443")) | ("http", Some("80")));
        if port.is_some() && (self.port != 0 || default_left) { host } else { &seen.authority }
    }
}
