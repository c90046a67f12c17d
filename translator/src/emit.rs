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

use chancery_cache::ResourceSet;
use chancery_resource::Draft;
use prost::{Message, Name};

use crate::ir;
use crate::options::Options;
use crate::provenance::{Origin, Provenance, Provenances};

/// The resources of a proxy, and where each comes from.
///
/// It never fails: what cannot be said to Envoy (a socket nothing answers on) is left out, and of two resources of one type and
/// name the first stays. Lowering makes neither.
///
/// ```
/// use chancery_translator::{Options, emit, ir};
///
/// let (resources, provenances) = emit(&ir::Proxy::default(), &Options::default());
/// assert!(resources.is_empty() && provenances.is_empty());
/// ```
pub fn emit(proxy: &ir::Proxy, options: &Options) -> (ResourceSet, Provenances) {
    let mut emission = Emission::default();
    for one in &proxy.secrets {
        emission.add(&secret::message(one), &one.origins, []);
    }
    for one in &proxy.endpoints {
        emission.add(&endpoints::message(one), &one.origins, []);
    }
    for one in &proxy.clusters {
        emission.add(&cluster::message(one), &one.origins, []);
    }
    for one in &proxy.route_tables {
        emission.add(&route_table::message(one, options), &one.origins, route_table::parts(one));
    }
    for one in &proxy.listeners {
        if let Some(message) = listener::message(one) {
            emission.add(&message, &one.origins, listener::parts(one));
        }
    }
    (emission.resources, emission.provenances)
}

#[derive(Default)]
struct Emission {
    resources: ResourceSet,
    provenances: Provenances,
}

impl Emission {
    fn add<M: Message + Name>(
        &mut self,
        message: &M,
        origins: &[Origin],
        parts: impl IntoIterator<Item = (String, Vec<Origin>)>,
    ) {
        let Ok(mut draft) = Draft::new(message) else { return };
        if let Some(first) = origins.first() {
            draft = draft.origin(first.to_string());
        }
        let Ok(resource) = draft.encode() else { return };
        let key = (resource.type_url().clone(), resource.name().clone());
        if self.resources.insert(resource).is_err() {
            return;
        }
        let mut provenance = Provenance { origins: origins.to_vec(), ..Provenance::default() };
        for (part, origins) in parts {
            provenance.parts.entry(part).or_default().extend(origins);
        }
        self.provenances.insert(key, provenance);
    }
}
