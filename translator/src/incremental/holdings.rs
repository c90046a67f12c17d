//! The clusters, endpoints and secrets of a proxy: each is there as long as somebody needs it.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use crate::attach::RouteAge;
use crate::ir::{ClusterName, EndpointName, SecretItem, SecretName, Socket};
use crate::lower::{Backend, EndpointSource, ListenerAt, Needs};

/// Who needs something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A route, on a listener whose routes are in a table.
    Route(ListenerAt, RouteAge),
    /// What answers on a socket.
    Socket(Socket),
}

/// Things by name, each with the number of those who need it. Of one name there is one thing: the name says all of it.
#[derive(Debug)]
struct Counted<N, T>(HashMap<N, (usize, T)>);

/// What a proxy needs, and what of that is new.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    held: HashMap<Holder, Needs>,
    clusters: Counted<ClusterName, Arc<Backend>>,
    endpoints: Counted<EndpointName, EndpointSource>,
    secrets: Counted<SecretName, SecretItem>,
    pub(super) fresh: Fresh,
}

/// The names of what may be new, another, or no longer there.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub(super) clusters: BTreeSet<ClusterName>,
    pub(super) endpoints: BTreeSet<EndpointName>,
    pub(super) secrets: BTreeSet<SecretName>,
}

impl<N, T> Default for Counted<N, T> {
    fn default() -> Self {
        Counted(HashMap::new())
    }
}

impl<N: Eq + Hash + Ord + Clone, T: PartialEq + Clone> Counted<N, T> {
    fn add(&mut self, name: &N, thing: &T, fresh: &mut BTreeSet<N>) {
        match self.0.get_mut(name) {
            Some((count, known)) => {
                *count += 1;
                if known != thing {
                    *known = thing.clone();
                    fresh.insert(name.clone());
                }
            }
            None => {
                self.0.insert(name.clone(), (1, thing.clone()));
                fresh.insert(name.clone());
            }
        }
    }

    fn remove(&mut self, name: &N, fresh: &mut BTreeSet<N>) {
        let Some((count, _)) = self.0.get_mut(name) else { return };
        *count -= 1;
        if *count == 0 {
            self.0.remove(name);
            fresh.insert(name.clone());
        }
    }
}

impl Holdings {
    /// What somebody needs now, in place of what they needed before.
    pub(super) fn hold(&mut self, holder: Holder, needs: Needs) {
        if self.held.get(&holder).unwrap_or(&Needs::default()) == &needs {
            return;
        }
        // First what is needed now, so that what stays is never gone.
        for backend in &needs.backends {
            self.add(backend);
        }
        for secret in &needs.secrets {
            self.secrets.add(&secret.name, secret, &mut self.fresh.secrets);
        }
        let before = match needs == Needs::default() {
            true => self.held.remove(&holder),
            false => self.held.insert(holder, needs),
        };
        let before = before.unwrap_or_default();
        before.backends.iter().for_each(|backend| self.remove(backend));
        before.secrets.iter().for_each(|secret| self.secrets.remove(&secret.name, &mut self.fresh.secrets));
    }

    fn add(&mut self, backend: &Arc<Backend>) {
        self.clusters.add(&backend.cluster.name, backend, &mut self.fresh.clusters);
        if let Some(source) = &backend.endpoints {
            self.endpoints.add(&source.name, source, &mut self.fresh.endpoints);
        }
        for secret in &backend.secrets {
            self.secrets.add(&secret.name, secret, &mut self.fresh.secrets);
        }
    }

    fn remove(&mut self, backend: &Backend) {
        self.clusters.remove(&backend.cluster.name, &mut self.fresh.clusters);
        if let Some(source) = &backend.endpoints {
            self.endpoints.remove(&source.name, &mut self.fresh.endpoints);
        }
        for secret in &backend.secrets {
            self.secrets.remove(&secret.name, &mut self.fresh.secrets);
        }
    }

    /// The routes that need something.
    pub(super) fn routes(&self) -> impl Iterator<Item = (ListenerAt, RouteAge)> {
        self.held.keys().filter_map(|holder| match holder {
            Holder::Route(at, age) => Some((*at, age.clone())),
            Holder::Socket(_) => None,
        })
    }

    pub(super) fn cluster(&self, name: &ClusterName) -> Option<&Backend> {
        self.clusters.0.get(name).map(|(_, backend)| &**backend)
    }

    pub(super) fn endpoints(&self, name: &EndpointName) -> Option<&EndpointSource> {
        self.endpoints.0.get(name).map(|(_, source)| source)
    }

    pub(super) fn secret(&self, name: &SecretName) -> Option<&SecretItem> {
        self.secrets.0.get(name).map(|(_, item)| item)
    }

    /// Everything that is needed.
    pub(super) fn all(&self) -> (Vec<&Backend>, Vec<&EndpointSource>, Vec<&SecretItem>) {
        (
            self.clusters.0.values().map(|(_, backend)| &**backend).collect(),
            self.endpoints.0.values().map(|(_, source)| source).collect(),
            self.secrets.0.values().map(|(_, item)| item).collect(),
        )
    }
}
