//! Which routes are attached to which listeners, by which of their parent references.

use std::sync::Arc;

use crate::World;
use crate::api::{GATEWAY_GROUP, GrpcRoute, HttpRoute, Kind, L4Route, Metadata, ObjectId, ParentRef, RouteStatus};
use crate::host::Host;
use crate::options::MixedKinds;
use crate::{Options, reasons};

use super::gateways::{Gateways, Slot};
use super::grants::Grants;
use super::listeners::Owner;
use super::lookup::{Fact, Lookup};
use super::mixed_kinds;
use super::route_age::RouteAge;

/// A route of any kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RouteSource {
    Http(Arc<HttpRoute>),
    Grpc(Arc<GrpcRoute>),
    L4(Kind, Arc<L4Route>),
}

impl RouteSource {
    /// The route of this name, if there is one.
    pub(crate) fn find(world: &World, id: &ObjectId) -> Option<RouteSource> {
        let l4 = |routes: &crate::Objects<L4Route>| Some(RouteSource::L4(id.kind, Arc::clone(routes.get(id)?)));
        match id.kind {
            Kind::HTTPRoute => Some(RouteSource::Http(Arc::clone(world.http_routes.get(id)?))),
            Kind::GRPCRoute => Some(RouteSource::Grpc(Arc::clone(world.grpc_routes.get(id)?))),
            Kind::TLSRoute => l4(&world.tls_routes),
            Kind::TCPRoute => l4(&world.tcp_routes),
            Kind::UDPRoute => l4(&world.udp_routes),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            RouteSource::Http(_) => Kind::HTTPRoute,
            RouteSource::Grpc(_) => Kind::GRPCRoute,
            RouteSource::L4(kind, _) => *kind,
        }
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        match self {
            RouteSource::Http(route) => &route.metadata,
            RouteSource::Grpc(route) => &route.metadata,
            RouteSource::L4(_, route) => &route.metadata,
        }
    }

    pub(crate) fn parents(&self) -> &[ParentRef] {
        match self {
            RouteSource::Http(route) => &route.spec.parent_refs,
            RouteSource::Grpc(route) => &route.spec.parent_refs,
            RouteSource::L4(_, route) => &route.spec.parent_refs,
        }
    }

    pub(crate) fn status(&self) -> &RouteStatus {
        match self {
            RouteSource::Http(route) => &route.status,
            RouteSource::Grpc(route) => &route.status,
            RouteSource::L4(_, route) => &route.status,
        }
    }

    fn hostnames(&self) -> &[Arc<str>] {
        match self {
            RouteSource::Http(route) => &route.spec.hostnames,
            RouteSource::Grpc(route) => &route.spec.hostnames,
            RouteSource::L4(_, route) => &route.spec.hostnames,
        }
    }
}

/// What becomes of one parent reference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ParentVerdict {
    Accepted,
    NotAccepted { reason: &'static str, message: String },
}

/// A parent reference to a Gateway of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttachedParent {
    /// Its place among the route's references.
    pub(crate) place: usize,
    pub(crate) reference: ParentRef,
    pub(crate) gateway: Slot,
    pub(crate) verdict: ParentVerdict,
    /// The listeners of the Gateway it is attached to, by their place, each with the host names both have.
    pub(crate) listeners: Vec<(usize, Vec<Host>)>,
}

/// A route that names a Gateway of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttachedRoute {
    pub(crate) id: ObjectId,
    pub(crate) age: RouteAge,
    pub(crate) source: RouteSource,
    pub(crate) parents: Vec<AttachedParent>,
}

/// Every route that names a Gateway of ours or has a status from us, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    pub(crate) all: Vec<AttachedRoute>,
}

impl Routes {
    pub(crate) fn of(world: &World, options: &Options, grants: &Grants, gateways: &Gateways) -> Routes {
        let lookup = Lookup::untold(world, grants);
        let http = world.http_routes.iter().map(|(id, route)| (id, RouteSource::Http(Arc::clone(route))));
        let grpc = world.grpc_routes.iter().map(|(id, route)| (id, RouteSource::Grpc(Arc::clone(route))));
        let l4 = [&world.tls_routes, &world.tcp_routes, &world.udp_routes];
        let l4 = l4.into_iter().flatten().map(|(id, route)| (id, RouteSource::L4(id.kind, Arc::clone(route))));
        let all = http.chain(grpc).chain(l4);
        let mut all: Vec<AttachedRoute> =
            all.filter_map(|(id, source)| attach(lookup, options, gateways, id, source)).collect();
        all.sort_by(|a, b| a.age.cmp(&b.age));
        if options.mixed_kinds == MixedKinds::OldestKind {
            mixed_kinds::part(&mut all);
        }
        Routes { all }
    }
}

/// What a route attaches to, as long as no other route is in its way; `None` for a route that is none of our business.
pub(crate) fn attach(
    lookup: Lookup<'_>,
    options: &Options,
    gateways: &Gateways,
    id: &ObjectId,
    source: RouteSource,
) -> Option<AttachedRoute> {
    let hosts: Vec<Host> = source.hostnames().iter().map(|name| Host::of(Some(name))).collect();
    let references = source.parents().iter().enumerate();
    let parents: Vec<AttachedParent> = references
        .filter_map(|(place, reference)| {
            let (gateway, owner) = parent(lookup, gateways, &id.namespace, reference)?;
            let reference = reference.clone();
            let attached =
                AttachedParent { place, reference, gateway, verdict: ParentVerdict::Accepted, listeners: Vec::new() };
            Some(attach_parent(lookup, gateways, id, &source, &hosts, attached, &owner))
        })
        .collect();
    // A route that lost its last parent of ours still has our entries taken out of its status.
    let ours = |route: &RouteStatus| route.parents.iter().any(|entry| entry.controller_name == options.controller_name);
    if parents.is_empty() && !ours(source.status()) {
        return None;
    }
    Some(AttachedRoute { id: id.clone(), age: RouteAge::of(id, source.metadata()), source, parents })
}

/// The Gateway a reference leads to, and whose listeners of it are meant.
fn parent(lookup: Lookup<'_>, gateways: &Gateways, own: &Arc<str>, reference: &ParentRef) -> Option<(Slot, Owner)> {
    if &*reference.group != GATEWAY_GROUP {
        return None;
    }
    let namespace = reference.namespace.clone().unwrap_or_else(|| own.clone());
    let id = |kind| ObjectId { kind, namespace: namespace.clone(), name: reference.name.clone() };
    match &*reference.kind {
        "Gateway" => {
            let gateway = id(Kind::Gateway);
            lookup.note(|| Fact::Parent(gateway.clone()));
            Some((gateways.slot(&gateway)?, Owner::Gateway))
        }
        "ListenerSet" => {
            let set = id(Kind::ListenerSet);
            lookup.note(|| Fact::Parent(set.clone()));
            Some((gateways.slot_of_set(&set)?, Owner::Set(set)))
        }
        _ => None,
    }
}

fn attach_parent(
    lookup: Lookup<'_>,
    gateways: &Gateways,
    id: &ObjectId,
    source: &RouteSource,
    hosts: &[Host],
    mut attached: AttachedParent,
    owner: &Owner,
) -> AttachedParent {
    let reference = attached.reference.clone();
    let reference = &reference;
    let listeners = gateways.at(attached.gateway).map_or(&[][..], |gateway| &gateway.listeners);
    let mut no = |reason, message: String| attached.verdict = ParentVerdict::NotAccepted { reason, message };
    let named: Vec<usize> = (0..listeners.len())
        .filter(|at| {
            let listener = &listeners[*at];
            listener.owner == *owner
                && reference.section_name.as_ref().is_none_or(|section| *section == listener.listener.name)
                && reference.port.is_none_or(|port| port == listener.listener.port)
        })
        .collect();
    if named.is_empty() {
        no(reasons::NO_MATCHING_PARENT, no_such_listener(reference));
        return attached;
    }
    let allowing: Vec<usize> =
        named.into_iter().filter(|at| listeners[*at].allows(lookup, source.kind(), &id.namespace)).collect();
    if allowing.is_empty() {
        let message = format!(
            "no listener this parent reference means lets a {} of namespace {} attach",
            source.kind(),
            id.namespace
        );
        no(reasons::NOT_ALLOWED_BY_LISTENERS, message);
        return attached;
    }
    let has_hosts = matches!(source.kind(), Kind::HTTPRoute | Kind::GRPCRoute | Kind::TLSRoute);
    for at in allowing {
        let listener = &listeners[at].host;
        let common: Vec<Host> = match hosts.is_empty() || !has_hosts {
            true => vec![listener.clone()],
            false => {
                let mut common: Vec<Host> = hosts.iter().filter_map(|host| listener.intersection(host)).collect();
                common.sort_by(|a, b| a.by_specificity(b).then_with(|| a.cmp(b)));
                common.dedup();
                common
            }
        };
        if !common.is_empty() {
            attached.listeners.push((at, common));
        }
    }
    if attached.listeners.is_empty() {
        let message = "no host name of the route is one of a listener this parent reference means".to_owned();
        attached.verdict = ParentVerdict::NotAccepted { reason: reasons::NO_MATCHING_LISTENER_HOSTNAME, message };
    }
    attached
}

fn no_such_listener(reference: &ParentRef) -> String {
    let section = reference.section_name.as_ref().map(|name| format!(" named {name}"));
    let port = reference.port.map(|port| format!(" of port {port}"));
    format!(
        "{} {} has no listener{}{}",
        reference.kind,
        reference.name,
        section.unwrap_or_default(),
        port.unwrap_or_default()
    )
}
