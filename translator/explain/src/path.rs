//! The path of a route: what it must be, and what of it a rewrite replaces.

use std::borrow::Cow;

use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;

use crate::manager::Seen;
use crate::rules::Rules;
use crate::text::{Findings, Pattern};
use crate::verdict::Verdict;

/// A path without query and fragment.
pub(crate) fn without_query(path: &str) -> &str {
    path.find(['?', '#']).and_then(|end| path.get(..end)).unwrap_or(path)
}

/// What a route demands of the path.
#[derive(Debug, Clone)]
pub(crate) struct PathTest {
    kind: Kind,
    ignore_case: bool,
    ignore_parameters: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Prefix(String),
    Segments(String),
    Exact(String),
    Pattern(Pattern),
    Connect,
    Unknown(String),
}

impl PathTest {
    pub(crate) fn new(
        message: Option<&PathSpecifier>,
        ignore_case: bool,
        ignore_parameters: bool,
        findings: &mut Findings<'_>,
    ) -> PathTest {
        let kind = match message {
            Some(PathSpecifier::Prefix(prefix)) => Kind::Prefix(prefix.clone()),
            Some(PathSpecifier::PathSeparatedPrefix(prefix)) => Kind::Segments(prefix.clone()),
            Some(PathSpecifier::Path(path)) => Kind::Exact(path.clone()),
            Some(PathSpecifier::SafeRegex(regex)) => Kind::Pattern(Pattern::whole(&regex.regex, findings)),
            Some(PathSpecifier::ConnectMatcher(_)) => Kind::Connect,
            Some(PathSpecifier::PathMatchPolicy(policy)) => {
                Kind::Unknown(format!("it uses the path match policy {:?}, which is not evaluated", policy.name))
            }
            None => Kind::Unknown("it has no path specifier: Envoy refuses such a route".into()),
        };
        PathTest { kind, ignore_case, ignore_parameters }
    }

    pub(crate) fn verdict(&self, seen: &Seen) -> Verdict {
        let (method, path) = (&seen.method, &seen.path);
        if let Kind::Connect = self.kind {
            return Verdict::unless(method == "CONNECT", || format!("the method {method} is not CONNECT"));
        }
        if path.is_empty() {
            return Verdict::Fails("the request has no path".into());
        }
        let whole = self.compared(path, seen.rules);
        let whole = whole.as_ref();
        let starts = |prefix: &str| {
            whole.get(..prefix.len()).is_some_and(|start| {
                if self.ignore_case { start.eq_ignore_ascii_case(prefix) } else { start == prefix }
            })
        };
        match &self.kind {
            Kind::Prefix(prefix) => {
                Verdict::unless(starts(prefix), || format!("the path {whole:?} does not start with {prefix:?}"))
            }
            Kind::Segments(prefix) => {
                let ends = whole.len() == prefix.len() || whole.as_bytes().get(prefix.len()) == Some(&b'/');
                Verdict::unless(starts(prefix) && ends, || {
                    format!("the path {whole:?} is neither {prefix:?} nor below it")
                })
            }
            Kind::Exact(exact) => Verdict::unless(whole.len() == exact.len() && starts(exact), || {
                format!("the path {whole:?} is not {exact:?}")
            }),
            Kind::Pattern(pattern) => match pattern.verdict(whole) {
                Verdict::Fails(reason) => Verdict::Fails(format!("the path {whole:?} {reason}")),
                other => other,
            },
            Kind::Connect => Verdict::Holds,
            Kind::Unknown(reason) => Verdict::Unknown(reason.clone()),
        }
    }

    /// The path as it is compared, perhaps without parameters (`;p=1`).
    fn compared<'p>(&self, path: &'p str, rules: Rules) -> Cow<'p, str> {
        let path = without_query(path);
        if !self.ignore_parameters || !path.contains(';') {
            return Cow::Borrowed(path);
        }
        if rules == Rules::Envoy1_36 {
            return Cow::Borrowed(path.split(';').next().unwrap_or_default());
        }
        let segments = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
        Cow::Owned(segments.collect::<Vec<_>>().join("/"))
    }

    /// How many bytes of a path that passed a prefix rewrite replaces; `None` when it replaces nothing, because the path only
    /// passed without its parameters.
    pub(crate) fn matched_bytes(&self, path: &str) -> Option<usize> {
        match &self.kind {
            Kind::Prefix(prefix) | Kind::Segments(prefix) | Kind::Exact(prefix) => {
                let start = path.get(..prefix.len())?;
                let same = if self.ignore_case { start.eq_ignore_ascii_case(prefix) } else { start == prefix };
                same.then_some(prefix.len())
            }
            Kind::Pattern(_) | Kind::Connect | Kind::Unknown(_) => Some(without_query(path).len()),
        }
    }
}

/// The path with its first bytes replaced, if any are.
pub(crate) fn with_prefix(path: &str, matched_bytes: Option<usize>, prefix: &str) -> String {
    match matched_bytes {
        Some(bytes) => format!("{prefix}{}", path.get(bytes..).unwrap_or_default()),
        None => path.to_owned(),
    }
}
