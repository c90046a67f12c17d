//! What is to be served: from attachments to the model in [`ir`](crate::ir), proxy by proxy, with what is wrong with each
//! route and policy on the way.

mod backend_tls;
mod backends;
mod duration;
mod filters;
mod grpc;
mod hosts;
mod http;
mod inventory;
mod l4;
mod listeners;
mod matches;
mod redirect;
mod rules;
mod session;
mod slices;
mod tables;

use std::collections::BTreeMap;

use crate::api::{Kind, ObjectId};
use crate::attach::{Gateways, Grants, Routes};
use crate::ir::Proxy;
use crate::key::ProxyId;
use crate::{Options, World};

pub(crate) use backend_tls::{Policies, PolicyVerdict};
pub(crate) use rules::{RouteFault, RouteOutcome};

use backends::Backends;
use rules::LoweredRoute;

/// What a world comes to, before it is put into messages and statuses.
#[derive(Debug, Default)]
pub(crate) struct Lowered<'w> {
    pub(crate) proxies: BTreeMap<ProxyId, (Vec<ObjectId>, Proxy)>,
    /// What is wrong with each route under each Gateway, in the order of [`Routes`] and of their parents.
    pub(crate) outcomes: Vec<Vec<RouteOutcome>>,
    pub(crate) policies: Policies<'w>,
}

/// Lowers everything. Takes the attachments, so it cannot come before them.
pub(crate) fn lower<'w>(
    world: &'w World,
    options: &Options,
    grants: &'w Grants,
    gateways: &Gateways<'w>,
    routes: &Routes<'w>,
) -> Lowered<'w> {
    let backends = Backends::new(world, grants);
    let lowered: Vec<Vec<LoweredRoute>> = routes
        .all
        .iter()
        .map(|route| {
            let of = |parent: &crate::attach::AttachedParent<'_>| {
                let gateway = &gateways.all[parent.gateway];
                match route.source.kind() {
                    Kind::HTTPRoute => http::lower(&backends, gateway, route),
                    Kind::GRPCRoute => grpc::lower(&backends, gateway, route),
                    _ => l4::lower(&backends, gateway, route),
                }
            };
            let mut parents: Vec<LoweredRoute> = Vec::with_capacity(route.parents.len());
            for (at, parent) in route.parents.iter().enumerate() {
                // Several references to one Gateway come to the same.
                let same = route.parents[..at].iter().position(|earlier| earlier.gateway == parent.gateway);
                let one = match same.and_then(|same| parents.get(same)) {
                    Some(earlier) => earlier.clone(),
                    None => of(parent),
                };
                parents.push(one);
            }
            parents
        })
        .collect();
    let proxies = listeners::lower(options, gateways, routes, &lowered);
    let outcomes = lowered.into_iter().map(|parents| parents.into_iter().map(|one| one.outcome).collect()).collect();
    Lowered { proxies, outcomes, policies: backends.into_policies() }
}
