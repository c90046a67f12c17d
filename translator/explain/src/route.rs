//! One route: whom it takes, and what it changes.

use envoy_types::pb::envoy::config::route::v3::{Route as Message, RouteMatch};

use crate::action::Action;
use crate::condition::{CookieTest, Fraction, HeaderTest, QueryTest};
use crate::headers::{BothWays, Level, LevelChanges};
use crate::manager::Seen;
use crate::path::PathTest;
use crate::request::ClientCertificate;
use crate::text::Findings;
use crate::verdict::{Verdict, all};

/// A route, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) action: Action,
    pub(crate) headers: BothWays,
    pub(crate) overridden_filters: Vec<String>,
    pub(crate) path: PathTest,
    conditions: Conditions,
}

#[derive(Debug, Clone, Default)]
struct Conditions {
    fraction: Option<Fraction>,
    runtime_key: Option<String>,
    grpc: bool,
    headers: Vec<HeaderTest>,
    queries: Vec<QueryTest>,
    cookies: Vec<CookieTest>,
    presented: Option<bool>,
    validated: Option<bool>,
    unknown: Vec<String>,
}

impl Route {
    pub(crate) fn new(message: &Message, ignore_parameters: bool, findings: &mut Findings<'_>) -> Route {
        let empty = RouteMatch::default();
        let matched = message.r#match.as_ref().unwrap_or(&empty);
        let ignore_case = matched.case_sensitive.as_ref().is_some_and(|sensitive| !sensitive.value);
        Route {
            name: message.name.clone(),
            action: Action::new(message.action.as_ref(), findings),
            headers: BothWays {
                request: LevelChanges::new(
                    Level::Route,
                    &message.request_headers_to_add,
                    &message.request_headers_to_remove,
                ),
                response: LevelChanges::new(
                    Level::Route,
                    &message.response_headers_to_add,
                    &message.response_headers_to_remove,
                ),
            },
            overridden_filters: message.typed_per_filter_config.keys().cloned().collect(),
            path: PathTest::new(matched.path_specifier.as_ref(), ignore_case, ignore_parameters, findings),
            conditions: Conditions::new(matched, !message.route_specifiers.is_empty(), findings),
        }
    }

    /// Whether it takes the request.
    pub(crate) fn verdict(&self, seen: &Seen) -> Verdict {
        match self.path.verdict(seen) {
            Verdict::Fails(reason) => Verdict::Fails(reason),
            path => all([path, self.conditions.verdict(seen)]),
        }
    }

    /// The runtime key that could change whom it takes.
    pub(crate) fn runtime_key(&self) -> Option<&str> {
        self.conditions.runtime_key.as_deref()
    }
}

impl Conditions {
    fn new(message: &RouteMatch, has_specifiers: bool, findings: &mut Findings<'_>) -> Conditions {
        let fraction = message.runtime_fraction.as_ref();
        let tls = message.tls_context.as_ref();
        let mut unknown = Vec::new();
        if !message.dynamic_metadata.is_empty() {
            unknown.push("it asks for dynamic metadata, which is not evaluated".to_owned());
        }
        if !message.filter_state.is_empty() {
            unknown.push("it asks for filter state, which is not evaluated".to_owned());
        }
        if has_specifiers {
            unknown.push("it uses route_specifiers, which are not evaluated".to_owned());
        }
        Conditions {
            fraction: fraction.map(Fraction::new),
            runtime_key: fraction.map(|fraction| fraction.runtime_key.clone()).filter(|key| !key.is_empty()),
            grpc: message.grpc.is_some(),
            headers: message.headers.iter().map(|header| HeaderTest::new(header, findings)).collect(),
            queries: message.query_parameters.iter().map(|query| QueryTest::new(query, findings)).collect(),
            cookies: message.cookies.iter().map(|cookie| CookieTest::new(cookie, findings)).collect(),
            presented: tls.and_then(|tls| tls.presented.as_ref()).map(|wanted| wanted.value),
            validated: tls.and_then(|tls| tls.validated.as_ref()).map(|wanted| wanted.value),
            unknown,
        }
    }

    fn verdict(&self, seen: &Seen) -> Verdict {
        let fraction = self.fraction.iter().map(|fraction| fraction.verdict(seen.random));
        let grpc = self.grpc.then(|| grpc(seen)).into_iter();
        let headers = self.headers.iter().map(|test| test.verdict(seen));
        let queries = self.queries.iter().map(|test| test.verdict(seen));
        let cookies = self.cookies.iter().map(|test| test.verdict(seen));
        let shown = seen.client_certificate;
        let presented = certificate(self.presented, shown != ClientCertificate::None, "presented");
        let validated = certificate(self.validated, shown == ClientCertificate::Validated, "validated");
        let unknown = self.unknown.iter().map(|reason| Verdict::Unknown(reason.clone()));
        let all_of_them = fraction.chain(grpc).chain(headers).chain(queries).chain(cookies);
        all(all_of_them.chain(presented).chain(validated).chain(unknown))
    }
}

fn grpc(seen: &Seen) -> Verdict {
    Verdict::unless(seen.is_grpc(), || "the content type is not gRPC's".into())
}

fn certificate(wanted: Option<bool>, is: bool, what: &'static str) -> Option<Verdict> {
    let wanted = wanted?;
    let reason = move || format!("a client certificate must {}be {what}", if wanted { "" } else { "not " });
    Some(Verdict::unless(wanted == is, reason))
}
