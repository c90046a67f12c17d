//! Watches a simulation, and says which promise was broken.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::client::{Client, TYPES};
use super::held::{Slot, names_in};
use super::network::{Downward, Parcel};
use crate::{Dress, Event, Nonce, Reference, Resource, ResourceName, TypeUrl, View};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// Which invariant: `I1` convergence, `I2` make before break, `I3` no regression, `I4` no phantom, `I6` nonces,
    /// `P22` no loop; or another word, of whoever supplies the truth or carries the messages.
    pub invariant: &'static str,
    /// What happened.
    pub what: String,
}

impl Offence {
    pub(crate) fn of_client(mut self, at: usize) -> Offence {
        self.what = format!("client {at}: {}", self.what);
        self
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// What the oracle knows of one client and its stream.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// The age of the newest content each name was accepted with, on this stream.
    accepted: BTreeMap<(TypeUrl, ResourceName), u64>,
    /// Names a deadline released: what they break is counted, and no offence.
    released: BTreeSet<(TypeUrl, ResourceName)>,
    /// What is named and comes from elsewhere.
    externals: BTreeSet<Reference>,
    /// The stream began with something the protocol cannot tell the server of.
    pub(crate) blind: bool,
    /// Listeners of a first answer to a client that had none, until they serve with all they name: such an answer comes whole and
    /// at once, and there was nothing to break.
    first: BTreeSet<ResourceName>,
    /// The client had taken a part of something it refused when a stream began, and said the version it had before.
    misled: bool,
    pub(crate) overdue: u64,
}

impl Oracle {
    /// Of a client that gets some of what is named from elsewhere.
    pub(crate) fn new(externals: BTreeSet<Reference>) -> Oracle {
        Oracle { externals, ..Oracle::default() }
    }

    /// A new stream has begun.
    pub(crate) fn new_stream(&mut self, client: &Client, blind: bool) {
        self.accepted.clear();
        self.blind = blind;
        self.misled |= !client.habits.delta && client.between_versions;
    }

    /// Whether the version the client says of a type is that of the view, and what it holds is something else: when the world
    /// went back to what it was before the refusal, no server can know.
    fn is_misled<V: View>(&self, client: &Client, view: &V, type_url: &TypeUrl) -> bool {
        self.misled && type_url.traits().full_state && client.version(type_url) == Some(view.digest(type_url).version())
    }

    /// The client was seen to be up to date: nothing needs to be excused any more.
    pub(crate) fn forgive(&mut self) {
        self.released.clear();
        self.first.clear();
        self.blind = false;
        self.misled = false;
    }

    pub(crate) fn hear(&mut self, event: &Event) {
        if let Event::Overdue { type_url, name } = event {
            self.overdue += 1;
            self.released.insert((type_url.clone(), name.clone()));
        }
    }

    /// A response is handed out.
    pub(crate) fn sent<V: View>(
        &self,
        view: &V,
        last: Option<Nonce>,
        response: &Downward,
        exists: impl Fn(&Resource) -> bool,
    ) -> Result<(), Offence> {
        if last.is_some_and(|last| response.nonce <= last) {
            return offence("I6", format!("{:?} repeats nonce {}", response.type_url, response.nonce));
        }
        let mut seen = BTreeSet::new();
        for resource in &response.resources {
            if !seen.insert(resource.name()) || response.removed.contains(resource.name()) {
                return offence("P28", format!("{resource:?} stands twice in one response"));
            }
            if !exists(resource) {
                return offence("I4", format!("{resource:?} was never published"));
            }
        }
        let phantom = response.removed.iter().find(|name| view.get(&response.type_url, name).is_some());
        match phantom {
            Some(name) => offence("I4", format!("{:?} {name} was called removed, and exists", response.type_url)),
            None => Ok(()),
        }
    }

    /// A response has arrived: nothing may be older than what was accepted before.
    pub(crate) fn arrived(&mut self, client: &Client, parcel: &Parcel) -> Result<(), Offence> {
        let Parcel { response, ages } = parcel;
        if response.dress == Dress::Heartbeat {
            return Ok(());
        }
        let is_bad = |resource: &Resource| client.refusing.is_bad(resource);
        let refused = response.resources.iter().any(is_bad);
        if response.type_url == TypeUrl::LISTENER
            && client.listeners.is_empty()
            && !client.was_answered(&TypeUrl::LISTENER)
        {
            self.first.extend(response.resources.iter().map(|listener| listener.name().clone()));
        }
        for (resource, age) in response.resources.iter().zip(ages) {
            let key = (response.type_url.clone(), resource.name().clone());
            if self.accepted.get(&key).is_some_and(|newest| age < newest) {
                return offence("I3", format!("{resource:?} ({age}) is older than what was accepted"));
            }
            if !refused || (response.type_url.traits().full_state && !is_bad(resource)) {
                self.accepted.insert(key, *age);
            }
        }
        Ok(())
    }

    /// Every serving listener's routes name clusters that serve.
    pub(crate) fn serving<V: View>(&mut self, client: &Client, view: &V) -> Result<(), Offence> {
        if self.blind {
            return Ok(());
        }
        let serving = client.listeners.values().filter_map(|slot| slot.active.as_ref());
        for listener in serving {
            if self.is_released(&TypeUrl::LISTENER, listener.name()) {
                continue;
            }
            match self.reachable(client, listener, view) {
                Err(_) if self.first.contains(listener.name()) => {}
                Err(offence) => return Err(offence),
                Ok(()) => drop(self.first.remove(listener.name())),
            }
            for name in names_in(listener, &TypeUrl::ROUTE) {
                match client.get(&TypeUrl::ROUTE, name) {
                    Some(table) => self.routed(client, table, view)?,
                    None if self.is_released(&TypeUrl::ROUTE, name) => {}
                    None => {
                        return offence("I2", format!("{listener:?} serves, and its routes {name} are gone"));
                    }
                }
            }
        }
        // A scope is there as soon as it comes; its routes are asked for after it.
        for scope in client.all(&TypeUrl::SCOPED_ROUTE) {
            let tables = names_in(scope, &TypeUrl::ROUTE).filter_map(|name| client.get(&TypeUrl::ROUTE, name));
            for table in tables {
                self.routed(client, table, view)?;
            }
        }
        Ok(())
    }

    /// A table serves, with the virtual hosts that belong to it.
    fn routed<V: View>(&self, client: &Client, table: &Resource, view: &V) -> Result<(), Offence> {
        self.reachable(client, table, view)?;
        let hosts = client.all(&TypeUrl::VIRTUAL_HOST);
        for host in hosts.filter(|host| host.name().collection() == Some(table.name().as_str())) {
            self.reachable(client, host, view)?;
        }
        Ok(())
    }

    /// The clusters it names serve.
    fn reachable<V: View>(&self, client: &Client, holder: &Resource, view: &V) -> Result<(), Offence> {
        let named = holder.references().iter().filter(|named| named.type_url == TypeUrl::CLUSTER);
        for cluster in named.filter(|named| !self.externals.contains(named)) {
            let slot = client.clusters.get(&cluster.name);
            let excused = self.is_released(holder.type_url(), holder.name())
                || self.is_released(&TypeUrl::CLUSTER, &cluster.name)
                || pulled(slot).any(|named| self.is_released(&named.type_url, &named.name));
            // What needs content the client refuses never gets ready; the wait for it is bounded.
            let hopeless = pulled(slot)
                .any(|named| view.get(&named.type_url, &named.name).is_some_and(|found| client.refusing.is_bad(found)));
            let Some(serving) = slot.and_then(|slot| slot.active.as_ref()) else {
                if excused || hopeless {
                    continue;
                }
                return offence("I2", format!("{holder:?} serves and names {}, which does not", cluster.name));
            };
            for named in serving.references() {
                let there = client.get(&named.type_url, &named.name).is_some();
                if !there && !excused && !self.is_released(&named.type_url, &named.name) {
                    let exists = view.get(&named.type_url, &named.name).is_some();
                    return offence("I2", format!("{serving:?} serves without {named:?} (exists: {exists})"));
                }
            }
        }
        Ok(())
    }

    fn is_released(&self, type_url: &TypeUrl, name: &ResourceName) -> bool {
        self.released.contains(&(type_url.clone(), name.clone()))
    }

    /// All is quiet: the client holds what it should, but for what it refuses, and nothing else. Gives whether it is up to date.
    pub(crate) fn converged<V: View>(&self, client: &Client, view: &V) -> Result<bool, Offence> {
        let is_bad = |resource: &Resource| client.refusing.is_bad(resource);
        let (misled, known): (Vec<TypeUrl>, Vec<TypeUrl>) =
            TYPES.into_iter().partition(|type_url| self.is_misled(client, view, type_url));
        for type_url in &known {
            for desired in view.iter(type_url).filter(|desired| !is_bad(desired)) {
                let wanted = match type_url {
                    t if *t == TypeUrl::CLUSTER || *t == TypeUrl::LISTENER => true,
                    t if *t == TypeUrl::SCOPED_ROUTE => client.habits.scoped,
                    t if *t == TypeUrl::VIRTUAL_HOST => client.collects(desired.name()),
                    t => client.subscribes(t, desired.name()),
                };
                let refused = |named: &Reference| view.get(&named.type_url, &named.name).is_some_and(is_bad);
                let kept_waiting = desired.references().iter().any(refused);
                let look = if kept_waiting { accepted } else { held };
                let held = look(client, type_url, desired.name());
                if wanted && held.is_none_or(|held| !held.same_content(desired)) {
                    return offence("I1", format!("the client should hold {desired:?}, and holds {held:?}"));
                }
            }
        }
        let slots = [(TypeUrl::CLUSTER, &client.clusters), (TypeUrl::LISTENER, &client.listeners)];
        let slotted = slots.iter().flat_map(|(type_url, slots)| slots.keys().map(move |name| (type_url, name)));
        let others = TYPES.iter().flat_map(|type_url| {
            // In state of the world nobody can say that something of another type is gone (P27).
            let sayable = client.habits.delta || type_url.traits().full_state;
            client.all(type_url).filter(move |_| sayable).map(move |resource| (type_url, resource.name()))
        });
        let mut gone = slotted.chain(others).filter(|(type_url, name)| view.get(type_url, name).is_none());
        match gone.find(|(type_url, _)| known.contains(type_url)) {
            Some((type_url, name)) => offence("I1", format!("the client still holds {type_url:?} {name}")),
            None => Ok(misled.is_empty() && !client.holds_refused(view)),
        }
    }
}

/// What a cluster needs to serve.
fn pulled(slot: Option<&Slot>) -> impl Iterator<Item = &Reference> {
    let held = slot.into_iter().flat_map(|slot| slot.active.iter().chain(&slot.warming));
    held.flat_map(Resource::references)
}

fn held<'a>(client: &'a Client, type_url: &TypeUrl, name: &ResourceName) -> Option<&'a Resource> {
    match type_url {
        t if *t == TypeUrl::CLUSTER => client.clusters.get(name).and_then(|slot| slot.active.as_ref()),
        t if *t == TypeUrl::LISTENER => client.listeners.get(name).and_then(|slot| slot.active.as_ref()),
        t => client.get(t, name),
    }
}

/// What the client has accepted, even if what it names is missing so that it cannot serve.
fn accepted<'a>(client: &'a Client, type_url: &TypeUrl, name: &ResourceName) -> Option<&'a Resource> {
    let slots = if *type_url == TypeUrl::CLUSTER { &client.clusters } else { &client.listeners };
    slots.get(name).and_then(Slot::newest).or_else(|| held(client, type_url, name))
}

pub(crate) fn offence<T>(invariant: &'static str, what: String) -> Result<T, Offence> {
    Err(Offence { invariant, what })
}
