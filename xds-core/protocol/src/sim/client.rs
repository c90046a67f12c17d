//! A reference client: what an Envoy does with what it is told, the parts that hurt included.
//!
//! Of a refused response it keeps the good clusters and listeners, and a random part of everything else. A new cluster
//! is of no use until its endpoints come, a new listener until its routes do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Random;
use super::network::{Downward, Upward};
use crate::{
    DeltaRequest, HeldVersion, Nonce, Refusal, Reply, Resource, ResourceName, SotwRequest, TypeUrl, Version, View,
};

/// The types a client asks for, in the order an Envoy first does.
pub(crate) const TYPES: [TypeUrl; 4] = [TypeUrl::CLUSTER, TypeUrl::ENDPOINTS, TypeUrl::LISTENER, TypeUrl::ROUTE];

/// Something that is served from, and what it is about to become.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    /// Serving.
    pub(crate) active: Option<Resource>,
    /// Accepted, and waiting for what it names.
    pub(crate) warming: Option<Resource>,
}

impl Slot {
    pub(crate) fn newest(&self) -> Option<&Resource> {
        self.warming.as_ref().or(self.active.as_ref())
    }
}

/// A simulated Envoy.
#[derive(Debug)]
pub struct Client {
    delta: bool,
    pub(crate) clusters: BTreeMap<ResourceName, Slot>,
    pub(crate) listeners: BTreeMap<ResourceName, Slot>,
    pub(crate) endpoints: BTreeMap<ResourceName, Resource>,
    pub(crate) routes: BTreeMap<ResourceName, Resource>,
    /// Endpoints that came since the cluster was last accepted.
    fresh: BTreeSet<ResourceName>,
    subscribed: BTreeMap<TypeUrl, BTreeSet<ResourceName>>,
    versions: BTreeMap<TypeUrl, Version>,
    /// The last nonce of each type on this stream.
    nonces: BTreeMap<TypeUrl, Nonce>,
    asked: BTreeSet<TypeUrl>,
    /// The client applied something a refused response held, which no version tells of.
    pub(crate) between_versions: bool,
}

/// Whether a client refuses this content.
pub(crate) fn is_bad(resource: &Resource) -> bool {
    resource.body().starts_with(b"bad")
}

fn names_of(resource: &Resource, type_url: &TypeUrl) -> Vec<ResourceName> {
    let named = resource.references().iter().filter(|reference| reference.type_url == *type_url);
    named.map(|reference| reference.name.clone()).collect()
}

impl Client {
    /// One that has never been connected.
    pub fn new(delta: bool) -> Client {
        Client {
            delta,
            clusters: BTreeMap::new(),
            listeners: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            routes: BTreeMap::new(),
            fresh: BTreeSet::new(),
            subscribed: BTreeMap::new(),
            versions: BTreeMap::new(),
            nonces: BTreeMap::new(),
            asked: BTreeSet::new(),
            between_versions: false,
        }
    }

    /// The version it would give of a type at a reconnect (state of the world).
    pub(crate) fn version(&self, type_url: &TypeUrl) -> Option<Version> {
        self.versions.get(type_url).copied()
    }

    /// A new stream: the first requests. Whatever the client wants already, it asks for at once.
    pub(crate) fn connect(&mut self) -> Vec<Upward> {
        self.nonces.clear();
        self.asked.clear();
        let mut requests = alloc::vec![self.first(&TypeUrl::CLUSTER)];
        for type_url in [TypeUrl::ENDPOINTS, TypeUrl::LISTENER, TypeUrl::ROUTE] {
            let wanted =
                type_url == TypeUrl::LISTENER || self.subscribed.get(&type_url).is_some_and(|names| !names.is_empty());
            if wanted {
                requests.push(self.first(&type_url));
            }
        }
        requests
    }

    fn first(&mut self, type_url: &TypeUrl) -> Upward {
        self.asked.insert(type_url.clone());
        let names: Vec<ResourceName> = self.subscribed.get(type_url).into_iter().flatten().cloned().collect();
        match self.delta {
            true => Upward::Delta(DeltaRequest {
                type_url: type_url.clone(),
                subscribe: names,
                unsubscribe: Vec::new(),
                initial_versions: self.held(type_url),
                reply: Reply::None,
            }),
            false => Upward::Sotw(SotwRequest {
                type_url: type_url.clone(),
                version: self.version(type_url).map(HeldVersion::Known),
                names,
                reply: Reply::None,
            }),
        }
    }

    fn held(&self, type_url: &TypeUrl) -> BTreeMap<ResourceName, HeldVersion> {
        let version = |resource: &Resource| HeldVersion::Known(resource.version());
        let slots = |slots: &BTreeMap<ResourceName, Slot>| {
            let held = slots.iter().filter_map(|(name, slot)| Some((name.clone(), version(slot.newest()?))));
            held.collect()
        };
        let plain = |held: &BTreeMap<ResourceName, Resource>| {
            held.iter().map(|(name, resource)| (name.clone(), version(resource))).collect()
        };
        match type_url {
            t if *t == TypeUrl::CLUSTER => slots(&self.clusters),
            t if *t == TypeUrl::LISTENER => slots(&self.listeners),
            // Endpoints that a new cluster still waits for must come again: it does not say that it holds them.
            t if *t == TypeUrl::ENDPOINTS => {
                let mut held: BTreeMap<ResourceName, HeldVersion> = plain(&self.endpoints);
                held.retain(|name, _| self.fresh.contains(name));
                held
            }
            _ => plain(&self.routes),
        }
    }

    /// Takes in a response; gives what it says to it, in order.
    pub(crate) fn receive(&mut self, random: &mut Random, response: Downward) -> Vec<Upward> {
        let bad: Vec<&Resource> = response.resources.iter().filter(|resource| is_bad(resource)).collect();
        let refusal = (!bad.is_empty()).then(|| refusal(&response.type_url, &bad));
        let full_state = response.type_url.traits().full_state;
        if full_state {
            self.take_slots(&response);
        } else {
            self.take_named(random, &response, refusal.is_some());
        }
        if refusal.is_none() {
            self.versions.insert(response.type_url.clone(), response.version);
        } else {
            self.between_versions = true;
        }
        self.nonces.insert(response.type_url.clone(), response.nonce);
        let mut said = Vec::new();
        // Like an Envoy, it asks for what the response made it want before it acknowledges.
        if response.type_url == TypeUrl::CLUSTER {
            said.extend(self.want(&TypeUrl::ENDPOINTS, self.pulled(&self.clusters, &TypeUrl::ENDPOINTS)));
        } else if response.type_url == TypeUrl::LISTENER {
            said.extend(self.want(&TypeUrl::ROUTE, self.pulled(&self.listeners, &TypeUrl::ROUTE)));
        }
        let reply = refusal.map_or(Reply::Ack(response.nonce), |refusal| Reply::Nack(response.nonce, refusal));
        said.push(self.speak(&response.type_url, Vec::new(), Vec::new(), reply));
        self.warm();
        said
    }

    fn pulled(&self, slots: &BTreeMap<ResourceName, Slot>, target: &TypeUrl) -> BTreeSet<ResourceName> {
        let held = slots.values().flat_map(|slot| slot.active.iter().chain(&slot.warming));
        held.flat_map(|resource| names_of(resource, target)).collect()
    }

    fn want(&mut self, type_url: &TypeUrl, wanted: BTreeSet<ResourceName>) -> Option<Upward> {
        let former = self.subscribed.insert(type_url.clone(), wanted.clone()).unwrap_or_default();
        let gone: Vec<ResourceName> = former.difference(&wanted).cloned().collect();
        for name in &gone {
            self.endpoints.retain(|held, _| *type_url != TypeUrl::ENDPOINTS || held != name);
            self.routes.retain(|held, _| *type_url != TypeUrl::ROUTE || held != name);
            self.fresh.remove(name);
        }
        if former == wanted {
            return None;
        }
        if !self.asked.contains(type_url) {
            return Some(self.first(type_url));
        }
        let new = wanted.difference(&former).cloned().collect();
        // In the state-of-the-world variant a change of names repeats the last nonce.
        let reply = match (self.delta, self.nonces.get(type_url)) {
            (false, Some(nonce)) => Reply::Ack(*nonce),
            _ => Reply::None,
        };
        Some(self.speak(type_url, new, gone, reply))
    }

    fn speak(
        &self,
        type_url: &TypeUrl,
        subscribe: Vec<ResourceName>,
        unsubscribe: Vec<ResourceName>,
        reply: Reply,
    ) -> Upward {
        let type_url = type_url.clone();
        if self.delta {
            let initial_versions = BTreeMap::new();
            return Upward::Delta(DeltaRequest { type_url, subscribe, unsubscribe, initial_versions, reply });
        }
        let names = self.subscribed.get(&type_url).into_iter().flatten().cloned().collect();
        Upward::Sotw(SotwRequest { version: self.version(&type_url).map(HeldVersion::Known), type_url, names, reply })
    }

    fn take_slots(&mut self, response: &Downward) {
        let clusters = response.type_url == TypeUrl::CLUSTER;
        let slots = if clusters { &mut self.clusters } else { &mut self.listeners };
        if self.delta {
            for name in &response.removed {
                slots.remove(name);
            }
        } else {
            let named: BTreeSet<&ResourceName> = response.resources.iter().map(Resource::name).collect();
            slots.retain(|name, _| named.contains(name));
        }
        for resource in response.resources.iter().filter(|resource| !is_bad(resource)) {
            let slot = slots.entry(resource.name().clone()).or_default();
            if slot.newest().is_some_and(|held| held.same_content(resource)) {
                continue;
            }
            slot.warming = Some(resource.clone());
            if clusters {
                for name in names_of(resource, &TypeUrl::ENDPOINTS) {
                    self.fresh.remove(&name);
                }
            }
        }
    }

    fn take_named(&mut self, random: &mut Random, response: &Downward, refused: bool) {
        let held = if response.type_url == TypeUrl::ENDPOINTS { &mut self.endpoints } else { &mut self.routes };
        let wanted = self.subscribed.get(&response.type_url);
        for name in &response.removed {
            if !refused || random.once_in(2) {
                held.remove(name);
            }
            self.fresh.insert(name.clone());
        }
        for resource in response.resources.iter().filter(|resource| !is_bad(resource)) {
            let name = resource.name();
            if wanted.is_some_and(|names| names.contains(name)) && (!refused || random.once_in(2)) {
                held.insert(name.clone(), resource.clone());
                self.fresh.insert(name.clone());
            }
        }
    }

    /// What has all it waited for begins to serve.
    fn warm(&mut self) {
        for slot in self.clusters.values_mut() {
            let ready = slot.warming.as_ref().is_some_and(|cluster| {
                names_of(cluster, &TypeUrl::ENDPOINTS).iter().all(|name| self.fresh.contains(name))
            });
            if ready {
                slot.active = slot.warming.take();
            }
        }
        for slot in self.listeners.values_mut() {
            let ready = slot.warming.as_ref().is_some_and(|listener| {
                names_of(listener, &TypeUrl::ROUTE).iter().all(|name| self.routes.contains_key(name))
            });
            if ready {
                slot.active = slot.warming.take();
            }
        }
    }

    /// Whether it serves from something while something newer is not ready.
    pub(crate) fn is_warming(&self) -> bool {
        self.clusters
            .values()
            .chain(self.listeners.values())
            .any(|slot| slot.warming.is_some() && slot.active.is_some())
    }

    /// Whether the newest content of some type is one it refused, so that no version tells what it holds.
    pub(crate) fn holds_refused<V: View>(&self, view: &V) -> bool {
        TYPES.iter().any(|type_url| view.iter(type_url).any(is_bad))
    }

    /// Gives up what no serving or warming listener, no cluster, needs any more; says so.
    pub(crate) fn let_go(&mut self) -> Vec<Upward> {
        let mut said = Vec::new();
        said.extend(self.want(&TypeUrl::ENDPOINTS, self.pulled(&self.clusters, &TypeUrl::ENDPOINTS)));
        said.extend(self.want(&TypeUrl::ROUTE, self.pulled(&self.listeners, &TypeUrl::ROUTE)));
        said
    }
}

fn refusal(type_url: &TypeUrl, bad: &[&Resource]) -> Refusal {
    let words: Vec<String> = bad.iter().map(|resource| format!("{}: bad content", resource.name())).collect();
    let message = match type_url.traits().full_state {
        true => format!("Error adding/updating resource(s) {}", words.join(", ")),
        false => "bad content".to_string(),
    };
    Refusal::new(13, &message)
}
