//! The Gateways that are ours, with all their listeners.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::api::{GATEWAY_GROUP, Gateway, ListenerSet, ObjectId};
use crate::ir::SecretItem;
use crate::key::ProxyId;
use crate::options::{Proxies, Usable};
use crate::{Options, World, reasons};

use super::certificates::certificate;
use super::classes::{ClassVerdict, Classes};
use super::clients;
use super::conflicts;
use super::grants::{Grants, Referrer};
use super::listener_sets::{self, AttachedSet, SetVerdict};
use super::listeners::{AttachedListener, Owner};

/// Something that is wrong with the addresses a Gateway asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AddressFault {
    /// It is of a kind nobody here can give.
    Unsupported(String),
    /// It cannot be had.
    NotUsable(String),
}

/// A Gateway of ours.
#[derive(Debug)]
pub(crate) struct AttachedGateway<'w> {
    pub(crate) id: ObjectId,
    pub(crate) gateway: &'w Gateway,
    pub(crate) proxy: ProxyId,
    /// Its own listeners, and then those of its sets.
    pub(crate) listeners: Vec<AttachedListener<'w>>,
    pub(crate) sets: Vec<AttachedSet<'w>>,
    /// Where its sockets are bound; the first gives them their names.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) address_fault: Option<AddressFault>,
    /// Why its parameters cannot be used.
    pub(crate) parameters_fault: Option<String>,
    /// The certificate it shows to backends, or why there is none.
    pub(crate) client_certificate: Option<Result<SecretItem, (&'static str, String)>>,
    /// Whether its class is accepted; if not, nothing is served.
    pub(crate) class_accepted: bool,
}

impl AttachedGateway<'_> {
    /// Whether it is served at all.
    pub(crate) fn is_served(&self) -> bool {
        self.class_accepted
            && self.parameters_fault.is_none()
            && !matches!(self.address_fault, Some(AddressFault::Unsupported(_)))
    }
}

/// The Gateways that are ours, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Gateways<'w> {
    pub(crate) all: Vec<AttachedGateway<'w>>,
    by_id: HashMap<ObjectId, usize>,
    /// The Gateway a ListenerSet is attached to, if that lets it in.
    by_set: HashMap<ObjectId, usize>,
}

impl<'w> Gateways<'w> {
    pub(crate) fn of(world: &'w World, options: &Options, classes: &Classes, grants: &Grants) -> Gateways<'w> {
        let sets = sets_by_gateway(world);
        let mut ours: Vec<(&ObjectId, &Gateway)> = world
            .gateways
            .iter()
            .filter(|(_, gateway)| classes.verdict(&gateway.spec.gateway_class_name).is_some())
            .map(|(id, gateway)| (id, &**gateway))
            .collect();
        ours.sort_by(|a, b| a.1.metadata.age().cmp(&b.1.metadata.age()));
        let mut all: Vec<AttachedGateway<'w>> = ours
            .into_iter()
            .map(|(id, gateway)| {
                let sets = sets.get(id).map_or(&[][..], Vec::as_slice);
                attach(world, options, classes, grants, id, gateway, sets)
            })
            .collect();
        find_collisions(&mut all, options);
        find_conflicts(&mut all);
        let by_id = all.iter().enumerate().map(|(at, gateway)| (gateway.id.clone(), at)).collect();
        let by_set = all.iter().enumerate().flat_map(|(at, gateway)| {
            let allowed = gateway.sets.iter().filter(|set| set.verdict == SetVerdict::Allowed);
            allowed.map(move |set| (set.id.clone(), at))
        });
        let by_set = by_set.collect();
        Gateways { all, by_id, by_set }
    }

    /// The Gateway of this name, if it is ours.
    pub(crate) fn position(&self, id: &ObjectId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The Gateway that lets this ListenerSet in.
    pub(crate) fn position_of_set(&self, set: &ObjectId) -> Option<usize> {
        self.by_set.get(set).copied()
    }
}

fn sets_by_gateway(world: &World) -> BTreeMap<ObjectId, Vec<(&ObjectId, &ListenerSet)>> {
    let mut sets: BTreeMap<ObjectId, Vec<_>> = BTreeMap::new();
    for (id, set) in &world.listener_sets {
        let parent = &set.spec.parent_ref;
        if &*parent.group != GATEWAY_GROUP || &*parent.kind != "Gateway" {
            continue;
        }
        let namespace = parent.namespace.clone().unwrap_or_else(|| id.namespace.clone());
        let gateway = ObjectId { kind: crate::api::Kind::Gateway, namespace, name: parent.name.clone() };
        sets.entry(gateway).or_default().push((id, &**set));
    }
    sets
}

fn attach<'w>(
    world: &'w World,
    options: &Options,
    classes: &Classes,
    grants: &Grants,
    id: &ObjectId,
    gateway: &'w Gateway,
    sets: &[(&'w ObjectId, &'w ListenerSet)],
) -> AttachedGateway<'w> {
    let sets = listener_sets::of(world, sets, gateway);
    let mut listeners: Vec<AttachedListener<'w>> = Vec::with_capacity(gateway.spec.listeners.len());
    for (index, listener) in gateway.spec.listeners.iter().enumerate() {
        listeners.push(AttachedListener::of(world, grants, id, Owner::Gateway, index, listener));
    }
    for set in sets.iter().filter(|set| set.verdict == SetVerdict::Allowed) {
        for (index, listener) in set.set.spec.listeners.iter().enumerate() {
            listeners.push(AttachedListener::of(world, grants, id, Owner::Set(set.id.clone()), index, listener));
        }
    }
    for listener in &mut listeners {
        clients::settle(world, grants, id, gateway, listener);
    }
    let class = &gateway.spec.gateway_class_name;
    let (addresses, address_fault) = addresses(options, id, gateway);
    AttachedGateway {
        id: id.clone(),
        gateway,
        proxy: match options.proxies {
            Proxies::PerGateway => ProxyId::Gateway(id.clone()),
            Proxies::PerClass => ProxyId::Class(Arc::clone(class)),
        },
        listeners,
        sets,
        addresses,
        address_fault,
        parameters_fault: parameters_fault(gateway, classes.verdict(class)),
        client_certificate: client_certificate(world, grants, id, gateway),
        class_accepted: classes.accepts(class),
    }
}

fn parameters_fault(gateway: &Gateway, class: Option<&ClassVerdict>) -> Option<String> {
    if let Some(ClassVerdict::InvalidParameters(_)) = class {
        return Some("the parameters of the GatewayClass are not valid".to_owned());
    }
    let parameters = gateway.spec.infrastructure.as_ref()?.parameters_ref.as_ref()?;
    let (kind, group) = (&parameters.kind, &parameters.group);
    Some(format!("spec.infrastructure.parametersRef: objects of kind {kind} ({group}) are not read"))
}

fn client_certificate(
    world: &World,
    grants: &Grants,
    id: &ObjectId,
    gateway: &Gateway,
) -> Option<Result<SecretItem, (&'static str, String)>> {
    let reference = gateway.spec.tls.as_ref()?.backend.as_ref()?.client_certificate_ref.as_ref()?;
    let from = Referrer { kind: "Gateway", namespace: &id.namespace };
    let found = certificate(world, grants, from, reference, reasons::INVALID_CLIENT_CERTIFICATE_REF);
    Some(found.map_err(|(reason, message)| (reason, format!("spec.tls.backend.clientCertificateRef: {message}"))))
}

/// Where the sockets of a Gateway are bound.
fn addresses(options: &Options, id: &ObjectId, gateway: &Gateway) -> (Vec<IpAddr>, Option<AddressFault>) {
    let own = options.bind.addresses.get(id).copied().unwrap_or(options.bind.otherwise);
    let mut wanted = Vec::new();
    let mut fault = None;
    for (index, address) in gateway.spec.addresses.iter().enumerate() {
        let field = format!("spec.addresses[{index}]");
        match (address.kind.as_str(), address.value.as_str()) {
            ("IPAddress" | "Hostname", "") => {}
            ("IPAddress", value) => match value.parse::<IpAddr>() {
                Ok(value) if options.bind.usable.allows(value) => wanted.push(value),
                Ok(value) => fault = Some(AddressFault::NotUsable(format!("{field}: {value} cannot be used here"))),
                Err(_) => fault = Some(AddressFault::NotUsable(format!("{field}: {value} is not an address"))),
            },
            ("Hostname", _) if options.bind.usable == Usable::Any => {}
            ("Hostname", value) => {
                fault = Some(AddressFault::NotUsable(format!("{field}: the name {value} cannot be used here")));
            }
            (other, _) => {
                let message = format!("{field}: type {other} is not supported; IPAddress and Hostname are");
                return (vec![own], Some(AddressFault::Unsupported(message)));
            }
        }
    }
    // Where any address may be asked for, somebody else gives them out: proxies are bound as they always are.
    match options.bind.usable == Usable::Any || wanted.is_empty() {
        true => (vec![own], fault),
        false => (wanted, fault),
    }
}

/// Two Gateways with proxies of their own cannot be bound to one socket of one host.
fn find_collisions(all: &mut [AttachedGateway<'_>], options: &Options) {
    if options.proxies == Proxies::PerClass {
        return;
    }
    let mut taken: HashMap<(IpAddr, u16, crate::ir::Transport), ObjectId> = HashMap::new();
    for gateway in all {
        let explicit = options.bind.addresses.contains_key(&gateway.id) || options.bind.usable != Usable::Any;
        if !explicit || !gateway.is_served() {
            continue;
        }
        for listener in &gateway.listeners {
            for address in &gateway.addresses {
                let socket = (*address, options.bind.port(listener.port), listener.transport());
                let holder = taken.entry(socket).or_insert_with(|| gateway.id.clone());
                if *holder != gateway.id && gateway.address_fault.is_none() {
                    let message = format!("{}:{} is already bound for {holder}", socket.0, socket.1);
                    gateway.address_fault = Some(AddressFault::NotUsable(message));
                }
            }
        }
    }
}

/// Finds the conflicts among the listeners of each proxy.
fn find_conflicts(all: &mut [AttachedGateway<'_>]) {
    let mut proxies: BTreeMap<ProxyId, Vec<usize>> = BTreeMap::new();
    for (at, gateway) in all.iter().enumerate() {
        proxies.entry(gateway.proxy.clone()).or_default().push(at);
    }
    for members in proxies.into_values() {
        let mut together = Vec::new();
        let mut lengths = Vec::new();
        for at in &members {
            let address = all[*at].addresses.first().copied().unwrap_or(IpAddr::from([0, 0, 0, 0]));
            let listeners = std::mem::take(&mut all[*at].listeners);
            lengths.push(listeners.len());
            together.extend(listeners.into_iter().map(|listener| (address, listener)));
        }
        conflicts::mark(&mut together);
        let mut together = together.into_iter().map(|(_, listener)| listener);
        for (at, length) in members.into_iter().zip(lengths) {
            all[at].listeners = together.by_ref().take(length).collect();
        }
    }
}
