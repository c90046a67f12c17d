//! Changes of objects: into the world and its indexes, and who has to look again.

use crate::World;
use crate::api::{Kind, Object, ObjectId};
use crate::attach::{Classes, Fact, gateway_of_set};
use crate::lower::services_of;

use super::agenda::Agenda;
use super::change::Change;
use super::relevance;
use super::translator::Translator;

impl Translator {
    pub(super) fn ingest(&mut self, change: Change, agenda: &mut Agenda) {
        let (id, now) = match change {
            Change::Put(object) => (object.id(), Some(object)),
            Change::Remove(id) => (id, None),
        };
        let before = self.world.get(&id);
        let (Some(before), Some(now)) = (&before, &now) else {
            if before.is_some() || now.is_some() {
                self.note(&id, before.as_ref(), now.as_ref(), agenda);
            }
            return put(&mut self.world, &id, now);
        };
        if relevance::alike(&self.options, before, now) {
            return self.world.insert(now.clone());
        }
        self.note(&id, Some(before), Some(now), agenda);
        self.world.insert(now.clone());
    }

    /// Notes who is concerned; the world follows.
    fn note(&mut self, id: &ObjectId, before: Option<&Object>, now: Option<&Object>, agenda: &mut Agenda) {
        match id.kind {
            Kind::GatewayClass => agenda.classes = true,
            Kind::Gateway => drop(agenda.gateways.insert(id.clone())),
            Kind::ListenerSet => self.note_set(id, before, now, agenda),
            Kind::HTTPRoute | Kind::GRPCRoute | Kind::TLSRoute | Kind::TCPRoute | Kind::UDPRoute => {
                agenda.routes.insert(id.clone());
            }
            Kind::ReferenceGrant => drop(agenda.granting.insert(id.namespace.clone())),
            Kind::BackendTLSPolicy => drop(agenda.policies.insert(id.clone())),
            Kind::Service | Kind::ServiceImport => self.service_changed(id, agenda),
            Kind::EndpointSlice => self.note_slice(id, before, now, agenda),
            Kind::Secret | Kind::ConfigMap | Kind::ClusterTrustBundle | Kind::Namespace => {
                agenda.changed(&self.dependents, &Fact::Object(id.clone()));
            }
        }
    }

    fn note_set(&mut self, id: &ObjectId, before: Option<&Object>, now: Option<&Object>, agenda: &mut Agenda) {
        let gateway = |object: Option<&Object>| match object {
            Some(Object::ListenerSet(set)) => gateway_of_set(id, set),
            _ => None,
        };
        if let Some(gateway) = gateway(before) {
            if let Some(sets) = self.sets.get_mut(&gateway) {
                sets.remove(id);
                if sets.is_empty() {
                    self.sets.remove(&gateway);
                }
            }
            agenda.gateways.insert(gateway);
        }
        if let Some(gateway) = gateway(now) {
            self.sets.entry(gateway.clone()).or_default().insert(id.clone());
            agenda.gateways.insert(gateway);
        }
    }

    fn note_slice(&mut self, id: &ObjectId, before: Option<&Object>, now: Option<&Object>, agenda: &mut Agenda) {
        if let Some(Object::EndpointSlice(slice)) = before {
            self.slices.take(id, slice);
            agenda.sliced.extend(services_of(id, slice));
        }
        if let Some(Object::EndpointSlice(slice)) = now {
            self.slices.put(id, slice);
            agenda.sliced.extend(services_of(id, slice));
        }
    }

    /// What depends on many objects of a kind at once, now that all are in the world.
    pub(super) fn settle_world(&mut self, agenda: &mut Agenda) {
        for namespace in std::mem::take(&mut agenda.granting) {
            self.grants.reload(&self.world, &namespace);
            agenda.changed(&self.dependents, &Fact::Grants(namespace));
        }
        if !agenda.classes {
            return;
        }
        let before = std::mem::replace(&mut self.classes, Classes::of(&self.world, &self.options));
        let names: Vec<_> = before.names().chain(self.classes.names()).cloned().collect();
        for name in names {
            if before.verdict(&name) != self.classes.verdict(&name) {
                agenda.changed(&self.dependents, &Fact::Class(name));
            }
        }
    }
}

fn put(world: &mut World, id: &ObjectId, object: Option<Object>) {
    match object {
        Some(object) => world.insert(object),
        None => drop(world.remove(id)),
    }
}
