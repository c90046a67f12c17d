//! The endpoints of services, from their slices.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::World;
use crate::api::{Kind, ObjectId};
use crate::ir::Endpoint;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const IMPORT_LABEL: &str = "multicluster.kubernetes.io/service-name";

/// Every slice, by the service it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Slices<'w> {
    by_service: HashMap<ObjectId, Vec<(&'w ObjectId, &'w EndpointSlice)>>,
}

/// What the slices of a service say of one of its ports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reached {
    /// Endpoints by address; sorted, no address twice.
    Addresses(Vec<Endpoint>),
    /// Names, each with a port; sorted.
    Names(Vec<(Arc<str>, u16)>),
    /// Both; a proxy cannot have them in one cluster.
    Mixed,
}

impl<'w> Slices<'w> {
    pub(crate) fn of(world: &'w World) -> Slices<'w> {
        let mut by_service: HashMap<ObjectId, Vec<_>> = HashMap::new();
        for (id, slice) in &world.endpoint_slices {
            let Some(labels) = &slice.metadata.labels else { continue };
            let services = [(SERVICE_LABEL, Kind::Service), (IMPORT_LABEL, Kind::ServiceImport)];
            for (label, kind) in services {
                if let Some(name) = labels.get(label) {
                    let service = ObjectId { kind, namespace: id.namespace.clone(), name: name.as_str().into() };
                    by_service.entry(service).or_default().push((id, &**slice));
                }
            }
        }
        Slices { by_service }
    }

    /// The slices of a service.
    pub(crate) fn ids(&self, service: &ObjectId) -> impl Iterator<Item = &'w ObjectId> {
        self.by_service.get(service).into_iter().flatten().map(|(id, _)| *id)
    }

    /// Who is behind the port of this name. A service of both address families is reached by `family`, as long as there is a
    /// slice of it.
    pub(crate) fn reached(&self, service: &ObjectId, port_name: &str, family: Option<&str>) -> Reached {
        let slices = self.by_service.get(service).map_or(&[][..], Vec::as_slice);
        let (mut v4, mut v6, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (_, slice) in slices {
            for port in ports(slice, port_name) {
                match slice.address_type.as_str() {
                    "FQDN" => names.extend(usable(slice).map(|(name, _)| (Arc::from(name), port))),
                    "IPv6" => v6.extend(usable(slice).filter_map(|found| endpoint(found, port, IpAddr::is_ipv6))),
                    _ => v4.extend(usable(slice).filter_map(|found| endpoint(found, port, IpAddr::is_ipv4))),
                }
            }
        }
        let (first, second) = match family {
            Some("IPv6") => (v6, v4),
            _ => (v4, v6),
        };
        let mut endpoints = if first.is_empty() { second } else { first };
        match (endpoints.is_empty(), names.is_empty()) {
            (false, false) => Reached::Mixed,
            (true, false) => {
                names.sort();
                names.dedup();
                Reached::Names(names)
            }
            _ => {
                // An address that is listed as ready and as draining is ready.
                endpoints.sort();
                endpoints.dedup_by_key(|endpoint| endpoint.address);
                Reached::Addresses(endpoints)
            }
        }
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
