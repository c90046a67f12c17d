//! Where clients are sent.

use envoy_types::pb::envoy::config::route::v3::{RedirectAction, redirect_action};

use super::rewrite::{self, PathRewrite};
use crate::ir::{Redirect, RedirectPath};

pub(super) fn message(redirect: &Redirect) -> RedirectAction {
    use redirect_action::{PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier};
    let status = match redirect.status {
        301 => RedirectResponseCode::MovedPermanently,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        _ => RedirectResponseCode::Found,
    };
    let path = redirect.path.as_ref().and_then(|path| match path {
        RedirectPath::Full(path) if path.is_empty() => Some(PathRewriteSpecifier::PathRedirect("/".to_owned())),
        RedirectPath::Full(path) => Some(PathRewriteSpecifier::PathRedirect(path.clone())),
        RedirectPath::Prefix { matched, replacement } => match rewrite::of_prefix(matched, replacement)? {
            PathRewrite::Prefix(prefix) => Some(PathRewriteSpecifier::PrefixRewrite(prefix)),
            PathRewrite::Regex(substitution) => Some(PathRewriteSpecifier::RegexRewrite(substitution)),
        },
    });
    RedirectAction {
        host_redirect: redirect.host.clone().unwrap_or_default(),
        port_redirect: redirect.port.unwrap_or_default().into(),
        response_code: status.into(),
        scheme_rewrite_specifier: redirect.scheme.clone().map(SchemeRewriteSpecifier::SchemeRedirect),
        path_rewrite_specifier: path,
        ..RedirectAction::default()
    }
}
