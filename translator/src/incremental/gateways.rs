//! Gateways: each by itself, and beside the others of its proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{ObjectId, Status};
use crate::attach::{
    AddressFault, AttachedGateway, AttachedListener, Fact, Lookup, Reads, Slot, attach_gateway, collisions,
    find_conflicts,
};
use crate::key::ProxyId;
use crate::options::Usable;
use crate::status;

use super::agenda::Agenda;
use super::said::Said;
use super::translator::Translator;

/// A Gateway, looked at by itself.
#[derive(Debug)]
pub(super) struct GatewayNode {
    slot: Slot,
    alone: AttachedGateway,
}

impl Translator {
    pub(super) fn update_gateways(&mut self, agenda: &mut Agenda, said: &mut Said) {
        let mut proxies = BTreeSet::new();
        for id in std::mem::take(&mut agenda.gateways) {
            let alone = self.look_at_gateway(&id);
            if self.alone.get(&id).map(|node| &node.alone) == alone.as_ref() {
                continue;
            }
            proxies.extend(self.put_gateway(&id, alone, agenda, said));
        }
        // Those whose sockets are bound elsewhere.
        proxies.extend(agenda.proxies.iter().cloned());
        if proxies.is_empty() {
            return;
        }
        proxies.extend(self.find_collisions());
        for proxy in &proxies {
            self.settle_proxy(proxy, agenda, said);
        }
        agenda.proxies.extend(proxies);
    }

    fn look_at_gateway(&mut self, id: &ObjectId) -> Option<AttachedGateway> {
        let reads = Reads::default();
        let lookup = Lookup::told(&self.world, &self.grants, &reads);
        let gateway = self.world.gateways.get(id);
        if let Some(gateway) = gateway {
            lookup.note(|| Fact::Class(gateway.spec.gateway_class_name.clone()));
        }
        let ours = gateway.filter(|gateway| self.classes.verdict(&gateway.spec.gateway_class_name).is_some());
        let alone = ours.map(|gateway| {
            let sets = self.sets.get(id).into_iter().flatten();
            let sets: Vec<_> = sets.filter_map(|set| self.world.listener_sets.get_key_value(set)).collect();
            attach_gateway(lookup, &self.options, &self.classes, id, gateway, &sets)
        });
        self.dependents.set(id, reads.into_facts());
        alone
    }

    /// Also returns the proxies it leaves and joins.
    fn put_gateway(
        &mut self,
        id: &ObjectId,
        alone: Option<AttachedGateway>,
        agenda: &mut Agenda,
        said: &mut Said,
    ) -> BTreeSet<ProxyId> {
        let mut proxies = BTreeSet::new();
        let before = self.alone.remove(id);
        if let Some(before) = &before {
            let proxy = &before.alone.proxy;
            proxies.insert(proxy.clone());
            if let Some(members) = self.members.get_mut(proxy) {
                members.remove(id);
                if members.is_empty() {
                    self.members.remove(proxy);
                }
            }
        }
        match alone {
            Some(alone) => {
                proxies.insert(alone.proxy.clone());
                self.members.entry(alone.proxy.clone()).or_default().insert(id.clone());
                let slot = before.map(|before| before.slot).unwrap_or_else(|| {
                    self.next_slot += 1;
                    self.next_slot
                });
                self.alone.insert(id.clone(), GatewayNode { slot, alone });
            }
            None => {
                let held = before.and_then(|before| self.gateways.take(before.slot));
                if let Some(held) = held {
                    self.parents_changed(Some(&held), None, agenda);
                }
                said.complain(&mut self.problems, id, Vec::new());
                agenda.gateway_statuses.insert(id.clone());
            }
        }
        proxies
    }

    /// Finds out anew which Gateways cannot have the sockets they want; also returns the proxies for which that is new. Only
    /// where sockets are given out on one host is there anything to find, and only there are all Gateways looked at.
    fn find_collisions(&mut self) -> BTreeSet<ProxyId> {
        let bind = &self.options.bind;
        let mut now: BTreeMap<ObjectId, AddressFault> = BTreeMap::new();
        if !bind.addresses.is_empty() || bind.usable != Usable::Any {
            let mut all: Vec<&AttachedGateway> = self.alone.values().map(|node| &node.alone).collect();
            all.sort_by(|a, b| a.gateway.metadata.age().cmp(&b.gateway.metadata.age()));
            let lost = collisions(&all, &self.options);
            now.extend(lost.into_iter().map(|(at, fault)| (all[at].id.clone(), fault)));
        }
        let before = std::mem::replace(&mut self.collisions, now);
        let ids = before.keys().chain(self.collisions.keys());
        let changed = ids.filter(|id| before.get(*id) != self.collisions.get(*id));
        changed.filter_map(|id| self.alone.get(id)).map(|node| node.alone.proxy.clone()).collect()
    }

    /// Looks at the Gateways of a proxy beside each other.
    fn settle_proxy(&mut self, proxy: &ProxyId, agenda: &mut Agenda, said: &mut Said) {
        let ids = self.members.get(proxy).into_iter().flatten();
        let nodes = ids.filter_map(|id| self.alone.get(id));
        let mut together: Vec<(Slot, AttachedGateway)> = nodes.map(|node| (node.slot, node.alone.clone())).collect();
        together.sort_by(|(_, a), (_, b)| a.gateway.metadata.age().cmp(&b.gateway.metadata.age()));
        for (_, gateway) in &mut together {
            if let Some(fault) = self.collisions.get(&gateway.id) {
                gateway.address_fault = Some(fault.clone());
            }
        }
        find_conflicts(&mut together.iter_mut().map(|(_, gateway)| gateway).collect::<Vec<_>>());
        for (slot, gateway) in together {
            let before = self.gateways.at(slot).cloned();
            if before.as_deref() == Some(&gateway) {
                continue;
            }
            said.complain(&mut self.problems, &gateway.id, status::problems::of_gateway(&self.options, &gateway));
            agenda.gateway_statuses.insert(gateway.id.clone());
            let shown = |gateway: &AttachedGateway| gateway.client_certificate.clone();
            if before.as_deref().is_some_and(|before| shown(before) != shown(&gateway)) {
                self.memo.forget_shown(&gateway.id);
            }
            let gateway = Arc::new(gateway);
            self.gateways.put(slot, Arc::clone(&gateway));
            if !before.as_deref().is_some_and(|before| look_alike_to_routes(before, &gateway)) {
                self.parents_changed(before.as_deref(), Some(&gateway), agenda);
            }
        }
    }

    fn parents_changed(&self, before: Option<&AttachedGateway>, now: Option<&AttachedGateway>, agenda: &mut Agenda) {
        for gateway in [before, now].into_iter().flatten() {
            agenda.changed(&self.dependents, &Fact::Parent(gateway.id.clone()));
            for set in &gateway.sets {
                agenda.changed(&self.dependents, &Fact::Parent(set.id.clone()));
            }
        }
    }

    pub(super) fn say_gateways(&mut self, agenda: &mut Agenda, said: &mut Said) {
        for at in std::mem::take(&mut agenda.counted) {
            agenda.gateway_statuses.extend(self.gateways.at(at.0).map(|gateway| gateway.id.clone()));
        }
        let mut told: BTreeMap<ObjectId, Option<Status>> = BTreeMap::new();
        for id in std::mem::take(&mut agenda.gateway_statuses) {
            let before = self.told.remove(&id).unwrap_or_default();
            for one in before {
                told.entry(one).or_default();
            }
            let Some((slot, gateway)) = self.gateways.slot(&id).and_then(|slot| Some((slot, self.gateways.at(slot)?)))
            else {
                continue;
            };
            let count = |at| i32::try_from(self.places.count(at)).unwrap_or(i32::MAX);
            let statuses = status::gateways::statuses(&self.options, slot, gateway, &count);
            self.told.insert(id, statuses.iter().map(|(id, _)| id.clone()).collect());
            told.extend(statuses.into_iter().map(|(id, status)| (id, Some(status))));
        }
        for (id, status) in told {
            said.say(&mut self.statuses, &id, status);
        }
    }
}

/// Whether routes see no difference.
fn look_alike_to_routes(one: &AttachedGateway, other: &AttachedGateway) -> bool {
    let listener = |(a, b): (&AttachedListener, &AttachedListener)| {
        (&a.owner, &a.namespace, &a.host, &a.kinds, a.closed) == (&b.owner, &b.namespace, &b.host, &b.kinds, b.closed)
            && (&a.listener.name, a.listener.port, &a.listener.allowed_routes)
                == (&b.listener.name, b.listener.port, &b.listener.allowed_routes)
    };
    let sets = |gateway: &AttachedGateway| -> Vec<_> {
        gateway.sets.iter().map(|set| (set.id.clone(), set.verdict.clone())).collect()
    };
    one.class_accepted == other.class_accepted
        && one.client_certificate == other.client_certificate
        && one.listeners.len() == other.listeners.len()
        && one.listeners.iter().zip(&other.listeners).all(listener)
        && sets(one) == sets(other)
}
