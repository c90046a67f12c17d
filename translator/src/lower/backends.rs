//! From a reference to a backend to the cluster that reaches it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::api::{BackendRef, Kind, ObjectId, Service, ServiceImport};
use crate::attach::{AttachedGateway, Fact, Lookup, Referrer};
use crate::ir::{Cluster, ClusterName, Destination, SecretItem, Transport, UpstreamProtocol};
use crate::provenance::Origin;
use crate::{names, reasons};

use super::backend_tls::{Governing, Policies};
use super::slices::{EndpointSource, Reached, SlicePort, Slices};

/// What is sent to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Traffic {
    Http,
    Grpc,
    Stream,
    Datagrams,
}

/// A backend that can be reached, or may be once it has endpoints.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Backend {
    pub(crate) cluster: Cluster,
    /// None for a backend that is reached by name.
    pub(crate) endpoints: Option<EndpointSource>,
    pub(crate) secrets: Vec<SecretItem>,
}

/// What a reference comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) outcome: Outcome,
    /// The policies attached to what it refers to.
    pub(crate) policies: Vec<ObjectId>,
}

/// Whether there is a backend.
#[derive(Debug, Clone, PartialEq)]
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

/// What of a service is asked for: a port, for this traffic, under a Gateway that shows a certificate of its own.
pub(crate) type Asked = (u16, Traffic, Option<ObjectId>);

/// What services lead to. References are many, what they lead to is little: each is looked up once.
#[derive(Debug, Default)]
pub(crate) struct Memo(HashMap<ObjectId, HashMap<Asked, Known>>);

/// What something leads to, and how its port was reached when that was found out.
#[derive(Debug, Clone)]
struct Known {
    resolved: Resolved,
    reached: Option<(SlicePort, Reached)>,
}

impl Memo {
    /// Forgets a service.
    pub(crate) fn forget(&mut self, service: &ObjectId) {
        self.0.remove(service);
    }

    /// Forgets what was found out for a Gateway that shows a certificate.
    pub(crate) fn forget_shown(&mut self, gateway: &ObjectId) {
        self.0.values_mut().for_each(|of| of.retain(|(_, _, shown), _| shown.as_ref() != Some(gateway)));
    }

    /// Whether some port of a service is no longer reached the way it was.
    pub(crate) fn is_reached_otherwise(&self, service: &ObjectId, slices: &Slices) -> bool {
        let known = self.0.get(service).into_iter().flat_map(HashMap::values);
        known.filter_map(|known| known.reached.as_ref()).any(|(port, reached)| slices.reached(port) != *reached)
    }
}

/// Everything a reference to a backend is looked up in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backends<'w> {
    pub(crate) lookup: Lookup<'w>,
    pub(crate) slices: &'w Slices,
    pub(crate) policies: &'w Policies,
    pub(crate) memo: &'w RefCell<Memo>,
}

impl Backends<'_> {
    /// What a reference of a route comes to under a Gateway.
    pub(crate) fn resolve(
        &self,
        gateway: &AttachedGateway,
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
        if !self.lookup.allow(from, &reference.group, &reference.kind, &namespace, &reference.name) {
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
        self.lookup.note(|| Fact::Backend(id.clone()));
        // Only where the Gateway shows a certificate of its own does the Gateway matter.
        let shown = matches!(gateway.client_certificate, Some(Ok(_))).then(|| gateway.id.clone());
        let asked = (port, traffic, shown);
        if let Some(known) = self.memo.borrow().0.get(&id).and_then(|of| of.get(&asked)) {
            return known.resolved.clone();
        }
        let known = self.look_up(gateway, &id, port, traffic);
        let resolved = known.resolved.clone();
        self.memo.borrow_mut().0.entry(id).or_default().insert(asked, known);
        resolved
    }

    fn look_up(&self, gateway: &AttachedGateway, id: &ObjectId, port: u16, traffic: Traffic) -> Known {
        // Who refers to the service is told by what the service leads to.
        let lookup = self.lookup.silent();
        let found = match id.kind {
            Kind::ServiceImport => lookup.service_import(id).map(|import| import_port(id, import, port)),
            _ => lookup.service(id).map(|service| service_port(id, service, port, traffic)),
        };
        let invalid = |reason, message| {
            let resolved = Resolved { outcome: Outcome::Invalid { reason, message }, policies: Vec::new() };
            Known { resolved, reached: None }
        };
        let port_found = match found {
            None => return invalid(reasons::BACKEND_NOT_FOUND, format!("{id} does not exist")),
            Some(Err((reason, message))) => return invalid(reason, message),
            Some(Ok(found)) => found,
        };
        let policies = self.policies.attached(id, &port_found.name);
        let slice_port = SlicePort {
            service: id.clone(),
            name: port_found.name.as_str().into(),
            family: port_found.family.as_deref().map(Into::into),
        };
        let reached = self.slices.reached(&slice_port);
        let outcome = self.reach(gateway, port, &port_found, traffic, &slice_port, &reached);
        Known { resolved: Resolved { outcome, policies }, reached: Some((slice_port, reached)) }
    }

    fn reach(
        &self,
        gateway: &AttachedGateway,
        port: u16,
        found: &Port,
        traffic: Traffic,
        slice_port: &SlicePort,
        reached: &Reached,
    ) -> Outcome {
        let id = &slice_port.service;
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
        let (destination, endpoints) = match reached {
            Reached::Mixed => {
                let message = format!("{id}: its EndpointSlices mix addresses and names");
                return Outcome::Invalid { reason: reasons::BACKEND_NOT_FOUND, message };
            }
            Reached::Names(names) => (Destination::Names(names.clone()), None),
            Reached::Addresses => {
                let transport = if traffic == Traffic::Datagrams { Transport::Udp } else { Transport::Tcp };
                let name = names::endpoints(prefix, &id.namespace, &id.name, port, transport);
                let source = EndpointSource {
                    name: name.clone(),
                    localities: vec![("".into(), 1, slice_port.clone())],
                    origins: vec![Origin::new(id, "")],
                    tells_slices: true,
                };
                (Destination::Endpoints(name), Some(source))
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
