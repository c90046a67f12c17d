//! The endpoints of services, from their slices.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::World;
use crate::api::{Kind, ObjectId};
use crate::ir::{Endpoint, EndpointName, Endpoints, Locality};
use crate::provenance::Origin;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const IMPORT_LABEL: &str = "multicluster.kubernetes.io/service-name";

/// Every slice, by the service it belongs to; those of one service by name.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    by_service: HashMap<ObjectId, Vec<(ObjectId, Arc<EndpointSlice>)>>,
}

/// What the slices of a service say of one of its ports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reached {
    /// Endpoints by address, or none at all.
    Addresses,
    /// Names, each with a port; sorted.
    Names(Vec<(Arc<str>, u16)>),
    /// Both; a proxy cannot have them in one cluster.
    Mixed,
}

/// A port of a service, as slices know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlicePort {
    pub(crate) service: ObjectId,
    pub(crate) name: Arc<str>,
    /// The address family a service of both is reached by, as long as there is a slice of it.
    pub(crate) family: Option<Arc<str>>,
}

/// Which endpoints are meant. Who they are is looked up last, so that a change among them changes nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointSource {
    pub(crate) name: EndpointName,
    /// The ports, each with the name and weight of its locality.
    pub(crate) localities: Vec<(Arc<str>, u32, SlicePort)>,
    pub(crate) origins: Vec<Origin>,
    /// Whether the slices are told as origins too.
    pub(crate) tells_slices: bool,
}

impl Slices {
    pub(crate) fn of(world: &World) -> Slices {
        let mut slices = Slices::default();
        world.endpoint_slices.iter().for_each(|(id, slice)| slices.put(id, slice));
        slices
    }

    /// Adds a slice, or puts it in the place of the one of that name and the same services.
    pub(crate) fn put(&mut self, id: &ObjectId, slice: &Arc<EndpointSlice>) {
        for service in services_of(id, slice) {
            let of = self.by_service.entry(service).or_default();
            match of.binary_search_by(|(known, _)| known.cmp(id)) {
                Ok(at) => of[at].1 = Arc::clone(slice),
                Err(at) => of.insert(at, (id.clone(), Arc::clone(slice))),
            }
        }
    }

    /// Takes a slice away.
    pub(crate) fn take(&mut self, id: &ObjectId, slice: &EndpointSlice) {
        for service in services_of(id, slice) {
            let Some(of) = self.by_service.get_mut(&service) else { continue };
            of.retain(|(known, _)| known != id);
            if of.is_empty() {
                self.by_service.remove(&service);
            }
        }
    }

    fn slices(&self, service: &ObjectId) -> &[(ObjectId, Arc<EndpointSlice>)] {
        self.by_service.get(service).map_or(&[], Vec::as_slice)
    }

    /// How a port is reached.
    pub(crate) fn reached(&self, port: &SlicePort) -> Reached {
        let (mut by_address, mut names) = (false, Vec::new());
        for (_, slice) in self.slices(&port.service) {
            for number in ports(slice, &port.name) {
                match slice.address_type.as_str() {
                    "FQDN" => names.extend(usable(slice).map(|(name, _)| (Arc::from(name), number))),
                    kind => by_address |= usable(slice).any(|found| endpoint(found, number, family_of(kind)).is_some()),
                }
            }
        }
        names.sort();
        names.dedup();
        match (by_address, names.is_empty()) {
            (true, false) => Reached::Mixed,
            (false, false) => Reached::Names(names),
            (_, true) => Reached::Addresses,
        }
    }

    /// Who is meant, sorted, no address of a port twice.
    pub(crate) fn endpoints(&self, source: &EndpointSource) -> Endpoints {
        let mut origins = source.origins.clone();
        if source.tells_slices {
            let slices = source.localities.iter().flat_map(|(_, _, port)| self.slices(&port.service));
            origins.extend(slices.map(|(id, _)| Origin::new(id, "")));
        }
        let locality = |(name, weight, port): &(Arc<str>, u32, SlicePort)| Locality {
            name: name.clone(),
            weight: *weight,
            endpoints: self.addresses(port),
        };
        Endpoints { name: source.name.clone(), localities: source.localities.iter().map(locality).collect(), origins }
    }

    fn addresses(&self, port: &SlicePort) -> Vec<Endpoint> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (_, slice) in self.slices(&port.service) {
            for number in ports(slice, &port.name) {
                let into = match slice.address_type.as_str() {
                    "FQDN" => continue,
                    "IPv6" => &mut v6,
                    _ => &mut v4,
                };
                let family = family_of(&slice.address_type);
                into.extend(usable(slice).filter_map(|found| endpoint(found, number, family)));
            }
        }
        let (first, second) = match port.family.as_deref() {
            Some("IPv6") => (v6, v4),
            _ => (v4, v6),
        };
        let mut endpoints = if first.is_empty() { second } else { first };
        // An address that is listed as ready and as draining is ready.
        endpoints.sort();
        endpoints.dedup_by_key(|endpoint| endpoint.address);
        endpoints
    }
}

/// The services a slice belongs to.
pub(crate) fn services_of(id: &ObjectId, slice: &EndpointSlice) -> impl Iterator<Item = ObjectId> {
    let name = |label: &str| slice.metadata.labels.as_ref()?.get(label).map(|name| Arc::from(name.as_str()));
    let services = [(name(SERVICE_LABEL), Kind::Service), (name(IMPORT_LABEL), Kind::ServiceImport)];
    let namespace = id.namespace.clone();
    services
        .into_iter()
        .filter_map(move |(name, kind)| Some(ObjectId { kind, namespace: namespace.clone(), name: name? }))
}

fn family_of(address_type: &str) -> fn(&IpAddr) -> bool {
    match address_type {
        "IPv6" => IpAddr::is_ipv6,
        _ => IpAddr::is_ipv4,
    }
}

fn ports(slice: &EndpointSlice, name: &str) -> impl Iterator<Item = u16> {
    let ports = slice.ports.iter().flatten();
    let named = ports.filter(move |port| port.name.as_deref().unwrap_or_default() == name);
    named.filter_map(|port| u16::try_from(port.port?).ok()).filter(|port| *port > 0)
}

/// The addresses of a slice that take requests, and whether they are leaving.
fn usable(slice: &EndpointSlice) -> impl Iterator<Item = (&str, bool)> {
    slice.endpoints.iter().flat_map(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        let ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
        let serving = conditions.and_then(|conditions| conditions.serving).unwrap_or(ready);
        let leaving = conditions.and_then(|conditions| conditions.terminating).unwrap_or(false);
        let kept = ready || (serving && leaving);
        // All addresses of an endpoint reach the same; the first is enough.
        endpoint.addresses.iter().take(if kept { 1 } else { 0 }).map(move |address| (address.as_str(), leaving))
    })
}

fn endpoint(found: (&str, bool), port: u16, family: fn(&IpAddr) -> bool) -> Option<Endpoint> {
    let address: IpAddr = found.0.parse().ok().filter(family)?;
    Some(Endpoint { address: SocketAddr::new(address, port), draining: found.1 })
}
