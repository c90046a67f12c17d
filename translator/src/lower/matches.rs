//! Which requests a match means, and before which others it is tried.

use std::cmp::Reverse;

use regex::Regex;

use crate::api::{HttpMatch, PathMatchType, ValueMatchType};
use crate::ir::{Match, PathMatch, TextMatch, ValueMatch};

/// The order in which the matches of a host are tried, as the specification lays it down: exact paths, regular expressions
/// (which it leaves open; long ones first), prefixes (long ones first), then a method, many headers, many parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    path: (u8, Reverse<usize>),
    no_method: bool,
    headers: Reverse<usize>,
    query: Reverse<usize>,
    inexact: usize,
}

/// How the kind of a path match is ranked.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum PathRank {
    Exact = 0,
    Regex = 1,
    Prefix = 2,
    /// Any service, one method.
    Suffix = 3,
    Any = 4,
}

impl Rank {
    pub(crate) fn new(path: PathRank, length: usize, matches: &Match) -> Rank {
        let inexact =
            |values: &[ValueMatch]| values.iter().filter(|one| matches!(one.value, TextMatch::Regex(_))).count();
        let length = if matches!(path, PathRank::Exact) { 0 } else { length };
        Rank {
            path: (path as u8, Reverse(length)),
            no_method: matches.method.is_none(),
            headers: Reverse(matches.headers.len()),
            query: Reverse(matches.query.len()),
            inexact: inexact(&matches.headers) + inexact(&matches.query),
        }
    }
}

/// What a match of an HTTPRoute means. `Err`: where in it, and what is wrong.
pub(crate) fn http(written: &HttpMatch) -> Result<(Match, Rank), (String, String)> {
    let default = crate::api::PathMatch::default();
    let path = written.path.as_ref().unwrap_or(&default);
    let (rank, length, path) = match &path.kind {
        PathMatchType::Exact => {
            check_path(&path.value)?;
            (PathRank::Exact, path.value.len(), PathMatch::Exact(path.value.clone()))
        }
        PathMatchType::PathPrefix => {
            check_path(&path.value)?;
            let trimmed = path.value.trim_end_matches('/');
            match trimmed.is_empty() {
                true => (PathRank::Any, 1, PathMatch::Any),
                false => (PathRank::Prefix, trimmed.len(), PathMatch::Prefix(trimmed.to_owned())),
            }
        }
        PathMatchType::RegularExpression => {
            check_regex(&path.value).map_err(|fault| ("path.value".to_owned(), fault))?;
            (PathRank::Regex, path.value.len(), PathMatch::Regex(path.value.clone()))
        }
        PathMatchType::Other(other) => {
            let message = format!("{other} is not one of {}", PathMatchType::KNOWN.join(", "));
            return Err(("path.type".to_owned(), message));
        }
    };
    let method = written.method.clone();
    if let Some(method) = method.as_ref().filter(|method| !is_token(method)) {
        return Err(("method".to_owned(), format!("{method:?} is not a method")));
    }
    let headers = values(&written.headers, "headers", str::eq_ignore_ascii_case, true)?;
    let query = values(&written.query_params, "queryParams", |a, b| a == b, false)?;
    let matches = Match { path, method, headers, query, grpc: false };
    let rank = Rank::new(rank, length, &matches);
    Ok((matches, rank))
}

fn check_path(path: &str) -> Result<(), (String, String)> {
    match path.starts_with('/') {
        true => Ok(()),
        false => Err(("path.value".to_owned(), format!("{path:?} must begin with a slash"))),
    }
}

pub(crate) fn check_regex(expression: &str) -> Result<(), String> {
    Regex::new(expression).map(drop).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("{expression:?} is not a regular expression: {reason}")
    })
}

/// The values of headers or parameters; of several for one name the first counts.
pub(crate) fn values(
    written: &[crate::api::ValueMatch],
    field: &str,
    same: fn(&str, &str) -> bool,
    names_are_tokens: bool,
) -> Result<Vec<ValueMatch>, (String, String)> {
    let mut found: Vec<ValueMatch> = Vec::with_capacity(written.len());
    for (index, one) in written.iter().enumerate() {
        let wrong = |what: &str, message: String| Err((format!("{field}[{index}].{what}"), message));
        if one.name.is_empty() || (names_are_tokens && !is_token(&one.name)) {
            return wrong("name", format!("{:?} is not a name", one.name));
        }
        if found.iter().any(|known| same(&known.name, &one.name)) {
            continue;
        }
        let value = match &one.kind {
            ValueMatchType::Exact => TextMatch::Exact(one.value.clone()),
            ValueMatchType::RegularExpression => match check_regex(&one.value) {
                Ok(()) => TextMatch::Regex(one.value.clone()),
                Err(fault) => return wrong("value", fault),
            },
            ValueMatchType::Other(other) => {
                return wrong("type", format!("{other} is not one of {}", ValueMatchType::KNOWN.join(", ")));
            }
        };
        found.push(ValueMatch { name: one.name.clone(), value });
    }
    Ok(found)
}

/// Whether this can be the name of a header or method.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
