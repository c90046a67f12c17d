//! What is wrong, in one list: for logs and tables, where a person looks first.

use std::collections::BTreeMap;

use crate::Options;
use crate::api::{ObjectId, Protocol};
use crate::attach::{
    AddressFault, AttachedGateway, AttachedListener, AttachedRoute, Gateways, ListenerFault, ParentVerdict, Routes,
    SetVerdict,
};
use crate::lower::{Lowered, Policies, RouteOutcome};
use crate::provenance::Origin;
use crate::reasons;
use crate::translation::Problem;

pub(crate) fn of(options: &Options, gateways: &Gateways, routes: &Routes, lowered: &Lowered) -> Vec<Problem> {
    let mut problems: Vec<Problem> = gateways.iter().flat_map(|(_, gateway)| of_gateway(options, gateway)).collect();
    for (route, outcomes) in routes.all.iter().zip(&lowered.outcomes) {
        problems.extend(of_route(route, outcomes.iter()));
    }
    problems.extend(lowered.policies.ids().flat_map(|id| of_policy(&lowered.policies, id)));
    problems
}

/// What is wrong with a route; the outcomes come in the order of its parents.
pub(crate) fn of_route<'a>(route: &AttachedRoute, outcomes: impl Iterator<Item = &'a RouteOutcome>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (parent, outcome) in route.parents.iter().zip(outcomes) {
        if let ParentVerdict::NotAccepted { reason, message } = &parent.verdict {
            let origin = Origin::new(&route.id, format!("spec.parentRefs[{}]", parent.place));
            problems.push(Problem { origin, reason: (*reason).to_owned(), message: message.clone() });
        }
        for fault in outcome.values.iter().chain(&outcome.references) {
            let origin = Origin::new(&route.id, fault.field.clone());
            problems.push(Problem { origin, reason: fault.reason.to_owned(), message: fault.message.clone() });
        }
    }
    problems
}

/// What is wrong with a policy.
pub(crate) fn of_policy(policies: &Policies, id: &ObjectId) -> Vec<Problem> {
    let Some(verdict) = policies.verdict(id) else { return Vec::new() };
    let mut problems = Vec::new();
    if let Some(other) = &verdict.conflicts_with {
        let message = format!("{other} is older, and has the same target");
        let origin = Origin::new(id, "spec.targetRefs");
        problems.push(Problem { origin, reason: reasons::CONFLICTED.to_owned(), message });
    }
    if let Some((reason, message)) = verdict.unresolved {
        let origin = Origin::new(id, "spec.validation");
        problems.push(Problem { origin, reason: reason.to_owned(), message });
    }
    problems
}

/// The listeners whose route tables have another form than the one that was asked for: the first of each port.
fn route_tables<'a>(options: &Options, gateway: &'a AttachedGateway) -> Vec<(&'a AttachedListener, String)> {
    let asked = options.route_tables.of(&gateway.id);
    let mut of_ports: BTreeMap<u16, Vec<&AttachedListener>> = BTreeMap::new();
    for listener in &gateway.listeners {
        if listener.is_served() && matches!(listener.listener.protocol, Protocol::Http | Protocol::Https) {
            of_ports.entry(listener.port).or_default().push(listener);
        }
    }
    let told = of_ports.into_values().filter_map(|listeners| {
        let inexact = listeners.iter().find(|listener| !listener.host.is_exact());
        let (form, reason) = asked.possible(options.envoy_floor, inexact.is_none());
        let listener = inexact.or(listeners.first())?;
        Some((*listener, format!("its route table is sent as {form}, not as {asked}: {}", reason?)))
    });
    told.collect()
}

/// What is wrong with a Gateway, its listeners and its ListenerSets.
pub(crate) fn of_gateway(options: &Options, gateway: &AttachedGateway) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut tell = |origin: Origin, reason: &str, message: &str| {
        problems.push(Problem { origin, reason: reason.to_owned(), message: message.to_owned() });
    };
    if let Some(message) = &gateway.parameters_fault {
        tell(Origin::new(&gateway.id, "spec.infrastructure.parametersRef"), reasons::INVALID_PARAMETERS, message);
    }
    match &gateway.address_fault {
        Some(AddressFault::Unsupported(message)) => {
            tell(Origin::new(&gateway.id, "spec.addresses"), reasons::UNSUPPORTED_ADDRESS, message);
        }
        Some(AddressFault::NotUsable(message)) => {
            tell(Origin::new(&gateway.id, "spec.addresses"), reasons::ADDRESS_NOT_USABLE, message);
        }
        None => {}
    }
    for (listener, message) in route_tables(options, gateway) {
        tell(listener.origin(), reasons::ROUTE_TABLES, &message);
    }
    if let Some(Err((reason, message))) = &gateway.client_certificate {
        tell(Origin::new(&gateway.id, "spec.tls.backend.clientCertificateRef"), reason, message);
    }
    for set in &gateway.sets {
        if let SetVerdict::NotAllowed(message) = &set.verdict {
            tell(Origin::new(&set.id, "spec.parentRef"), reasons::NOT_ALLOWED, message);
        }
    }
    for listener in &gateway.listeners {
        for fault in &listener.faults {
            let (ListenerFault::NotAccepted { reason, message } | ListenerFault::Unresolved { reason, message, .. }) =
                fault;
            tell(listener.origin(), reason, message);
        }
        if let Some(conflict) = listener.conflict {
            tell(listener.origin(), conflict.reason(), "another listener is in the way");
        }
    }
    problems
}
