//! Which routes are on which listeners, and for which hosts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::attach::RouteAge;
use crate::host::Host;
use crate::lower::{ListenerAt, LoweredRoute, Placed, RoutesOf};

use super::agenda::Agenda;

/// Which routes are on which listeners.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<ListenerAt, Listener>);

#[derive(Debug, Default)]
struct Listener {
    routes: BTreeMap<RouteAge, Entry>,
    by_host: HashMap<Host, BTreeSet<RouteAge>>,
}

/// What a route is on a listener.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) route: Arc<LoweredRoute>,
    pub(super) hosts: Vec<Host>,
}

impl Places {
    /// Puts a route on a listener, or in the place of what it was there.
    pub(super) fn put(&mut self, at: ListenerAt, age: &RouteAge, entry: Entry, agenda: &mut Agenda) {
        let listener = self.0.entry(at).or_default();
        if listener.routes.get(age) == Some(&entry) {
            return;
        }
        agenda.hosts.extend(entry.hosts.iter().map(|host| (at, host.clone())));
        agenda.placed.insert((at, age.clone()));
        let hosts = entry.hosts.clone();
        match listener.routes.insert(age.clone(), entry) {
            Some(before) => listener.leave(at, age, &before.hosts, agenda),
            None => drop(agenda.counted.insert(at)),
        }
        for host in hosts {
            listener.by_host.entry(host).or_default().insert(age.clone());
        }
    }

    /// Takes a route from a listener.
    pub(super) fn take(&mut self, at: ListenerAt, age: &RouteAge, agenda: &mut Agenda) {
        let Some(listener) = self.0.get_mut(&at) else { return };
        let Some(before) = listener.routes.remove(age) else { return };
        agenda.placed.insert((at, age.clone()));
        agenda.counted.insert(at);
        listener.leave(at, age, &before.hosts, agenda);
        if listener.routes.is_empty() {
            self.0.remove(&at);
        }
    }

    /// What a route is on a listener.
    pub(super) fn get(&self, at: ListenerAt, age: &RouteAge) -> Option<&Entry> {
        self.0.get(&at)?.routes.get(age)
    }

    /// How many routes are on a listener.
    pub(super) fn count(&self, at: ListenerAt) -> usize {
        self.0.get(&at).map_or(0, |listener| listener.routes.len())
    }

    /// The routes on a listener, the oldest first.
    pub(super) fn ages(&self, at: ListenerAt) -> impl Iterator<Item = &RouteAge> {
        self.0.get(&at).into_iter().flat_map(|listener| listener.routes.keys())
    }

    /// The hosts of the routes on a listener.
    pub(super) fn hosts(&self, at: ListenerAt) -> impl Iterator<Item = &Host> {
        self.0.get(&at).into_iter().flat_map(|listener| listener.by_host.keys())
    }

    /// The routes on a listener for one host, the oldest first.
    pub(super) fn on_host(&self, at: ListenerAt, host: &Host) -> impl Iterator<Item = Placed<'_>> {
        let listener = self.0.get(&at);
        let ages = listener.and_then(|listener| listener.by_host.get(host)).into_iter().flatten();
        ages.filter_map(move |age| Some(listener?.routes.get(age)?.placed(age)))
    }
}

impl Listener {
    fn leave(&mut self, at: ListenerAt, age: &RouteAge, hosts: &[Host], agenda: &mut Agenda) {
        for host in hosts {
            agenda.hosts.insert((at, host.clone()));
            let Some(ages) = self.by_host.get_mut(host) else { continue };
            ages.remove(age);
            if ages.is_empty() {
                self.by_host.remove(host);
            }
        }
    }
}

impl Entry {
    fn placed<'a>(&'a self, age: &'a RouteAge) -> Placed<'a> {
        Placed { age, route: &self.route, hosts: &self.hosts }
    }
}

impl RoutesOf for Places {
    fn routes_of(&self, listener: ListenerAt) -> Vec<Placed<'_>> {
        let routes = self.0.get(&listener).into_iter().flat_map(|listener| &listener.routes);
        routes.map(|(age, entry)| entry.placed(age)).collect()
    }
}
