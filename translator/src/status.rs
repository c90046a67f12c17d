//! Statuses: every condition of every object, from attachments and what they were lowered to. The one place they are made.

pub(crate) mod classes;
mod conditions;
mod features;
pub(crate) mod gateways;
mod listeners;
mod merge;
pub(crate) mod policies;
pub(crate) mod problems;
pub(crate) mod routes;

use std::collections::BTreeMap;

use crate::api::{ObjectId, Status};
use crate::attach::{Classes, Gateways, Routes};
use crate::lower::Lowered;
use crate::translation::Problem;
use crate::{Options, World};

pub use merge::merge_status;

/// The status of every object that has one from us, and what is wrong with whom.
pub(crate) fn statuses(
    world: &World,
    options: &Options,
    classes: &Classes,
    gateways: &Gateways,
    routes: &Routes,
    lowered: &Lowered,
) -> (BTreeMap<ObjectId, Status>, Vec<Problem>) {
    let mut statuses = BTreeMap::new();
    statuses.extend(classes::statuses(world, classes));
    let attached = listeners::attached_routes(routes);
    for (at, gateway) in gateways.iter() {
        let counted = |at| attached.get(&at).copied().unwrap_or(0);
        statuses.extend(gateways::statuses(options, at, gateway, &counted));
    }
    statuses.extend(routes::statuses(options, gateways, routes, lowered));
    statuses.extend(policies::statuses(options, gateways, routes, lowered));
    let mut problems = problems::of(options, gateways, routes, lowered);
    problems.sort();
    problems.dedup();
    (statuses, problems)
}
