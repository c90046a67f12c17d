//! Which proxies have endpoints of a service.

use std::collections::{BTreeSet, HashMap};

use crate::api::ObjectId;
use crate::ir::EndpointName;
use crate::key::ProxyId;
use crate::lower::EndpointSource;

/// By service: the proxies, and the names under which they have its endpoints.
#[derive(Debug, Default)]
pub(super) struct EndpointUsers(HashMap<ObjectId, BTreeSet<(ProxyId, EndpointName)>>);

impl EndpointUsers {
    pub(super) fn add(&mut self, proxy: &ProxyId, source: &EndpointSource) {
        for (_, _, port) in &source.localities {
            self.0.entry(port.service.clone()).or_default().insert((proxy.clone(), source.name.clone()));
        }
    }

    pub(super) fn remove(&mut self, proxy: &ProxyId, source: &EndpointSource) {
        for (_, _, port) in &source.localities {
            let Some(users) = self.0.get_mut(&port.service) else { continue };
            users.remove(&(proxy.clone(), source.name.clone()));
            if users.is_empty() {
                self.0.remove(&port.service);
            }
        }
    }

    pub(super) fn of(&self, service: &ObjectId) -> impl Iterator<Item = &(ProxyId, EndpointName)> {
        self.0.get(service).into_iter().flatten()
    }
}
