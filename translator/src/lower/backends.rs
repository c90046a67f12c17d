//! From a reference to a backend to the cluster that reaches it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::World;
use crate::api::{BackendRef, Kind, ObjectId, Service, ServiceImport};
use crate::attach::{AttachedGateway, Grants, Referrer};
use crate::ir::{Cluster, ClusterName, Destination, Endpoint, Endpoints, Locality, SecretItem, UpstreamProtocol};
use crate::provenance::Origin;
use crate::{names, reasons};

use super::backend_tls::{Governing, Policies};
use super::slices::{Reached, Slices};

/// What is sent to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Traffic {
    Http,
    Grpc,
    Stream,
    Datagrams,
}

/// A backend that can be reached, or may be once it has endpoints.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) cluster: Cluster,
    pub(crate) endpoints: Option<Endpoints>,
    pub(crate) secrets: Vec<SecretItem>,
}

impl Backend {
    /// The endpoints by address; none for a backend that is reached by name.
    pub(crate) fn addresses(&self) -> Vec<Endpoint> {
        let localities = self.endpoints.iter().flat_map(|endpoints| &endpoints.localities);
        localities.flat_map(|locality| locality.endpoints.iter().cloned()).collect()
    }
}

/// What a reference comes to.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) outcome: Outcome,
    /// The policies attached to what it refers to.
    pub(crate) policies: Vec<ObjectId>,
}

/// Whether there is a backend.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Backend(Arc<Backend>),
    /// The reference is wrong: its share is answered with 500.
    Invalid {
        reason: &'static str,
        message: String,
    },
    /// The reference is right, and nothing may be sent there.
    Barred,
}

type Memo = HashMap<(ObjectId, u16, Traffic, Option<ObjectId>), Resolved>;

/// Everything a reference to a backend is looked up in.
#[derive(Debug)]
pub(crate) struct Backends<'w> {
    world: &'w World,
    grants: &'w Grants,
    slices: Slices<'w>,
    policies: Policies<'w>,
    /// References are many, what they lead to is little: each is looked up once.
    memo: RefCell<Memo>,
}

impl<'w> Backends<'w> {
    pub(crate) fn new(world: &'w World, grants: &'w Grants) -> Backends<'w> {
        let (slices, policies) = (Slices::of(world), Policies::of(world, grants));
        Backends { world, grants, slices, policies, memo: RefCell::default() }
    }

    pub(crate) fn into_policies(self) -> Policies<'w> {
        self.policies
    }

    /// What a reference of a route comes to under a Gateway.
    pub(crate) fn resolve(
        &self,
        gateway: &AttachedGateway<'_>,
        route: &ObjectId,
        reference: &BackendRef,
        traffic: Traffic,
    ) -> Resolved {
        let invalid =
            |reason, message| Resolved { outcome: Outcome::Invalid { reason, message }, policies: Vec::new() };
        let kind = match Kind::of(&reference.group, &reference.kind) {
            Some(kind @ (Kind::Service | Kind::ServiceImport)) => kind,
            _ => {
                let message = format!(
                    "{} ({}) is not a kind of backend; Service and ServiceImport are",
                    reference.kind, reference.group
                );
                return invalid(reasons::INVALID_KIND, message);
            }
        };
        let namespace = reference.namespace.clone().unwrap_or_else(|| route.namespace.clone());
        let from = Referrer { kind: route.kind.as_str(), namespace: &route.namespace };
        if !self.grants.allow(from, &reference.group, &reference.kind, &namespace, &reference.name) {
            let message = format!(
                "no ReferenceGrant in {namespace} lets {} of {} refer to {kind} {}",
                route.kind, route.namespace, reference.name
            );
            return invalid(reasons::REF_NOT_PERMITTED, message);
        }
        let id = ObjectId { kind, namespace, name: reference.name.clone() };
        let Some(port) = reference.port.and_then(|port| u16::try_from(port).ok()) else {
            return invalid(reasons::BACKEND_NOT_FOUND, format!("{id}: a port of it must be given"));
        };
        // Only where the Gateway shows a certificate of its own does the Gateway matter.
        let shown = matches!(gateway.client_certificate, Some(Ok(_))).then(|| gateway.id.clone());
        let key = (id, port, traffic, shown);
        if let Some(known) = self.memo.borrow().get(&key) {
            return known.clone();
        }
        let resolved = self.look_up(gateway, &key.0, port, traffic);
        self.memo.borrow_mut().insert(key, resolved.clone());
        resolved
    }

    fn look_up(&self, gateway: &AttachedGateway<'_>, id: &ObjectId, port: u16, traffic: Traffic) -> Resolved {
        let found = match id.kind {
            Kind::ServiceImport => self.world.service_imports.get(id).map(|import| import_port(id, import, port)),
            _ => self.world.services.get(id).map(|service| service_port(id, service, port, traffic)),
        };
        let invalid =
            |reason, message| Resolved { outcome: Outcome::Invalid { reason, message }, policies: Vec::new() };
        let port_found = match found {
            None => return invalid(reasons::BACKEND_NOT_FOUND, format!("{id} does not exist")),
            Some(Err((reason, message))) => return invalid(reason, message),
            Some(Ok(found)) => found,
        };
        let policies = self.policies.attached(id, &port_found.name);
        let outcome = self.reach(gateway, id, port, &port_found, traffic);
        Resolved { outcome, policies }
    }

    fn reach(
        &self,
        gateway: &AttachedGateway<'_>,
        id: &ObjectId,
        port: u16,
        found: &Port,
        traffic: Traffic,
    ) -> Outcome {
        let prefix = id.kind.lower();
        let protocol = protocol(traffic, found.app_protocol.as_deref());
        let mut variant: Vec<String> = match protocol {
            UpstreamProtocol::Http1 => Vec::new(),
            UpstreamProtocol::Http2 => vec!["h2".to_owned()],
            UpstreamProtocol::Raw if traffic == Traffic::Datagrams => vec!["udp".to_owned()],
            UpstreamProtocol::Raw => vec!["tcp".to_owned()],
        };
        let mut origins = vec![Origin::new(id, format!("spec.ports[{}]", found.index))];
        let mut secrets = Vec::new();
        let tls = match self.policies.governing(id, &found.name) {
            _ if traffic == Traffic::Datagrams => None,
            Governing::Nothing => None,
            Governing::Broken => return Outcome::Barred,
            Governing::Policy(policy, governing) => {
                variant.push(policy.to_string());
                origins.push(Origin::new(&policy, "spec.validation"));
                secrets.extend(governing.authorities.clone());
                let mut tls = governing.tls.clone();
                if let Some(Ok(certificate)) = &gateway.client_certificate {
                    variant.push(gateway.id.to_string());
                    origins.push(Origin::new(&gateway.id, "spec.tls.backend.clientCertificateRef"));
                    tls.client_certificate = Some(certificate.name.clone());
                    secrets.push(certificate.clone());
                }
                Some(tls)
            }
        };
        let variant: Vec<&str> = variant.iter().map(String::as_str).collect();
        let name = names::cluster(prefix, &id.namespace, &id.name, port, &variant);
        let (destination, endpoints) = match self.slices.reached(id, &found.name, found.family.as_deref()) {
            Reached::Mixed => {
                let message = format!("{id}: its EndpointSlices mix addresses and names");
                return Outcome::Invalid { reason: reasons::BACKEND_NOT_FOUND, message };
            }
            Reached::Names(names) => (Destination::Names(names), None),
            Reached::Addresses(endpoints) => {
                let name = names::endpoints(prefix, &id.namespace, &id.name, port);
                let mut origins = vec![Origin::new(id, "")];
                origins.extend(self.slices.ids(id).map(|slice| Origin::new(slice, "")));
                let localities = vec![Locality { name: "".into(), weight: 1, endpoints }];
                let endpoints = Endpoints { name: name.clone(), localities, origins };
                (Destination::Endpoints(name), Some(endpoints))
            }
        };
        let cluster = Cluster { name, destination, protocol, tls, sticky: false, origins };
        Outcome::Backend(Arc::new(Backend { cluster, endpoints, secrets }))
    }
}

fn protocol(traffic: Traffic, app_protocol: Option<&str>) -> UpstreamProtocol {
    match (traffic, app_protocol) {
        (Traffic::Stream | Traffic::Datagrams, _) => UpstreamProtocol::Raw,
        (Traffic::Grpc, _) => UpstreamProtocol::Http2,
        (Traffic::Http, Some("kubernetes.io/h2c" | "h2c" | "http2" | "grpc" | "kubernetes.io/grpc")) => {
            UpstreamProtocol::Http2
        }
        (Traffic::Http, _) => UpstreamProtocol::Http1,
    }
}

/// A port of a service.
struct Port {
    index: usize,
    name: String,
    app_protocol: Option<String>,
    family: Option<String>,
}

type PortFault = (&'static str, String);

fn service_port(id: &ObjectId, service: &Service, port: u16, traffic: Traffic) -> Result<Port, PortFault> {
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        let message = format!("{id} is of type ExternalName, which could lead anywhere and is refused");
        return Err((reasons::UNSUPPORTED_VALUE, message));
    }
    let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let carries = |protocol: Option<&str>| match traffic {
        Traffic::Datagrams => protocol == Some("UDP"),
        _ => protocol.unwrap_or("TCP") == "TCP",
    };
    let found =
        ports.iter().enumerate().find(|(_, known)| known.port == i32::from(port) && carries(known.protocol.as_deref()));
    let Some((index, found)) = found else {
        let transport = if traffic == Traffic::Datagrams { "UDP" } else { "TCP" };
        return Err((reasons::BACKEND_NOT_FOUND, format!("{id} has no {transport} port {port}")));
    };
    let families = spec.and_then(|spec| spec.ip_families.as_ref());
    Ok(Port {
        index,
        name: found.name.clone().unwrap_or_default(),
        app_protocol: found.app_protocol.clone(),
        family: families.and_then(|families| families.first().cloned()),
    })
}

fn import_port(id: &ObjectId, import: &ServiceImport, port: u16) -> Result<Port, PortFault> {
    let found = import.spec.ports.iter().enumerate().find(|(_, known)| known.port == i32::from(port));
    let Some((index, found)) = found else {
        return Err((reasons::BACKEND_NOT_FOUND, format!("{id} has no port {port}")));
    };
    let name = found.name.as_deref().unwrap_or_default().to_owned();
    Ok(Port { index, name, app_protocol: found.app_protocol.clone(), family: None })
}

/// The cluster nobody serves.
pub(crate) fn never() -> ClusterName {
    names::never()
}
