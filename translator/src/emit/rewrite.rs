//! New paths for old ones, in requests and in redirects.

use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatchAndSubstitute;

use super::values;
use crate::ir::RewritePath;

/// How Envoy is told of a new path.
#[derive(Debug, PartialEq)]
pub(super) enum PathRewrite {
    /// This in place of the prefix that matched.
    Prefix(String),
    /// This in place of what the expression describes.
    Regex(RegexMatchAndSubstitute),
}

/// What a request's path becomes; `None` when it stays.
pub(super) fn of_request(path: &RewritePath) -> Option<PathRewrite> {
    match path {
        RewritePath::Full(path) => {
            let path = if path.is_empty() { "/" } else { path };
            Some(substitute("^/.*$".to_owned(), path))
        }
        RewritePath::Prefix { matched, replacement } => of_prefix(matched, replacement),
    }
}

/// What stands in place of a prefix. Neither side's slash at the end counts, and no two slashes come together:
///
/// | prefix | in its place | `/foo` | `/foo/bar` |
/// |---|---|---|---|
/// | `/foo` | `/xyz` or `/xyz/` | `/xyz` | `/xyz/bar` |
/// | `/foo` | `/` or nothing | `/` | `/bar` |
/// | `/` | `/xyz` | `/xyz/foo` | `/xyz/foo/bar` |
pub(super) fn of_prefix(matched: &str, replacement: &str) -> Option<PathRewrite> {
    let (matched, replacement) = (matched.trim_end_matches('/'), replacement.trim_end_matches('/'));
    match (matched, replacement) {
        ("", "") => None,
        ("", replacement) => Some(PathRewrite::Prefix(format!("{replacement}/"))),
        (matched, "") => Some(substitute(format!("^{}/*", regex::escape(matched)), "/")),
        (_, replacement) => Some(PathRewrite::Prefix(replacement.to_owned())),
    }
}

fn substitute(pattern: String, replacement: &str) -> PathRewrite {
    PathRewrite::Regex(RegexMatchAndSubstitute {
        pattern: Some(values::regex(pattern)),
        // A backslash would refer to a group.
        substitution: replacement.replace('\\', r"\\"),
    })
}
