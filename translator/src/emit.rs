//! From the model to Envoy's messages: one message for each thing, and no decision that is not about Envoy.

mod action;
mod chain;
mod cluster;
mod connection_manager;
mod cors;
mod endpoints;
mod headers;
mod listener;
mod matches;
mod metadata;
mod redirect;
mod retry;
mod rewrite;
mod route;
pub(crate) mod route_table;
mod scope;
mod secret;
mod session;
mod tls;
mod udp;
mod values;

use std::collections::BTreeMap;

use chancery_cache::ResourceSet;
use chancery_protocol::{Resource, ResourceName, TypeUrl};
use chancery_resource::Draft;
use prost::{Message, Name};

use crate::ir;
use crate::names;
use crate::options::Options;
use crate::provenance::{Origin, Provenance};

/// The resources of a proxy.
///
/// It never fails: what cannot be said to Envoy (a socket nothing answers on) is left out, and of two resources of one type and
/// name the first stays. Lowering makes neither.
///
/// ```
/// use chancery_translator::{Options, emit, ir};
///
/// assert!(emit(&ir::Proxy::default(), &Options::default()).is_empty());
/// ```
pub fn emit(proxy: &ir::Proxy, options: &Options) -> ResourceSet {
    let mut resources = ResourceSet::new();
    let secrets = proxy.secrets.iter().map(secret);
    let endpoints = proxy.endpoints.iter().map(endpoints);
    let clusters = proxy.clusters.iter().map(cluster);
    let tables = proxy.route_tables.iter().flat_map(|table| route_table::resources(table, options)).map(Some);
    let listeners = proxy.listeners.iter().map(listener);
    for resource in secrets.chain(endpoints).chain(clusters).chain(tables).chain(listeners).flatten() {
        // The first of its name stays.
        let _ = resources.insert(resource);
    }
    resources
}

pub(crate) fn secret(one: &ir::SecretItem) -> Option<Resource> {
    resource(&secret::message(one), &one.origins)
}

pub(crate) fn endpoints(one: &ir::Endpoints) -> Option<Resource> {
    resource(&endpoints::message(one), &one.origins)
}

pub(crate) fn cluster(one: &ir::Cluster) -> Option<Resource> {
    resource(&cluster::message(one), &one.origins)
}

/// `None` when nothing would answer.
pub(crate) fn listener(one: &ir::Listener) -> Option<Resource> {
    resource(&listener::message(one)?, &one.origins)
}

fn resource<M: Message + Name>(message: &M, origins: &[Origin]) -> Option<Resource> {
    told(Draft::new(message).ok()?, origins).encode().ok()
}

fn told(draft: Draft, origins: &[Origin]) -> Draft {
    match origins.first() {
        Some(first) => draft.origin(first.to_string()),
        None => draft,
    }
}

/// Where each resource of a proxy comes from.
pub(crate) fn provenances(proxy: &ir::Proxy) -> BTreeMap<(TypeUrl, ResourceName), Provenance> {
    let mut all = BTreeMap::new();
    let mut tell = |type_url: TypeUrl, name: &str, origins: &[Origin], parts: Vec<(String, Vec<Origin>)>| {
        let mut provenance = Provenance { origins: origins.to_vec(), ..Provenance::default() };
        for (part, origins) in parts {
            provenance.parts.entry(part).or_default().extend(origins);
        }
        all.entry((type_url, ResourceName::new(name))).or_insert(provenance);
    };
    for one in &proxy.secrets {
        tell(TypeUrl::SECRET, &one.name.0, &one.origins, Vec::new());
    }
    for one in &proxy.endpoints {
        tell(TypeUrl::ENDPOINTS, &one.name.0, &one.origins, Vec::new());
    }
    for one in &proxy.clusters {
        tell(TypeUrl::CLUSTER, &one.name.0, &one.origins, Vec::new());
    }
    for one in &proxy.route_tables {
        for (type_url, name, origins, parts) in route_table::sources(one) {
            tell(type_url, &name, origins, parts);
        }
    }
    for one in &proxy.listeners {
        tell(TypeUrl::LISTENER, &names::listener(&one.socket), &one.origins, listener::parts(one));
    }
    all
}
