//! Which requests a route means.

use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, QueryParameterMatcher, RouteMatch, header_matcher, query_parameter_matcher, route_match,
};
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;

use super::values;
use crate::ir::{Match, PathMatch, Share, ValueMatch};

pub(super) fn message(matches: &Match, share: Option<Share>) -> RouteMatch {
    let method = matches.method.iter().map(|method| header(":method", values::exact(method)));
    let headers = matches.headers.iter().map(|one| header(&one.name, values::text(&one.value)));
    RouteMatch {
        path_specifier: Some(path(&matches.path)),
        headers: method.chain(headers).collect(),
        query_parameters: matches.query.iter().map(query).collect(),
        grpc: matches.grpc.then_some(route_match::GrpcRouteMatchOptions {}),
        runtime_fraction: share.map(values::share),
        ..RouteMatch::default()
    }
}

fn path(path: &PathMatch) -> route_match::PathSpecifier {
    match path {
        PathMatch::Any => everything(),
        PathMatch::Exact(path) => route_match::PathSpecifier::Path(path.clone()),
        PathMatch::Regex(expression) => route_match::PathSpecifier::SafeRegex(values::regex(expression)),
        PathMatch::Prefix(prefix) => match prefix.trim_end_matches('/') {
            "" => everything(),
            prefix => route_match::PathSpecifier::PathSeparatedPrefix(prefix.to_owned()),
        },
    }
}

fn everything() -> route_match::PathSpecifier {
    route_match::PathSpecifier::Prefix("/".to_owned())
}

fn header(name: &str, value: StringMatcher) -> HeaderMatcher {
    HeaderMatcher {
        name: name.to_owned(),
        header_match_specifier: Some(header_matcher::HeaderMatchSpecifier::StringMatch(value)),
        ..HeaderMatcher::default()
    }
}

fn query(matching: &ValueMatch) -> QueryParameterMatcher {
    use query_parameter_matcher::QueryParameterMatchSpecifier::StringMatch;
    QueryParameterMatcher {
        name: matching.name.clone(),
        query_parameter_match_specifier: Some(StringMatch(values::text(&matching.value))),
    }
}
