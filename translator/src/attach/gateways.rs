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
use super::lookup::{Fact, Lookup};

/// Something that is wrong with the addresses a Gateway asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AddressFault {
    /// It is of a kind nobody here can give.
    Unsupported(String),
    /// It cannot be had.
    NotUsable(String),
}

/// A Gateway of ours.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttachedGateway {
    pub(crate) id: ObjectId,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) proxy: ProxyId,
    /// Its own listeners, and then those of its sets.
    pub(crate) listeners: Vec<AttachedListener>,
    pub(crate) sets: Vec<AttachedSet>,
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

impl AttachedGateway {
    /// Whether it is served at all.
    pub(crate) fn is_served(&self) -> bool {
        self.class_accepted
            && self.parameters_fault.is_none()
            && !matches!(self.address_fault, Some(AddressFault::Unsupported(_)))
    }
}

/// Which Gateway is meant: a number that is its own as long as it is there.
pub(crate) type Slot = usize;

/// The Gateways that are ours. In a whole translation the slots are in the order of their age.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    slots: BTreeMap<Slot, Arc<AttachedGateway>>,
    by_id: HashMap<ObjectId, Slot>,
    /// The Gateway a ListenerSet is attached to, if that lets it in.
    by_set: HashMap<ObjectId, Slot>,
}

impl Gateways {
    pub(crate) fn of(world: &World, options: &Options, classes: &Classes, grants: &Grants) -> Gateways {
        let sets = sets_by_gateway(world);
        let lookup = Lookup::untold(world, grants);
        let mut all: Vec<AttachedGateway> = world
            .gateways
            .iter()
            .filter(|(_, gateway)| classes.verdict(&gateway.spec.gateway_class_name).is_some())
            .map(|(id, gateway)| {
                let sets = sets.get(id).map_or(&[][..], Vec::as_slice);
                attach(lookup, options, classes, id, gateway, sets)
            })
            .collect();
        all.sort_by(|a, b| a.gateway.metadata.age().cmp(&b.gateway.metadata.age()));
        for (at, fault) in collisions(&all, options) {
            all[at].address_fault = Some(fault);
        }
        let mut proxies: BTreeMap<ProxyId, Vec<&mut AttachedGateway>> = BTreeMap::new();
        for gateway in &mut all {
            proxies.entry(gateway.proxy.clone()).or_default().push(gateway);
        }
        proxies.values_mut().for_each(|members| find_conflicts(members));
        let mut gateways = Gateways::default();
        all.into_iter().enumerate().for_each(|(slot, gateway)| gateways.put(slot, Arc::new(gateway)));
        gateways
    }

    /// Puts a Gateway in its slot.
    pub(crate) fn put(&mut self, slot: Slot, gateway: Arc<AttachedGateway>) {
        self.take(slot);
        self.by_id.insert(gateway.id.clone(), slot);
        let allowed = gateway.sets.iter().filter(|set| set.verdict == SetVerdict::Allowed);
        self.by_set.extend(allowed.map(|set| (set.id.clone(), slot)));
        self.slots.insert(slot, gateway);
    }

    /// Takes the Gateway of a slot away.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<Arc<AttachedGateway>> {
        let held = self.slots.remove(&slot)?;
        self.by_id.remove(&held.id);
        for set in &held.sets {
            // It may have gone over to another Gateway already.
            if self.by_set.get(&set.id) == Some(&slot) {
                self.by_set.remove(&set.id);
            }
        }
        Some(held)
    }

    /// Every Gateway with its slot, in the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Arc<AttachedGateway>)> {
        self.slots.iter().map(|(slot, gateway)| (*slot, gateway))
    }

    /// The Gateway of a slot.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Arc<AttachedGateway>> {
        self.slots.get(&slot)
    }

    /// The slot of the Gateway of this name, if it is ours.
    pub(crate) fn slot(&self, id: &ObjectId) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    /// The slot of the Gateway that lets this ListenerSet in.
    pub(crate) fn slot_of_set(&self, set: &ObjectId) -> Option<Slot> {
        self.by_set.get(set).copied()
    }
}

/// The Gateway a ListenerSet names.
pub(crate) fn gateway_of_set(id: &ObjectId, set: &ListenerSet) -> Option<ObjectId> {
    let parent = &set.spec.parent_ref;
    if &*parent.group != GATEWAY_GROUP || &*parent.kind != "Gateway" {
        return None;
    }
    let namespace = parent.namespace.clone().unwrap_or_else(|| id.namespace.clone());
    Some(ObjectId { kind: crate::api::Kind::Gateway, namespace, name: parent.name.clone() })
}

fn sets_by_gateway(world: &World) -> BTreeMap<ObjectId, Vec<(&ObjectId, &Arc<ListenerSet>)>> {
    let mut sets: BTreeMap<ObjectId, Vec<_>> = BTreeMap::new();
    for (id, set) in &world.listener_sets {
        if let Some(gateway) = gateway_of_set(id, set) {
            sets.entry(gateway).or_default().push((id, set));
        }
    }
    sets
}

/// Looks at a Gateway by itself; what it is beside others comes after.
pub(crate) fn attach(
    lookup: Lookup<'_>,
    options: &Options,
    classes: &Classes,
    id: &ObjectId,
    gateway: &Arc<Gateway>,
    sets: &[(&ObjectId, &Arc<ListenerSet>)],
) -> AttachedGateway {
    let sets = listener_sets::of(lookup, sets, gateway);
    let mut listeners: Vec<AttachedListener> = Vec::with_capacity(gateway.spec.listeners.len());
    for (index, listener) in gateway.spec.listeners.iter().enumerate() {
        listeners.push(AttachedListener::of(lookup, id, Owner::Gateway, index, listener));
    }
    for set in sets.iter().filter(|set| set.verdict == SetVerdict::Allowed) {
        for (index, listener) in set.set.spec.listeners.iter().enumerate() {
            listeners.push(AttachedListener::of(lookup, id, Owner::Set(set.id.clone()), index, listener));
        }
    }
    for listener in &mut listeners {
        clients::settle(lookup, id, gateway, listener);
    }
    let class = &gateway.spec.gateway_class_name;
    lookup.note(|| Fact::Class(class.clone()));
    let (addresses, address_fault) = addresses(options, id, gateway);
    AttachedGateway {
        id: id.clone(),
        gateway: Arc::clone(gateway),
        proxy: match options.proxies {
            Proxies::PerGateway => ProxyId::Gateway(id.clone()),
            Proxies::PerClass => ProxyId::Class(Arc::clone(class)),
        },
        listeners,
        sets,
        addresses,
        address_fault,
        parameters_fault: parameters_fault(gateway, classes.verdict(class)),
        client_certificate: client_certificate(lookup, id, gateway),
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
    lookup: Lookup<'_>,
    id: &ObjectId,
    gateway: &Gateway,
) -> Option<Result<SecretItem, (&'static str, String)>> {
    let reference = gateway.spec.tls.as_ref()?.backend.as_ref()?.client_certificate_ref.as_ref()?;
    let from = Referrer { kind: "Gateway", namespace: &id.namespace };
    let found = certificate(lookup, from, reference, reasons::INVALID_CLIENT_CERTIFICATE_REF);
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

/// Two Gateways with proxies of their own cannot be bound to one socket of one host: which of these, the oldest first, lose.
pub(crate) fn collisions<G: std::borrow::Borrow<AttachedGateway>>(
    all: &[G],
    options: &Options,
) -> Vec<(usize, AddressFault)> {
    if options.proxies == Proxies::PerClass {
        return Vec::new();
    }
    let mut taken: HashMap<(IpAddr, u16, crate::ir::Transport), &ObjectId> = HashMap::new();
    let mut lost = Vec::new();
    for (at, gateway) in all.iter().enumerate() {
        let gateway = gateway.borrow();
        let explicit = options.bind.addresses.contains_key(&gateway.id) || options.bind.usable != Usable::Any;
        if !explicit || !gateway.is_served() {
            continue;
        }
        let mut fault = gateway.address_fault.clone();
        for listener in &gateway.listeners {
            for address in &gateway.addresses {
                let socket = (*address, options.bind.port(listener.port), listener.transport());
                let holder = taken.entry(socket).or_insert(&gateway.id);
                if **holder != gateway.id && fault.is_none() {
                    let message = format!("{}:{} is already bound for {holder}", socket.0, socket.1);
                    fault = Some(AddressFault::NotUsable(message));
                }
            }
        }
        if let (Some(fault), None) = (fault, &gateway.address_fault) {
            lost.push((at, fault));
        }
    }
    lost
}

/// Finds the conflicts among the listeners of one proxy, whose Gateways come the oldest first.
pub(crate) fn find_conflicts(members: &mut [&mut AttachedGateway]) {
    let mut together = Vec::new();
    let mut lengths = Vec::new();
    for gateway in members.iter_mut() {
        let address = gateway.addresses.first().copied().unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let listeners = std::mem::take(&mut gateway.listeners);
        lengths.push(listeners.len());
        together.extend(listeners.into_iter().map(|listener| (address, listener)));
    }
    conflicts::mark(&mut together);
    let mut together = together.into_iter().map(|(_, listener)| listener);
    for (gateway, length) in members.iter_mut().zip(lengths) {
        gateway.listeners = together.by_ref().take(length).collect();
    }
}
