//! The statuses of policies: one entry for each Gateway under which they have an effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::Options;
use crate::api::{GATEWAY_GROUP, ObjectId, ParentRef, PolicyAncestorStatus, PolicyStatus, Status};
use crate::attach::{AttachedRoute, Gateways, Routes};
use crate::lower::{Lowered, Policies, PolicyVerdict, RouteOutcome};
use crate::reasons;

use super::conditions::Conditions;

/// The most entries a status may have.
const MOST_ANCESTORS: usize = 16;

pub(crate) fn statuses(
    options: &Options,
    gateways: &Gateways,
    routes: &Routes,
    lowered: &Lowered,
) -> Vec<(ObjectId, Status)> {
    let mut under: BTreeMap<ObjectId, BTreeSet<ParentRef>> = BTreeMap::new();
    for (route, outcomes) in routes.all.iter().zip(&lowered.outcomes) {
        for (policy, ancestor) in ancestors(gateways, route, outcomes.iter()) {
            under.entry(policy).or_default().insert(ancestor);
        }
    }
    let status_of = |id: &ObjectId| {
        let under = under.remove(id).unwrap_or_default();
        Some((id.clone(), status(options, &lowered.policies, id, under.into_iter())?))
    };
    lowered.policies.ids().filter_map(status_of).collect()
}

/// The policies that have an effect on a route, each with the Gateway or listener under which it has.
pub(crate) fn ancestors<'a>(
    gateways: &Gateways,
    route: &AttachedRoute,
    outcomes: impl Iterator<Item = &'a RouteOutcome>,
) -> BTreeSet<(ObjectId, ParentRef)> {
    let mut found = BTreeSet::new();
    for (parent, outcome) in route.parents.iter().zip(outcomes) {
        let Some(gateway) = gateways.at(parent.gateway).filter(|gateway| gateway.class_accepted) else { continue };
        for policy in &outcome.policies {
            let section = (&*parent.reference.kind == "Gateway").then(|| parent.reference.section_name.clone());
            let ancestor = ParentRef {
                group: GATEWAY_GROUP.into(),
                kind: "Gateway".into(),
                namespace: Some(gateway.id.namespace.clone()),
                name: gateway.id.name.clone(),
                section_name: section.flatten(),
                port: None,
            };
            found.insert((policy.clone(), ancestor));
        }
    }
    found
}

/// The status of a policy that has an effect under these, which are sorted; `None` for one that is none of our business.
pub(crate) fn status(
    options: &Options,
    policies: &Policies,
    id: &ObjectId,
    under: impl Iterator<Item = ParentRef>,
) -> Option<Status> {
    let (policy, verdict) = (policies.get(id)?, policies.verdict(id)?);
    let ours = policy.status.ancestors.iter().any(|entry| entry.controller_name == options.controller_name);
    let entry = |ancestor_ref| PolicyAncestorStatus {
        ancestor_ref,
        controller_name: options.controller_name.clone(),
        conditions: conditions(policy.metadata.generation, &verdict),
    };
    let ancestors: Vec<_> = under.take(MOST_ANCESTORS).map(entry).collect();
    // A policy that lost its last ancestor of ours still has our entries taken out of its status.
    (ours || !ancestors.is_empty()).then_some(Status::Policy(PolicyStatus { ancestors }))
}

fn conditions(generation: i64, verdict: &PolicyVerdict) -> Vec<crate::api::Condition> {
    let mut conditions = Conditions::at(generation);
    if let Some(other) = &verdict.conflicts_with {
        conditions.no(reasons::ACCEPTED, reasons::CONFLICTED, format!("{other} is older, and has the same target"));
        return conditions.done();
    }
    match (verdict.usable, &verdict.unresolved) {
        (true, _) => conditions.yes(reasons::ACCEPTED, "The policy holds"),
        (false, unresolved) => {
            let message = unresolved.as_ref().map_or_else(String::new, |(_, message)| message.clone());
            conditions.no(reasons::ACCEPTED, reasons::NO_VALID_CA_CERTIFICATE, message)
        }
    };
    conditions.references(verdict.unresolved.as_ref().map(|(reason, message)| (*reason, message.clone())));
    conditions.done()
}
