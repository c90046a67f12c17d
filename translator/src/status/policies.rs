//! The statuses of policies: one entry for each Gateway under which they have an effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::Options;
use crate::api::{GATEWAY_GROUP, ObjectId, ParentRef, PolicyAncestorStatus, PolicyStatus, Status};
use crate::attach::{Gateways, Routes};
use crate::lower::{Lowered, PolicyVerdict};
use crate::reasons;

use super::conditions::Conditions;

/// The most entries a status may have.
const MOST_ANCESTORS: usize = 16;

pub(crate) fn statuses(
    options: &Options,
    gateways: &Gateways<'_>,
    routes: &Routes<'_>,
    lowered: &Lowered<'_>,
) -> Vec<(ObjectId, Status)> {
    let mut ancestors: BTreeMap<ObjectId, BTreeSet<ParentRef>> = BTreeMap::new();
    for (route, outcomes) in routes.all.iter().zip(&lowered.outcomes) {
        for (parent, outcome) in route.parents.iter().zip(outcomes) {
            let gateway = &gateways.all[parent.gateway];
            for policy in outcome.policies.iter().filter(|_| gateway.class_accepted) {
                let section = (&*parent.reference.kind == "Gateway").then(|| parent.reference.section_name.clone());
                let ancestor = ParentRef {
                    group: GATEWAY_GROUP.into(),
                    kind: "Gateway".into(),
                    namespace: Some(gateway.id.namespace.clone()),
                    name: gateway.id.name.clone(),
                    section_name: section.flatten(),
                    port: None,
                };
                ancestors.entry(policy.clone()).or_default().insert(ancestor);
            }
        }
    }
    let policies = lowered.policies.policies.iter();
    let ours = |policy: &&crate::api::BackendTlsPolicy| {
        policy.status.ancestors.iter().any(|entry| entry.controller_name == options.controller_name)
    };
    policies
        .filter_map(|(id, policy)| {
            let verdict = lowered.policies.verdicts.get(id)?;
            let under = ancestors.remove(id).unwrap_or_default();
            // A policy that lost its last ancestor of ours still has our entries taken out of its status.
            if under.is_empty() && !ours(policy) {
                return None;
            }
            let entry = |ancestor_ref| PolicyAncestorStatus {
                ancestor_ref,
                controller_name: options.controller_name.clone(),
                conditions: conditions(policy.metadata.generation, verdict),
            };
            let ancestors = under.into_iter().take(MOST_ANCESTORS).map(entry).collect();
            Some((id.clone(), Status::Policy(PolicyStatus { ancestors })))
        })
        .collect()
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
