//! The statuses of routes: one entry for each parent that is ours.

use crate::Options;
use crate::api::{ObjectId, RouteParentStatus, RouteStatus, Status, Truth};
use crate::attach::{AttachedParent, AttachedRoute, Gateways, ParentVerdict, Routes};
use crate::lower::{Lowered, RouteFault, RouteOutcome};
use crate::reasons;

use super::conditions::Conditions;

/// The most entries a status may have.
const MOST_PARENTS: usize = 32;

pub(crate) fn statuses(
    options: &Options,
    gateways: &Gateways,
    routes: &Routes,
    lowered: &Lowered,
) -> Vec<(ObjectId, Status)> {
    let all = routes.all.iter().zip(&lowered.outcomes);
    all.map(|(route, outcomes)| (route.id.clone(), status(options, gateways, route, outcomes.iter()))).collect()
}

/// The status of one route; the outcomes come in the order of its parents.
pub(crate) fn status<'a>(
    options: &Options,
    gateways: &Gateways,
    route: &AttachedRoute,
    outcomes: impl Iterator<Item = &'a RouteOutcome>,
) -> Status {
    let mut parents: Vec<RouteParentStatus> = Vec::with_capacity(route.parents.len());
    for (parent, outcome) in route.parents.iter().zip(outcomes) {
        let repeated = parents.iter().any(|known| known.parent_ref == parent.reference);
        let accepted = gateways.at(parent.gateway).is_some_and(|gateway| gateway.class_accepted);
        if accepted && !repeated && parents.len() < MOST_PARENTS {
            parents.push(entry(options, route, parent, outcome));
        }
    }
    Status::Route(RouteStatus { parents })
}

fn entry(
    options: &Options,
    route: &AttachedRoute,
    parent: &AttachedParent,
    outcome: &RouteOutcome,
) -> RouteParentStatus {
    let mut conditions = Conditions::at(route.source.metadata().generation);
    let broken = outcome.rules > 0 && outcome.broken_rules == outcome.rules;
    match (&parent.verdict, outcome.values.first()) {
        (ParentVerdict::NotAccepted { reason, message }, _) => {
            conditions.no(reasons::ACCEPTED, reason, message.clone());
        }
        (ParentVerdict::Accepted, Some(first)) if broken => {
            conditions.no(reasons::ACCEPTED, first.reason, together(&outcome.values));
        }
        (ParentVerdict::Accepted, first) => {
            conditions.yes(reasons::ACCEPTED, "The route is attached");
            if let Some(first) = first {
                conditions.say(reasons::PARTIALLY_INVALID, Truth::True, first.reason, together(&outcome.values));
            }
        }
    }
    conditions.references(outcome.references.first().map(|first| (first.reason, together(&outcome.references))));
    RouteParentStatus {
        parent_ref: parent.reference.clone(),
        controller_name: options.controller_name.clone(),
        conditions: conditions.done(),
    }
}

fn together(faults: &[RouteFault]) -> String {
    let all: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
    all.join("; ")
}
