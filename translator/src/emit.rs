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
mod route_table;
mod secret;
mod session;
mod tls;
mod udp;
mod values;

use std::collections::BTreeMap;

use chancery_cache::ResourceSet;
use chancery_protocol::{ResourceName, TypeUrl};
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
    for one in &proxy.secrets {
        add(&mut resources, &secret::message(one), &one.origins);
    }
    for one in &proxy.endpoints {
        add(&mut resources, &endpoints::message(one), &one.origins);
    }
    for one in &proxy.clusters {
        add(&mut resources, &cluster::message(one), &one.origins);
    }
    for one in &proxy.route_tables {
        add(&mut resources, &route_table::message(one, options), &one.origins);
    }
    for one in &proxy.listeners {
        if let Some(message) = listener::message(one) {
            add(&mut resources, &message, &one.origins);
        }
    }
    resources
}

fn add<M: Message + Name>(resources: &mut ResourceSet, message: &M, origins: &[Origin]) {
    let Ok(mut draft) = Draft::new(message) else { return };
    if let Some(first) = origins.first() {
        draft = draft.origin(first.to_string());
    }
    if let Ok(resource) = draft.encode() {
        // The first of its name stays.
        let _ = resources.insert(resource);
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
        tell(TypeUrl::ROUTE, &one.name.0, &one.origins, route_table::parts(one));
    }
    for one in &proxy.listeners {
        tell(TypeUrl::LISTENER, &names::listener(&one.socket), &one.origins, listener::parts(one));
    }
    all
}
