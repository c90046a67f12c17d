//! What the routes of a proxy need beside themselves: clusters, endpoints and secrets, each once.

use std::collections::BTreeMap;

use crate::ir::{Cluster, ClusterName, EndpointName, Endpoints, SecretItem, SecretName};

use super::backends::Backend;
use super::slices::Slices;

/// Clusters, endpoints and secrets by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inventory {
    clusters: BTreeMap<ClusterName, Cluster>,
    endpoints: BTreeMap<EndpointName, Endpoints>,
    secrets: BTreeMap<SecretName, SecretItem>,
}

impl Inventory {
    pub(crate) fn add(&mut self, slices: &Slices, backend: &Backend) {
        if self.clusters.contains_key(&backend.cluster.name) {
            return;
        }
        self.clusters.insert(backend.cluster.name.clone(), backend.cluster.clone());
        if let Some(source) = &backend.endpoints {
            self.endpoints.entry(source.name.clone()).or_insert_with(|| slices.endpoints(source));
        }
        backend.secrets.iter().for_each(|secret| self.add_secret(secret));
    }

    pub(crate) fn add_secret(&mut self, secret: &SecretItem) {
        self.secrets.entry(secret.name.clone()).or_insert_with(|| secret.clone());
    }

    pub(crate) fn into_parts(self) -> (Vec<Cluster>, Vec<Endpoints>, Vec<SecretItem>) {
        (
            self.clusters.into_values().collect(),
            self.endpoints.into_values().collect(),
            self.secrets.into_values().collect(),
        )
    }
}
