//! The rules of a GRPCRoute: methods become paths.

use crate::api::{GrpcMatch, GrpcMethodMatch, GrpcRule, ValueMatchType};
use crate::attach::{AttachedGateway, AttachedRoute, RouteSource};
use crate::ir::{Match, PathMatch};

use super::backends::{Backends, Traffic};
use super::http::{RuleText, lower_rule};
use super::matches::{self, PathRank, Rank, check_regex};
use super::rules::LoweredRoute;

/// What a GRPCRoute comes to under a Gateway.
pub(crate) fn lower(backends: &Backends<'_>, gateway: &AttachedGateway, route: &AttachedRoute) -> LoweredRoute {
    let RouteSource::Grpc(source) = &route.source else { return LoweredRoute::default() };
    let default = [GrpcRule::default()];
    let rules = if source.spec.rules.is_empty() { &default[..] } else { &source.spec.rules[..] };
    let mut lowered = LoweredRoute::default();
    for (index, rule) in rules.iter().enumerate() {
        let written = RuleText {
            index,
            name: rule.name.as_deref(),
            filters: &rule.filters,
            backends: &rule.backend_refs,
            timeouts: None,
            retry: None,
            session: rule.session_persistence.as_ref(),
            traffic: Traffic::Grpc,
        };
        let none = [GrpcMatch::default()];
        let all = if rule.matches.is_empty() { &none[..] } else { &rule.matches[..] };
        let read = all.iter().map(read).collect();
        lower_rule(backends, gateway, &route.id, &written, read, &mut lowered);
    }
    lowered
}

fn read(written: &GrpcMatch) -> Result<(Match, Rank), (String, String)> {
    let (rank, length, path) = match &written.method {
        None => (PathRank::Any, 1, PathMatch::Any),
        Some(method) => path(method)?,
    };
    let headers = matches::values(&written.headers, "headers", str::eq_ignore_ascii_case, true)?;
    let matches = Match { path, method: None, headers, query: Vec::new(), grpc: true };
    let rank = Rank::new(rank, length, &matches);
    Ok((matches, rank))
}

/// The path of a call is `/service/method`.
fn path(written: &GrpcMethodMatch) -> Result<(PathRank, usize, PathMatch), (String, String)> {
    let part = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (service, method) = (part(&written.service), part(&written.method));
    match &written.kind {
        ValueMatchType::Exact => Ok(match (service, method) {
            (Some(service), Some(method)) => (PathRank::Exact, 0, PathMatch::Exact(format!("/{service}/{method}"))),
            (Some(service), None) => (PathRank::Prefix, service.len() + 1, PathMatch::Prefix(format!("/{service}"))),
            (None, Some(method)) => {
                (PathRank::Suffix, method.len(), PathMatch::Regex(format!("/[^/]+/{}", regex::escape(&method))))
            }
            (None, None) => (PathRank::Any, 1, PathMatch::Any),
        }),
        ValueMatchType::RegularExpression => {
            let length = service.as_ref().map_or(0, String::len) + method.as_ref().map_or(0, String::len);
            for (field, part) in [("method.service", &service), ("method.method", &method)] {
                if let Some(part) = part {
                    check_regex(part).map_err(|fault| (field.to_owned(), fault))?;
                }
            }
            let group = |part: Option<String>| part.map_or_else(|| "[^/]+".to_owned(), |part| format!("(?:{part})"));
            let rank = match (&service, &method) {
                (None, None) => return Ok((PathRank::Any, 1, PathMatch::Any)),
                (None, Some(_)) => PathRank::Suffix,
                _ => PathRank::Regex,
            };
            Ok((rank, length, PathMatch::Regex(format!("/{}/{}", group(service), group(method)))))
        }
        ValueMatchType::Other(other) => {
            Err(("method.type".to_owned(), format!("{other} is not one of {}", ValueMatchType::KNOWN.join(", "))))
        }
    }
}
