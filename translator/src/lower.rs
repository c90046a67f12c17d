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
mod placed;
mod plan;
mod proxies;
mod redirect;
mod rules;
mod session;
mod slices;
mod tables;

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::api::{Kind, ObjectId};
use crate::attach::{AttachedRoute, Gateways, Grants, Lookup, Routes};
use crate::ir::Proxy;
use crate::key::ProxyId;
use crate::{Options, World};

pub(crate) use backend_tls::{Policies, PolicyVerdict};
pub(crate) use backends::{Backend, Backends, Memo};
pub(crate) use listeners::{Needs, depends_on_routes, lower as lower_listener};
pub(crate) use placed::{Placed, RoutesOf, join};
pub(crate) use plan::{ListenerAt, SocketPlan, TablePlan, sockets as plan_sockets};
pub(crate) use rules::{LoweredRoute, RouteFault, RouteOutcome};
pub(crate) use slices::{EndpointSource, Slices, services_of};
pub(crate) use tables::HostWriter;

/// What a world comes to, before it is put into messages and statuses.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) proxies: BTreeMap<ProxyId, (Vec<ObjectId>, Proxy)>,
    /// What is wrong with each route under each Gateway, in the order of [`Routes`] and of their parents.
    pub(crate) outcomes: Vec<Vec<RouteOutcome>>,
    pub(crate) policies: Policies,
}

/// Lowers everything. Takes the attachments, so it cannot come before them.
pub(crate) fn lower(
    world: &World,
    options: &Options,
    grants: &Grants,
    gateways: &Gateways,
    routes: &Routes,
) -> Lowered {
    let (slices, policies, memo) = (Slices::of(world), Policies::of(world, grants), RefCell::<Memo>::default());
    let lookup = Lookup::untold(world, grants);
    let backends = Backends { lookup, slices: &slices, policies: &policies, memo: &memo };
    let lowered: Vec<Vec<LoweredRoute>> =
        routes.all.iter().map(|route| lower_route(backends, gateways, route)).collect();
    let proxies = proxies::lower(options, gateways, &slices, routes, &lowered);
    let outcomes = lowered.into_iter().map(|parents| parents.into_iter().map(|one| one.outcome).collect()).collect();
    Lowered { proxies, outcomes, policies }
}

/// What a route comes to under each of its parents.
pub(crate) fn lower_route(backends: Backends<'_>, gateways: &Gateways, route: &AttachedRoute) -> Vec<LoweredRoute> {
    let mut parents: Vec<LoweredRoute> = Vec::with_capacity(route.parents.len());
    for (at, parent) in route.parents.iter().enumerate() {
        // Several references to one Gateway come to the same.
        let same = route.parents[..at].iter().position(|earlier| earlier.gateway == parent.gateway);
        let one = match (same.and_then(|same| parents.get(same)), gateways.at(parent.gateway)) {
            (Some(earlier), _) => earlier.clone(),
            (None, Some(gateway)) => match route.source.kind() {
                Kind::HTTPRoute => http::lower(&backends, gateway, route),
                Kind::GRPCRoute => grpc::lower(&backends, gateway, route),
                _ => l4::lower(&backends, gateway, route),
            },
            (None, None) => LoweredRoute::default(),
        };
        parents.push(one);
    }
    parents
}
