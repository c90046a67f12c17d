//! A reference client: what an Envoy does with what it is told, the parts that hurt included.
//!
//! Of a refused response it keeps the good clusters, listeners and scopes, and a random part of everything else. A new
//! cluster is of no use until its endpoints and secrets come, a new listener until its routes and secrets do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::held::{Slot, announces, names_in};
use super::network::{Downward, Upward};
use super::{Habits, Random, Refusing};
use crate::{
    DeltaRequest, Dress, HeldVersion, Nonce, Refusal, Reply, Resource, ResourceName, SotwRequest, TypeUrl, Version,
    View,
};

/// The types a client asks for, in the order an Envoy first does.
pub(crate) const TYPES: [TypeUrl; 7] = [
    TypeUrl::CLUSTER,
    TypeUrl::ENDPOINTS,
    TypeUrl::LISTENER,
    TypeUrl::ROUTE,
    TypeUrl::SECRET,
    TypeUrl::SCOPED_ROUTE,
    TypeUrl::VIRTUAL_HOST,
];

/// The types it asks for by the names of what other resources name.
const PULLED: [TypeUrl; 3] = [TypeUrl::ENDPOINTS, TypeUrl::ROUTE, TypeUrl::SECRET];

/// How often a client looks whether its first clusters are ready before it goes on without (`initial_fetch_timeout`).
const MOST_LOOKS: u32 = 30;

type Shelf = BTreeMap<ResourceName, Resource>;

/// A simulated Envoy.
#[derive(Debug)]
pub struct Client {
    pub(crate) habits: Habits,
    pub(crate) refusing: Refusing,
    pub(crate) clusters: BTreeMap<ResourceName, Slot>,
    pub(crate) listeners: BTreeMap<ResourceName, Slot>,
    /// What it holds of every other type: what comes takes effect at once.
    others: BTreeMap<TypeUrl, Shelf>,
    /// Endpoints that came since the cluster was last accepted.
    fresh: BTreeSet<ResourceName>,
    subscribed: BTreeMap<TypeUrl, BTreeSet<ResourceName>>,
    versions: BTreeMap<TypeUrl, Version>,
    /// The last nonce of each type on this stream.
    nonces: BTreeMap<TypeUrl, Nonce>,
    asked: BTreeSet<TypeUrl>,
    /// It has asked for listeners once, and from then on does so at once.
    has_started: bool,
    /// How often it looked whether its first clusters are ready.
    looked: u32,
    /// The client applied something a refused response held, which no version tells of.
    pub(crate) between_versions: bool,
}

impl Client {
    /// One that has never been connected.
    pub fn new(habits: Habits, refusing: Refusing) -> Client {
        Client {
            habits,
            refusing,
            clusters: BTreeMap::new(),
            listeners: BTreeMap::new(),
            others: BTreeMap::new(),
            fresh: BTreeSet::new(),
            subscribed: BTreeMap::new(),
            versions: BTreeMap::new(),
            nonces: BTreeMap::new(),
            asked: BTreeSet::new(),
            has_started: !habits.patient,
            looked: 0,
            between_versions: false,
        }
    }

    /// The version it would give of a type at a reconnect (state of the world).
    pub(crate) fn version(&self, type_url: &TypeUrl) -> Option<Version> {
        self.versions.get(type_url).copied()
    }

    /// Whether it got a response of a type on this stream.
    pub(crate) fn was_answered(&self, type_url: &TypeUrl) -> bool {
        self.nonces.contains_key(type_url)
    }

    /// A new stream: the first requests. Whatever the client wants already, it asks for at once.
    pub(crate) fn connect(&mut self) -> Vec<Upward> {
        self.nonces.clear();
        self.asked.clear();
        let wanted: Vec<TypeUrl> = TYPES.into_iter().filter(|type_url| self.wants_at_once(type_url)).collect();
        wanted.iter().map(|type_url| self.first(type_url)).collect()
    }

    fn wants_at_once(&self, type_url: &TypeUrl) -> bool {
        match type_url {
            t if *t == TypeUrl::CLUSTER => true,
            t if *t == TypeUrl::LISTENER => self.has_started,
            t if *t == TypeUrl::SCOPED_ROUTE => self.has_started && self.habits.scoped,
            t if *t == TypeUrl::VIRTUAL_HOST => self.wants_virtual_hosts(),
            _ => self.subscribed.get(type_url).is_some_and(|names| !names.is_empty()),
        }
    }

    fn wants_virtual_hosts(&self) -> bool {
        self.habits.delta && self.all(&TypeUrl::ROUTE).any(announces)
    }

    /// What it holds of a type that is neither clusters nor listeners.
    pub(crate) fn all(&self, type_url: &TypeUrl) -> impl Iterator<Item = &Resource> {
        self.others.get(type_url).into_iter().flat_map(Shelf::values)
    }

    /// The same, by name.
    pub(crate) fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.others.get(type_url)?.get(name)
    }

    fn first(&mut self, type_url: &TypeUrl) -> Upward {
        self.asked.insert(type_url.clone());
        let names: Vec<ResourceName> = self.subscribed.get(type_url).into_iter().flatten().cloned().collect();
        match self.habits.delta {
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

    fn held(&self, type_url: &TypeUrl) -> Vec<(ResourceName, HeldVersion)> {
        let version = |resource: &Resource| HeldVersion::Known(resource.version());
        let slots = |slots: &BTreeMap<ResourceName, Slot>| {
            let held = slots.iter().filter_map(|(name, slot)| Some((name.clone(), version(slot.newest()?))));
            held.collect()
        };
        match type_url {
            t if *t == TypeUrl::CLUSTER => slots(&self.clusters),
            t if *t == TypeUrl::LISTENER => slots(&self.listeners),
            // Endpoints that a new cluster still waits for must come again: it does not say that it holds them.
            t => self
                .all(t)
                .filter(|resource| *t != TypeUrl::ENDPOINTS || self.fresh.contains(resource.name()))
                .map(|resource| (resource.name().clone(), version(resource)))
                .collect(),
        }
    }

    /// Takes in a response; gives what it says to it, in order.
    pub(crate) fn receive(&mut self, random: &mut Random, response: Downward) -> Vec<Upward> {
        if response.dress == Dress::Heartbeat {
            self.nonces.insert(response.type_url.clone(), response.nonce);
            return alloc::vec![self.speak(&response.type_url, Vec::new(), Vec::new(), Reply::Ack(response.nonce))];
        }
        let refusing = self.refusing;
        let bad: Vec<&Resource> = response.resources.iter().filter(|resource| refusing.is_bad(resource)).collect();
        let refusal = (!bad.is_empty()).then(|| refusal(&response.type_url, &bad));
        match &response.type_url {
            t if *t == TypeUrl::CLUSTER || *t == TypeUrl::LISTENER => self.take_slots(&response),
            _ => self.take_others(random, &response, refusal.is_some()),
        }
        if refusal.is_none() {
            self.versions.insert(response.type_url.clone(), response.version);
        } else {
            self.between_versions = true;
        }
        self.nonces.insert(response.type_url.clone(), response.nonce);
        let mut said = Vec::new();
        // Like an Envoy, it asks for what the response made it want before it acknowledges.
        match &response.type_url {
            t if *t == TypeUrl::CLUSTER => said.extend(self.want(&[TypeUrl::ENDPOINTS, TypeUrl::SECRET])),
            t if *t == TypeUrl::LISTENER => said.extend(self.want(&[TypeUrl::ROUTE, TypeUrl::SECRET])),
            t if *t == TypeUrl::SCOPED_ROUTE => said.extend(self.want(&[TypeUrl::ROUTE])),
            t if *t == TypeUrl::ROUTE => {
                self.forget_virtual_hosts();
                if self.wants_virtual_hosts() && !self.asked.contains(&TypeUrl::VIRTUAL_HOST) {
                    said.push(self.first(&TypeUrl::VIRTUAL_HOST));
                }
            }
            _ => {}
        }
        let reply = refusal.map_or(Reply::Ack(response.nonce), |refusal| Reply::Nack(response.nonce, refusal));
        said.push(self.speak(&response.type_url, Vec::new(), Vec::new(), reply));
        self.warm();
        said
    }

    /// What it holds that may name others, serving or not.
    fn holders(&self, target: &TypeUrl) -> impl Iterator<Item = &Resource> {
        let clusters = (*target != TypeUrl::ROUTE).then(|| self.clusters.values()).into_iter().flatten();
        let listeners = (*target != TypeUrl::ENDPOINTS).then(|| self.listeners.values()).into_iter().flatten();
        let scopes = (*target == TypeUrl::ROUTE).then(|| self.all(&TypeUrl::SCOPED_ROUTE)).into_iter().flatten();
        clusters.chain(listeners).flat_map(|slot| slot.active.iter().chain(&slot.warming)).chain(scopes)
    }

    /// Wants what its resources now name of these types, and nothing else.
    fn want(&mut self, types: &[TypeUrl]) -> Vec<Upward> {
        types.iter().filter_map(|type_url| self.want_of(type_url)).collect()
    }

    fn want_of(&mut self, type_url: &TypeUrl) -> Option<Upward> {
        let wanted: BTreeSet<ResourceName> =
            self.holders(type_url).flat_map(|holder| names_in(holder, type_url)).cloned().collect();
        let former = self.subscribed.insert(type_url.clone(), wanted.clone()).unwrap_or_default();
        let gone: Vec<ResourceName> = former.difference(&wanted).cloned().collect();
        if let Some(shelf) = self.others.get_mut(type_url) {
            shelf.retain(|name, _| !gone.contains(name));
        }
        if *type_url == TypeUrl::ENDPOINTS {
            self.fresh.retain(|name| !gone.contains(name));
        }
        if former == wanted {
            return None;
        }
        self.forget_virtual_hosts();
        if !self.asked.contains(type_url) {
            return Some(self.first(type_url));
        }
        let new = wanted.difference(&former).cloned().collect();
        // In the state-of-the-world variant a change of names repeats the last nonce.
        let reply = match (self.habits.delta, self.nonces.get(type_url)) {
            (false, Some(nonce)) => Reply::Ack(*nonce),
            _ => Reply::None,
        };
        Some(self.speak(type_url, new, gone, reply))
    }

    /// Virtual hosts go with the route configuration they belong to.
    fn forget_virtual_hosts(&mut self) {
        let Some(mut hosts) = self.others.remove(&TypeUrl::VIRTUAL_HOST) else { return };
        hosts.retain(|name, _| self.collects(name));
        self.others.insert(TypeUrl::VIRTUAL_HOST, hosts);
    }

    /// Whether a virtual host of this name belongs to a route configuration it holds.
    pub(crate) fn collects(&self, name: &ResourceName) -> bool {
        let table = name.collection().and_then(|table| self.get(&TypeUrl::ROUTE, &ResourceName::new(table)));
        self.habits.delta && table.is_some_and(announces)
    }

    fn speak(
        &self,
        type_url: &TypeUrl,
        subscribe: Vec<ResourceName>,
        unsubscribe: Vec<ResourceName>,
        reply: Reply,
    ) -> Upward {
        let type_url = type_url.clone();
        if self.habits.delta {
            let initial_versions = Vec::new();
            return Upward::Delta(DeltaRequest { type_url, subscribe, unsubscribe, initial_versions, reply });
        }
        let names = self.subscribed.get(&type_url).into_iter().flatten().cloned().collect();
        Upward::Sotw(SotwRequest { version: self.version(&type_url).map(HeldVersion::Known), type_url, names, reply })
    }

    fn take_slots(&mut self, response: &Downward) {
        let clusters = response.type_url == TypeUrl::CLUSTER;
        let (delta, refusing) = (self.habits.delta, self.refusing);
        let slots = if clusters { &mut self.clusters } else { &mut self.listeners };
        if delta {
            for name in &response.removed {
                slots.remove(name);
            }
        } else {
            let named: BTreeSet<&ResourceName> = response.resources.iter().map(Resource::name).collect();
            slots.retain(|name, _| named.contains(name));
        }
        for resource in response.resources.iter().filter(|resource| !refusing.is_bad(resource)) {
            let slot = slots.entry(resource.name().clone()).or_default();
            if slot.newest().is_some_and(|held| held.same_content(resource)) {
                continue;
            }
            slot.warming = Some(resource.clone());
            if clusters {
                for name in names_in(resource, &TypeUrl::ENDPOINTS) {
                    self.fresh.remove(name);
                }
            }
        }
    }

    fn take_others(&mut self, random: &mut Random, response: &Downward, refused: bool) {
        let type_url = &response.type_url;
        let full_state = type_url.traits().full_state;
        let mut held = self.others.remove(type_url).unwrap_or_default();
        if full_state && !self.habits.delta {
            held.retain(|name, _| response.resources.iter().any(|resource| resource.name() == name));
        }
        for name in &response.removed {
            if !refused || full_state || random.once_in(2) {
                held.remove(name);
            }
            self.fresh.extend((*type_url == TypeUrl::ENDPOINTS).then(|| name.clone()));
        }
        for resource in response.resources.iter().filter(|resource| !self.refusing.is_bad(resource)) {
            let name = resource.name();
            if self.accepts(type_url, name) && (!refused || full_state || random.once_in(2)) {
                held.insert(name.clone(), resource.clone());
                self.fresh.extend((*type_url == TypeUrl::ENDPOINTS).then(|| name.clone()));
            }
        }
        self.others.insert(type_url.clone(), held);
    }

    /// Whether it asked for this by name.
    pub(crate) fn subscribes(&self, type_url: &TypeUrl, name: &ResourceName) -> bool {
        self.subscribed.get(type_url).is_some_and(|names| names.contains(name))
    }

    /// Whether it has a use for a resource that is neither a cluster nor a listener.
    fn accepts(&self, type_url: &TypeUrl, name: &ResourceName) -> bool {
        match type_url {
            t if *t == TypeUrl::SCOPED_ROUTE => true,
            t if *t == TypeUrl::VIRTUAL_HOST => self.collects(name),
            t => self.subscribes(t, name),
        }
    }

    /// What has all it waited for begins to serve.
    fn warm(&mut self) {
        let none = Shelf::new();
        let shelf = |type_url: TypeUrl| self.others.get(&type_url).unwrap_or(&none);
        let (routes, secrets) = (shelf(TypeUrl::ROUTE), shelf(TypeUrl::SECRET));
        let all_in = |shelf: &Shelf, resource: &Resource, type_url: TypeUrl| {
            names_in(resource, &type_url).all(|name| shelf.contains_key(name))
        };
        for slot in self.clusters.values_mut() {
            let ready = slot.warming.as_ref().is_some_and(|cluster| {
                names_in(cluster, &TypeUrl::ENDPOINTS).all(|name| self.fresh.contains(name))
                    && all_in(secrets, cluster, TypeUrl::SECRET)
            });
            if ready {
                slot.active = slot.warming.take();
            }
        }
        for slot in self.listeners.values_mut() {
            let ready = slot.warming.as_ref().is_some_and(|listener| {
                all_in(routes, listener, TypeUrl::ROUTE) && all_in(secrets, listener, TypeUrl::SECRET)
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
        TYPES.iter().any(|type_url| view.iter(type_url).any(|resource| self.refusing.is_bad(resource)))
    }

    /// Gives up what no serving or warming listener, no cluster, needs any more; says so.
    pub(crate) fn let_go(&mut self) -> Vec<Upward> {
        let mut said = self.want(&PULLED);
        if !self.has_started && self.may_start() {
            self.has_started = true;
            said.push(self.first(&TypeUrl::LISTENER));
            said.extend(self.habits.scoped.then(|| self.first(&TypeUrl::SCOPED_ROUTE)));
        }
        said
    }

    /// Whether its first clusters are ready, or will not be.
    fn may_start(&mut self) -> bool {
        let answered = self.was_answered(&TypeUrl::CLUSTER);
        self.looked += u32::from(answered);
        answered && (self.looked > MOST_LOOKS || self.clusters.values().all(|slot| slot.warming.is_none()))
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
