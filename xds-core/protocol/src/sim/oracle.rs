//! Watches a simulation, and says which promise was broken.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use core::fmt;

use super::client::{Client, Slot, TYPES, is_bad};
use super::network::Downward;
use crate::{Event, Nonce, Resource, ResourceName, TypeUrl, View};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// Which invariant: `I1` convergence, `I2` make before break, `I3` no regression, `I4` no phantom, `I6` nonces,
    /// `P22` no loop.
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
    /// The stream began with something the protocol cannot tell the server of.
    pub(crate) blind: bool,
    pub(crate) overdue: u64,
}

impl Oracle {
    /// A new stream has begun.
    pub(crate) fn new_stream(&mut self, blind: bool) {
        self.accepted.clear();
        self.blind = blind;
    }

    /// The client was seen to be up to date: nothing needs to be excused any more.
    pub(crate) fn forgive(&mut self) {
        self.released.clear();
        self.blind = false;
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
    pub(crate) fn arrived(&mut self, response: &Downward) -> Result<(), Offence> {
        let refused = response.resources.iter().any(is_bad);
        for resource in &response.resources {
            let key = (response.type_url.clone(), resource.name().clone());
            let age = age(resource);
            if self.accepted.get(&key).is_some_and(|newest| age < *newest) {
                return offence("I3", format!("{resource:?} ({age}) is older than what was accepted"));
            }
            if !refused || (response.type_url.traits().full_state && !is_bad(resource)) {
                self.accepted.insert(key, age);
            }
        }
        Ok(())
    }

    /// Every serving listener's routes name clusters that serve.
    pub(crate) fn serving<V: View>(&self, client: &Client, view: &V) -> Result<(), Offence> {
        if self.blind {
            return Ok(());
        }
        let serving = client.listeners.values().filter_map(|slot| slot.active.as_ref());
        for listener in serving.filter(|listener| !self.is_released(&TypeUrl::LISTENER, listener.name())) {
            for route in listener.references().iter().filter(|reference| reference.type_url == TypeUrl::ROUTE) {
                let Some(table) = client.routes.get(&route.name) else {
                    if self.is_released(&TypeUrl::ROUTE, &route.name) {
                        continue;
                    }
                    return offence("I2", format!("{listener:?} serves, and its routes {} are gone", route.name));
                };
                self.reachable(client, table, view)?;
            }
        }
        Ok(())
    }

    fn reachable<V: View>(&self, client: &Client, table: &Resource, view: &V) -> Result<(), Offence> {
        for cluster in table.references() {
            let serving = client.clusters.get(&cluster.name).and_then(|slot| slot.active.as_ref());
            let excused = self.is_released(&TypeUrl::ROUTE, table.name())
                || self.is_released(&TypeUrl::CLUSTER, &cluster.name)
                || endpoints(client.clusters.get(&cluster.name))
                    .any(|name| self.is_released(&TypeUrl::ENDPOINTS, name));
            // What needs content the client refuses never gets ready; the wait for it is bounded.
            let hopeless = endpoints(client.clusters.get(&cluster.name))
                .any(|name| view.get(&TypeUrl::ENDPOINTS, name).is_some_and(is_bad));
            let Some(serving) = serving else {
                if excused || hopeless {
                    continue;
                }
                return offence("I2", format!("{table:?} serves and names {}, which does not", cluster.name));
            };
            for named in serving.references() {
                let there = client.endpoints.contains_key(&named.name);
                if !there && !excused && !self.is_released(&TypeUrl::ENDPOINTS, &named.name) {
                    let exists = view.get(&TypeUrl::ENDPOINTS, &named.name).is_some();
                    return offence(
                        "I2",
                        format!("{serving:?} serves without endpoints {} (exist: {exists})", named.name),
                    );
                }
            }
        }
        Ok(())
    }

    fn is_released(&self, type_url: &TypeUrl, name: &ResourceName) -> bool {
        self.released.contains(&(type_url.clone(), name.clone()))
    }

    /// All is quiet: the client holds what it should, but for what it refuses.
    pub(crate) fn converged<V: View>(&self, client: &Client, view: &V) -> Result<(), Offence> {
        for type_url in TYPES {
            for desired in view.iter(&type_url).filter(|desired| !is_bad(desired)) {
                let wanted = match &type_url {
                    t if *t == TypeUrl::ENDPOINTS => named_by(&client.clusters, desired),
                    t if *t == TypeUrl::ROUTE => named_by(&client.listeners, desired),
                    _ => true,
                };
                let refused = |named: &crate::Reference| view.get(&named.type_url, &named.name).is_some_and(is_bad);
                let kept_waiting = desired.references().iter().any(refused);
                let look = if kept_waiting { accepted } else { held };
                let held = look(client, &type_url, desired.name());
                if wanted && held.is_none_or(|held| !held.same_content(desired)) {
                    return offence("I1", format!("the client should hold {desired:?}, and holds {held:?}"));
                }
            }
        }
        for (type_url, names) in
            [(TypeUrl::CLUSTER, client.clusters.keys()), (TypeUrl::LISTENER, client.listeners.keys())]
        {
            for name in names {
                if view.get(&type_url, name).is_none() {
                    return offence("I1", format!("the client still holds {type_url:?} {name}"));
                }
            }
        }
        Ok(())
    }
}

fn endpoints(slot: Option<&Slot>) -> impl Iterator<Item = &ResourceName> {
    let held = slot.into_iter().flat_map(|slot| slot.active.iter().chain(&slot.warming));
    held.flat_map(Resource::references).map(|reference| &reference.name)
}

fn named_by(slots: &BTreeMap<ResourceName, Slot>, target: &Resource) -> bool {
    let held = slots.values().filter_map(Slot::newest);
    held.flat_map(Resource::references).any(|named| named.name == *target.name())
}

fn held<'a>(client: &'a Client, type_url: &TypeUrl, name: &ResourceName) -> Option<&'a Resource> {
    match type_url {
        t if *t == TypeUrl::CLUSTER => client.clusters.get(name).and_then(|slot| slot.active.as_ref()),
        t if *t == TypeUrl::LISTENER => client.listeners.get(name).and_then(|slot| slot.active.as_ref()),
        t if *t == TypeUrl::ENDPOINTS => client.endpoints.get(name),
        _ => client.routes.get(name),
    }
}

/// What the client has accepted, even if what it names is missing so that it cannot serve.
fn accepted<'a>(client: &'a Client, type_url: &TypeUrl, name: &ResourceName) -> Option<&'a Resource> {
    let slots = if *type_url == TypeUrl::CLUSTER { &client.clusters } else { &client.listeners };
    slots.get(name).and_then(Slot::newest).or_else(|| held(client, type_url, name))
}

/// Labels are numbered in the order they were made.
fn age(resource: &Resource) -> u64 {
    let label = core::str::from_utf8(resource.body()).unwrap_or_default();
    label.rsplit('v').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

pub(crate) fn offence<T>(invariant: &'static str, what: String) -> Result<T, Offence> {
    Err(Offence { invariant, what })
}
