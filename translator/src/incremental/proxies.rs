//! All proxies: which there are, and what changes for each.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::ObjectId;
use crate::attach::{AttachedGateway, Slot};
use crate::key::ProxyId;
use crate::lower::plan_sockets;

use super::agenda::Agenda;
use super::change::{ProxyUpdate, Update};
use super::translator::Translator;

impl Translator {
    pub(super) fn update_proxies(&mut self, agenda: &mut Agenda, update: &mut Update) {
        let mut touched: BTreeSet<ProxyId> = BTreeSet::new();
        for id in std::mem::take(&mut agenda.proxies) {
            self.plan_proxy(&id, update);
            touched.insert(id);
        }
        for (at, host) in std::mem::take(&mut agenda.hosts) {
            let Some(id) = self.gateways.at(at.0).map(|gateway| gateway.proxy.clone()) else { continue };
            if let Some(node) = self.proxies.get_mut(&id) {
                node.host_changed(&self.options, at, &host, &self.places);
                touched.insert(id);
            }
        }
        for (at, age) in std::mem::take(&mut agenda.placed) {
            let Some(id) = self.gateways.at(at.0).map(|gateway| gateway.proxy.clone()) else { continue };
            if let Some(node) = self.proxies.get_mut(&id) {
                node.route_changed(at, age, &self.places);
                touched.insert(id);
            }
        }
        for service in std::mem::take(&mut agenda.sliced) {
            for (id, name) in self.endpoint_users.of(&service) {
                if let Some(node) = self.proxies.get_mut(id) {
                    node.endpoints_changed(name);
                    touched.insert(id.clone());
                }
            }
        }
        for id in touched {
            let Some(node) = self.proxies.get_mut(&id) else { continue };
            let patch = node.emit(&id, &self.slices, &mut self.endpoint_users);
            if !patch.is_empty() || update.proxies.contains_key(&id) {
                update.proxies.insert(id, ProxyUpdate::Changed(patch));
            }
        }
    }

    fn plan_proxy(&mut self, id: &ProxyId, update: &mut Update) {
        let members = self.served_members(id);
        if members.is_empty() {
            if let Some(node) = self.proxies.remove(id) {
                node.leave(id, &mut self.endpoint_users);
                update.proxies.insert(id.clone(), ProxyUpdate::Gone);
            }
            return;
        }
        let gateways: Vec<ObjectId> = members.iter().map(|(_, gateway)| gateway.id.clone()).collect();
        let sockets = plan_sockets(&self.options, members.iter().map(|(slot, gateway)| (*slot, gateway)));
        if !self.proxies.contains_key(id) {
            // It is told of even if it serves nothing yet.
            update.proxies.insert(id.clone(), ProxyUpdate::Changed(Default::default()));
        }
        let node = self.proxies.entry(id.clone()).or_default();
        node.plan(&self.options, gateways, sockets, &self.places);
    }

    /// The Gateways a proxy serves, the oldest first.
    fn served_members(&self, proxy: &ProxyId) -> Vec<(Slot, Arc<AttachedGateway>)> {
        let ids = self.members.get(proxy).into_iter().flatten();
        let all = ids.filter_map(|id| self.gateways.slot(id)).filter_map(|slot| Some((slot, self.gateways.at(slot)?)));
        let mut served: Vec<(Slot, Arc<AttachedGateway>)> =
            all.filter(|(_, gateway)| gateway.is_served()).map(|(slot, gateway)| (slot, Arc::clone(gateway))).collect();
        served.sort_by(|(_, a), (_, b)| a.gateway.metadata.age().cmp(&b.gateway.metadata.age()));
        served
    }
}
