//! Which routes are attached to which listeners, by which of their parent references.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::World;
use crate::api::{GATEWAY_GROUP, GrpcRoute, HttpRoute, Kind, L4Route, Metadata, ObjectId, ParentRef, RouteStatus};
use crate::host::Host;
use crate::options::MixedKinds;
use crate::{Options, reasons};

use super::gateways::Gateways;
use super::listeners::Owner;

/// A route of any kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RouteSource<'w> {
    Http(&'w HttpRoute),
    Grpc(&'w GrpcRoute),
    L4(Kind, &'w L4Route),
}

impl<'w> RouteSource<'w> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            RouteSource::Http(_) => Kind::HTTPRoute,
            RouteSource::Grpc(_) => Kind::GRPCRoute,
            RouteSource::L4(kind, _) => *kind,
        }
    }

    pub(crate) fn metadata(&self) -> &'w Metadata {
        match self {
            RouteSource::Http(route) => &route.metadata,
            RouteSource::Grpc(route) => &route.metadata,
            RouteSource::L4(_, route) => &route.metadata,
        }
    }

    pub(crate) fn parents(&self) -> &'w [ParentRef] {
        match self {
            RouteSource::Http(route) => &route.spec.parent_refs,
            RouteSource::Grpc(route) => &route.spec.parent_refs,
            RouteSource::L4(_, route) => &route.spec.parent_refs,
        }
    }

    pub(crate) fn status(&self) -> &'w RouteStatus {
        match self {
            RouteSource::Http(route) => &route.status,
            RouteSource::Grpc(route) => &route.status,
            RouteSource::L4(_, route) => &route.status,
        }
    }

    fn hostnames(&self) -> &'w [Arc<str>] {
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
#[derive(Debug)]
pub(crate) struct AttachedParent<'w> {
    pub(crate) reference: &'w ParentRef,
    /// The Gateway, by its place.
    pub(crate) gateway: usize,
    pub(crate) verdict: ParentVerdict,
    /// The listeners of the Gateway it is attached to, by their place, each with the host names both have.
    pub(crate) listeners: Vec<(usize, Vec<Host>)>,
}

/// A route that names a Gateway of ours.
#[derive(Debug)]
pub(crate) struct AttachedRoute<'w> {
    pub(crate) id: ObjectId,
    pub(crate) source: RouteSource<'w>,
    pub(crate) parents: Vec<AttachedParent<'w>>,
}

/// Every route that names a Gateway of ours or has a status from us, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Routes<'w> {
    pub(crate) all: Vec<AttachedRoute<'w>>,
}

impl<'w> Routes<'w> {
    pub(crate) fn of(world: &'w World, options: &Options, gateways: &Gateways<'w>) -> Routes<'w> {
        let http = world.http_routes.iter().map(|(id, route)| (id, RouteSource::Http(route)));
        let grpc = world.grpc_routes.iter().map(|(id, route)| (id, RouteSource::Grpc(route)));
        let tls = world.tls_routes.iter().map(|(id, route)| (id, RouteSource::L4(Kind::TLSRoute, route)));
        let tcp = world.tcp_routes.iter().map(|(id, route)| (id, RouteSource::L4(Kind::TCPRoute, route)));
        let udp = world.udp_routes.iter().map(|(id, route)| (id, RouteSource::L4(Kind::UDPRoute, route)));
        let mut all: Vec<AttachedRoute<'w>> = http
            .chain(grpc)
            .chain(tls)
            .chain(tcp)
            .chain(udp)
            .filter_map(|(id, source)| attach(world, options, gateways, id, source))
            .collect();
        all.sort_by(|a, b| a.source.metadata().age().cmp(&b.source.metadata().age()));
        if options.mixed_kinds == MixedKinds::OldestKind {
            part_kinds(&mut all);
        }
        Routes { all }
    }
}

fn attach<'w>(
    world: &World,
    options: &Options,
    gateways: &Gateways<'w>,
    id: &ObjectId,
    source: RouteSource<'w>,
) -> Option<AttachedRoute<'w>> {
    let hosts: Vec<Host> = source.hostnames().iter().map(|name| Host::of(Some(name))).collect();
    let parents: Vec<AttachedParent<'w>> = source
        .parents()
        .iter()
        .filter_map(|reference| {
            let (gateway, owner) = parent(gateways, &id.namespace, reference)?;
            let attached =
                AttachedParent { reference, gateway, verdict: ParentVerdict::Accepted, listeners: Vec::new() };
            Some(attach_parent(world, gateways, id, &source, &hosts, attached, &owner))
        })
        .collect();
    // A route that lost its last parent of ours still has our entries taken out of its status.
    let ours = |route: &RouteStatus| route.parents.iter().any(|entry| entry.controller_name == options.controller_name);
    if parents.is_empty() && !ours(source.status()) {
        return None;
    }
    Some(AttachedRoute { id: id.clone(), source, parents })
}

/// The Gateway a reference leads to, and whose listeners of it are meant.
fn parent(gateways: &Gateways<'_>, own: &Arc<str>, reference: &ParentRef) -> Option<(usize, Owner)> {
    if &*reference.group != GATEWAY_GROUP {
        return None;
    }
    let namespace = reference.namespace.clone().unwrap_or_else(|| own.clone());
    let id = |kind| ObjectId { kind, namespace: namespace.clone(), name: reference.name.clone() };
    match &*reference.kind {
        "Gateway" => Some((gateways.position(&id(Kind::Gateway))?, Owner::Gateway)),
        "ListenerSet" => {
            let set = id(Kind::ListenerSet);
            Some((gateways.position_of_set(&set)?, Owner::Set(set)))
        }
        _ => None,
    }
}

fn attach_parent<'w>(
    world: &World,
    gateways: &Gateways<'w>,
    id: &ObjectId,
    source: &RouteSource<'w>,
    hosts: &[Host],
    mut attached: AttachedParent<'w>,
    owner: &Owner,
) -> AttachedParent<'w> {
    let reference = attached.reference;
    let listeners = gateways.all.get(attached.gateway).map_or(&[][..], |gateway| &gateway.listeners);
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
        named.into_iter().filter(|at| listeners[*at].allows(world, source.kind(), &id.namespace)).collect();
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

/// An HTTPRoute and a GRPCRoute cannot share a host name of a listener: the older one stays. The routes come by age.
fn part_kinds(all: &mut [AttachedRoute<'_>]) {
    let kinds = all.iter().map(|route| route.source.kind());
    let (http, grpc) = kinds
        .fold((false, false), |(http, grpc), kind| (http || kind == Kind::HTTPRoute, grpc || kind == Kind::GRPCRoute));
    if !(http && grpc) {
        return;
    }
    let mut claims: HashMap<(usize, usize), Claims> = HashMap::new();
    for route in all {
        let kind = route.source.kind();
        if !matches!(kind, Kind::HTTPRoute | Kind::GRPCRoute) {
            continue;
        }
        for parent in &mut route.parents {
            let gateway = parent.gateway;
            parent.listeners.retain(|(at, hosts)| {
                let claimed = claims.entry((gateway, *at)).or_default();
                let free = !hosts.iter().any(|host| claimed.has_another(host, kind));
                if free {
                    hosts.iter().for_each(|host| claimed.claim(host, kind));
                }
                free
            });
            if parent.listeners.is_empty() && parent.verdict == ParentVerdict::Accepted {
                let message =
                    "an older route of the other kind of HTTPRoute and GRPCRoute has a host name of this route";
                parent.verdict =
                    ParentVerdict::NotAccepted { reason: reasons::UNSUPPORTED_VALUE, message: message.to_owned() };
            }
        }
    }
}

/// Which kinds of routes have which host names of a listener.
#[derive(Debug, Default)]
struct Claims {
    claimed: HashMap<Host, Kind>,
    /// The wildcards some claimed name lies within.
    around: HashSet<(Host, Kind)>,
}

impl Claims {
    fn claim(&mut self, host: &Host, kind: Kind) {
        if self.claimed.insert(host.clone(), kind).is_none() {
            self.around.extend(host.ancestors().map(|ancestor| (ancestor, kind)));
        }
    }

    /// Whether a route of the other kind has a name in common with this one.
    fn has_another(&self, host: &Host, kind: Kind) -> bool {
        let other = if kind == Kind::HTTPRoute { Kind::GRPCRoute } else { Kind::HTTPRoute };
        let held = |host: &Host| self.claimed.get(host) == Some(&other);
        held(host) || host.ancestors().any(|ancestor| held(&ancestor)) || self.around.contains(&(host.clone(), other))
    }
}
