//! An HTTP connection manager: what it makes of a request before routes see it, and where its routes are.

use std::collections::BTreeMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::scheme_header_transformation::Transformation;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;

use crate::explanation::{Explanation, Filter, Outcome};
use crate::normal::{Normal, Normalization};
use crate::request::{ClientCertificate, Request, Transport};
use crate::rules::Rules;
use crate::scopes::{KeyBuilder, Scopes};
use crate::table::Table;
use crate::text::Findings;
use crate::upstream::Clusters;

/// Headers that Envoy writes by itself, or removes, before it looks for a route.
const WRITTEN_BEFORE: [&str; 4] = ["x-request-id", "x-forwarded-for", "x-forwarded-client-cert", "via"];

/// A request as routes see it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) scheme: String,
    /// The scheme of the request as the client sent it: `x-forwarded-proto`.
    pub(crate) forwarded_scheme: String,
    headers: Vec<(String, String)>,
    pub(crate) random: u64,
    pub(crate) rules: Rules,
    pub(crate) client_certificate: ClientCertificate,
}

impl Seen {
    /// All values of a header, with commas between; pseudo-headers among them.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        match name {
            ":method" => return Some(self.method.clone()),
            ":path" => return Some(self.path.clone()).filter(|path| !path.is_empty()),
            ":authority" | "host" => return Some(self.authority.clone()),
            ":scheme" => return Some(self.scheme.clone()).filter(|scheme| !scheme.is_empty()),
            "x-forwarded-proto" => return Some(self.forwarded_scheme.clone()),
            _ => {}
        }
        let values: Vec<&str> = self.values(name).collect();
        if values.is_empty() { None } else { Some(values.join(",")) }
    }

    /// The values of a header that are compared one by one; pseudo-headers have one.
    pub(crate) fn compared_values(&self, name: &str) -> Vec<String> {
        if self.rules == Rules::Envoy1_36 {
            return self.header(name).into_iter().collect();
        }
        let values: Vec<String> = self.values(name).map(str::to_owned).collect();
        if values.is_empty() { self.header(name).into_iter().collect() } else { values }
    }

    /// The first value of a header; pseudo-headers have one.
    pub(crate) fn first_header(&self, name: &str) -> Option<String> {
        let first = self.values(name).next().map(str::to_owned);
        first.or_else(|| self.header(name))
    }

    /// Whether it is a gRPC request.
    pub(crate) fn is_grpc(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        kind.strip_prefix("application/grpc").is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    }

    /// The value of a header that is there once.
    pub(crate) fn single_header(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first cookie of a name.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let pairs = self.values("cookie").flat_map(|cookies| cookies.split(';'));
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"').to_owned())
    }

    /// Whether Envoy writes this header before it looks for a route, so that what the client sent is not what counts.
    pub(crate) fn written_before(name: &str) -> bool {
        WRITTEN_BEFORE.contains(&name) || name.starts_with("x-envoy-")
    }
}

/// What a connection manager needs to know beside the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    /// The route configurations there are, by name.
    pub(crate) tables: &'a BTreeMap<String, Table>,
    pub(crate) scopes: &'a Scopes,
    pub(crate) clusters: &'a Clusters,
    pub(crate) local_port: Option<u16>,
    pub(crate) rules: Rules,
}

/// Where a connection manager finds its routes.
#[derive(Debug, Clone)]
pub(crate) enum Routes {
    Inline(Arc<Table>),
    Named(String),
    Scoped(KeyBuilder),
    Unknown(String),
}

/// A connection manager, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    pub(crate) routes: Routes,
    normalization: Normalization,
    scheme: Option<String>,
    trusts_forwarded_scheme: bool,
    filters: Vec<String>,
    upgrades: bool,
}

impl Manager {
    pub(crate) fn new(message: &HttpConnectionManager, findings: &mut Findings<'_>) -> Manager {
        let routes = match &message.route_specifier {
            Some(RouteSpecifier::RouteConfig(table)) => Routes::Inline(Arc::new(Table::new(table, &[], findings))),
            Some(RouteSpecifier::Rds(rds)) => Routes::Named(rds.route_config_name.clone()),
            Some(RouteSpecifier::ScopedRoutes(scoped)) => match KeyBuilder::new(message, scoped) {
                Some(builder) => Routes::Scoped(builder),
                None => Routes::Unknown("the scope of a request is found in a way that is not evaluated".into()),
            },
            None => Routes::Unknown("the connection manager has no routes: Envoy refuses it".into()),
        };
        let transformation = message.scheme_header_transformation.as_ref();
        let scheme = transformation.and_then(|scheme| scheme.transformation.as_ref());
        let edge = message.use_remote_address.as_ref().is_some_and(|edge| edge.value);
        let is_router = |config: &Option<ConfigType>| match config {
            Some(ConfigType::TypedConfig(any)) => {
                any.type_url.ends_with("envoy.extensions.filters.http.router.v3.Router")
            }
            _ => false,
        };
        let filters = message.http_filters.iter();
        let filters = filters.filter(|filter| !is_router(&filter.config_type)).map(|filter| filter.name.clone());
        Manager {
            routes,
            normalization: Normalization::new(message),
            scheme: scheme.map(|Transformation::SchemeToOverwrite(scheme)| scheme.clone()),
            trusts_forwarded_scheme: !edge || message.xff_num_trusted_hops > 0,
            filters: filters.collect(),
            upgrades: !message.upgrade_configs.is_empty(),
        }
    }

    /// What becomes of a request that has come to this connection manager.
    pub(crate) fn explain(&self, request: &Request, around: &Around<'_>, mut explanation: Explanation) -> Explanation {
        let no_overrides = |name: &String| Filter { name: name.clone(), overridden_by: Vec::new() };
        explanation.filters = self.filters.iter().map(no_overrides).collect();
        if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("upgrade")) {
            let whether = if self.upgrades { "only some upgrades are" } else { "no upgrade is" };
            explanation
                .notes
                .push(format!("the request asks for an upgrade, and {whether} allowed; that is not evaluated"));
        }
        let mut seen = self.seen(request, around);
        explanation.is_grpc = seen.is_grpc();
        if request.method != "CONNECT" {
            let (path, early) = match self.normalization.path(&request.path) {
                Normal::Path(path) if path.starts_with('/') => (path, None),
                Normal::Path(path) => {
                    let reason = format!("the path {path:?} does not start with /");
                    (path, Some(Outcome::Answered { status: 404, location: None, reason }))
                }
                Normal::Refused { path, reason } => {
                    (path, Some(Outcome::Answered { status: 400, location: None, reason }))
                }
                Normal::Redirect(path) => {
                    let reason = format!("escaped slashes were unescaped: {path:?}");
                    let location = Some(path.clone()).filter(|_| !seen.is_grpc());
                    (path, Some(Outcome::Answered { status: 307, location, reason }))
                }
            };
            seen.path = path;
            if let Some(outcome) = early {
                return self.answered_early(request, &seen, around, explanation).ending(outcome);
            }
        }
        self.routed(&seen, around, explanation)
    }

    /// An answer given before a route is looked for has the response headers of the route that would have forwarded, if the
    /// client says the scheme by itself: Envoy has not yet, and finds no route without. The authority is still as it came,
    /// and `:scheme` is not there.
    fn answered_early(
        &self,
        request: &Request,
        seen: &Seen,
        around: &Around<'_>,
        mut explanation: Explanation,
    ) -> Explanation {
        let Some(forwarded_scheme) = seen.values("x-forwarded-proto").next().map(str::to_owned) else {
            return explanation;
        };
        let seen =
            Seen { forwarded_scheme, scheme: String::new(), authority: request.authority.clone(), ..seen.clone() };
        let routed = self.routed(&seen, around, Explanation::beginning());
        if let Outcome::Forwarded(_) = routed.outcome {
            explanation.response_headers = routed.response_headers;
        }
        explanation
    }

    fn routed(&self, seen: &Seen, around: &Around<'_>, mut explanation: Explanation) -> Explanation {
        let named = match &self.routes {
            Routes::Inline(table) => return table.explain(seen, around.clusters, explanation),
            Routes::Unknown(reason) => {
                return explanation.ending(Outcome::Undetermined { reason: reason.clone() });
            }
            Routes::Named(name) => Some(name.as_str()),
            Routes::Scoped(builder) => builder.key(seen).and_then(|key| around.scopes.find(&key)),
        };
        let Some(name) = named else {
            let reason = "no scope is there for the request".to_owned();
            return explanation.ending(Outcome::Answered { status: 404, location: None, reason });
        };
        if let Some(table) = around.tables.get(name) {
            return table.explain(seen, around.clusters, explanation);
        }
        let reason = format!("the route configuration {name:?} is not among the resources");
        explanation.route_configuration = Some(name.to_owned());
        explanation.ending(Outcome::Undetermined { reason })
    }

    fn seen(&self, request: &Request, around: &Around<'_>) -> Seen {
        let headers = request.headers.iter();
        // White space around values does not survive HTTP/1.1.
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let headers: Vec<(String, String)> = headers.filter(|(name, _)| name != "host").collect();
        let own = if request.transport.is_tls() { "https" } else { "http" };
        let forwarded = headers.iter().find(|(name, _)| name == "x-forwarded-proto");
        let forwarded = forwarded.map(|(_, value)| value.as_str()).filter(|_| self.trusts_forwarded_scheme);
        let forwarded_scheme = forwarded.unwrap_or(own).to_owned();
        let valid = matches!(forwarded_scheme.as_str(), "http" | "https");
        let scheme = if valid { forwarded_scheme.clone() } else { own.to_owned() };
        Seen {
            method: request.method.clone(),
            authority: self.normalization.authority(&request.method, &request.authority, around.local_port),
            path: if request.method == "CONNECT" { String::new() } else { request.path.clone() },
            scheme: self.scheme.clone().unwrap_or(scheme),
            forwarded_scheme,
            headers,
            random: request.random,
            rules: around.rules,
            client_certificate: match &request.transport {
                Transport::Tls { client_certificate, .. } => *client_certificate,
                Transport::Plaintext => ClientCertificate::None,
            },
        }
    }
}
