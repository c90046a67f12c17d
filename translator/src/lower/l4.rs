//! TLSRoute, TCPRoute and UDPRoute: where connections and datagrams go.

use std::sync::Arc;

use crate::api::Kind;
use crate::attach::{AttachedGateway, AttachedRoute, RouteSource};
use crate::ir::{ClusterName, Forward};
use crate::provenance::Origin;
use crate::reasons;

use super::backends::{Backend, Backends, Outcome, Traffic, never};
use super::rules::LoweredRoute;
use super::session;

/// What such a route comes to under a Gateway. It has one rule; of several the first counts.
pub(crate) fn lower(backends: &Backends<'_>, gateway: &AttachedGateway, route: &AttachedRoute) -> LoweredRoute {
    let RouteSource::L4(kind, source) = &route.source else { return LoweredRoute::default() };
    let kind = *kind;
    let traffic = if kind == Kind::UDPRoute { Traffic::Datagrams } else { Traffic::Stream };
    let mut lowered = LoweredRoute::default();
    lowered.outcome.rules = source.spec.rules.len();
    let mut reached: Vec<(Option<Arc<Backend>>, u32)> = Vec::new();
    for (index, rule) in source.spec.rules.iter().enumerate() {
        if index > 0 {
            lowered.outcome.broken_rules += 1;
            let message =
                format!("a {kind} can have one rule, as nothing tells connections apart; this one is not served");
            lowered.outcome.value(format!("spec.rules[{index}]"), reasons::UNSUPPORTED_VALUE, message);
        }
        for (at, reference) in rule.backend_refs.iter().enumerate() {
            let resolved = backends.resolve(gateway, &route.id, reference, traffic);
            lowered.outcome.touch(&resolved.policies);
            let backend = match resolved.outcome {
                Outcome::Backend(backend) => Some(backend),
                Outcome::Barred => None,
                Outcome::Invalid { reason, message } => {
                    lowered.outcome.reference(format!("spec.rules[{index}].backendRefs[{at}]"), reason, message);
                    None
                }
            };
            if index == 0 {
                reached.push((backend, u32::try_from(reference.weight).unwrap_or(0)));
            }
        }
    }
    let origin = Origin::new(&route.id, "spec.rules[0]");
    let clusters = match kind {
        Kind::UDPRoute => datagrams(&mut lowered, route, &origin, &reached),
        _ => connections(&mut lowered, &reached),
    };
    lowered.forward = Some(Forward { clusters, origins: vec![origin] });
    lowered
}

fn connections(lowered: &mut LoweredRoute, reached: &[(Option<Arc<Backend>>, u32)]) -> Vec<(ClusterName, u32)> {
    let mut clusters: Vec<(ClusterName, u32)> = Vec::new();
    for (backend, weight) in reached.iter().filter(|(_, weight)| *weight > 0) {
        let name = match backend {
            Some(backend) => {
                lowered.needs.push(Arc::clone(backend));
                backend.cluster.name.clone()
            }
            None => never(),
        };
        match clusters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(*weight),
            None => clusters.push((name, *weight)),
        }
    }
    if clusters.is_empty() {
        clusters.push((never(), 1));
    }
    clusters
}

/// A datagram listener has one cluster: several backends become one, shared out by locality.
fn datagrams(
    lowered: &mut LoweredRoute,
    route: &AttachedRoute,
    origin: &Origin,
    reached: &[(Option<Arc<Backend>>, u32)],
) -> Vec<(ClusterName, u32)> {
    let good: Vec<(Arc<Backend>, u32)> = reached
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .filter_map(|(backend, weight)| Some((Arc::clone(backend.as_ref()?), *weight)))
        .collect();
    let one = match good.as_slice() {
        [] => return vec![(never(), 1)],
        [(only, _)] => Arc::clone(only),
        [(first, _), ..] => match session::together(&route.id, &["backends"], origin, &good) {
            Some(together) => Arc::new(together),
            None => Arc::clone(first),
        },
    };
    lowered.needs.push(Arc::clone(&one));
    vec![(one.cluster.name.clone(), 1)]
}
