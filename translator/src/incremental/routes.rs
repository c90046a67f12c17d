//! Routes: what each attaches to and comes to, made anew when something it was made from has changed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{ObjectId, ParentRef, Status};
use crate::attach::{AttachedRoute, Fact, Lookup, ParentVerdict, Reads, RouteSource, attach_route, leave};
use crate::lower::{Backends, ListenerAt, LoweredRoute, join, lower_route};
use crate::options::MixedKinds;
use crate::status;

use super::agenda::Agenda;
use super::places::Entry;
use super::said::Said;
use super::translator::Translator;

/// What is kept of a route.
#[derive(Debug)]
pub(super) struct RouteNode {
    /// What it would attach to if no other route were in its way.
    alone: AttachedRoute,
    /// What it is attached to.
    attached: AttachedRoute,
    /// What it comes to, in the order of its parents.
    lowered: Vec<Arc<LoweredRoute>>,
    ancestors: BTreeSet<(ObjectId, ParentRef)>,
}

/// A route, looked at by itself.
type Alone = (AttachedRoute, Vec<Arc<LoweredRoute>>);

impl Translator {
    pub(super) fn update_routes(&mut self, agenda: &mut Agenda, said: &mut Said) {
        let mut fresh: BTreeMap<ObjectId, Option<Alone>> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        for id in std::mem::take(&mut agenda.routes) {
            let alone = self.look_at_route(&id);
            if self.options.mixed_kinds == MixedKinds::OldestKind {
                touched.extend(self.routes.get(&id).into_iter().flat_map(|node| self.mixed.take(&node.alone)));
                touched.extend(alone.iter().flat_map(|(route, _)| self.mixed.put(route)));
            }
            fresh.insert(id, alone);
        }
        for id in self.mixed.settle(touched) {
            let Some(node) = self.routes.get(&id) else { continue };
            fresh.entry(id).or_insert_with(|| Some((node.alone.clone(), node.lowered.clone())));
        }
        for (id, alone) in fresh {
            self.put_route(&id, alone, agenda, said);
        }
    }

    fn look_at_route(&mut self, id: &ObjectId) -> Option<Alone> {
        let reads = Reads::default();
        let lookup = Lookup::told(&self.world, &self.grants, &reads);
        let source = RouteSource::find(&self.world, id);
        let attached = source.and_then(|source| attach_route(lookup, &self.options, &self.gateways, id, source));
        let memo = RefCell::new(std::mem::take(&mut self.memo));
        let backends = Backends { lookup, slices: &self.slices, policies: &self.policies, memo: &memo };
        let alone = attached.map(|route| {
            let lowered = lower_route(backends, &self.gateways, &route).into_iter().map(Arc::new).collect();
            (route, lowered)
        });
        self.memo = memo.into_inner();
        for orphan in self.dependents.set(id, reads.into_facts()) {
            if let Fact::Backend(service) = orphan {
                self.memo.forget(&service);
            }
        }
        alone
    }

    fn put_route(&mut self, id: &ObjectId, alone: Option<Alone>, agenda: &mut Agenda, said: &mut Said) {
        let before = self.routes.remove(id);
        let node = alone.map(|(alone, lowered)| {
            let mut attached = alone.clone();
            for parent in &mut attached.parents {
                let (gateway, place) = (parent.gateway, parent.place);
                if !parent.listeners.is_empty() {
                    leave(parent, |listener, _| self.mixed.loses((gateway, listener), &alone.age, place));
                }
            }
            let outcomes = lowered.iter().map(|route| &route.outcome);
            let ancestors = status::policies::ancestors(&self.gateways, &attached, outcomes);
            RouteNode { alone, attached, lowered, ancestors }
        });
        self.move_route(before.as_ref(), node.as_ref(), agenda);
        self.count_ancestors(before.as_ref(), node.as_ref(), agenda);
        let (told, problems) = match &node {
            Some(node) => {
                let told = status::routes::status(&self.options, &self.gateways, &node.attached, node.outcomes());
                (Some(told), status::problems::of_route(&node.attached, node.outcomes()))
            }
            None => (None::<Status>, Vec::new()),
        };
        said.say(&mut self.statuses, id, told);
        said.complain(&mut self.problems, id, problems);
        if let Some(node) = node {
            self.routes.insert(id.clone(), node);
        }
    }

    fn move_route(&mut self, before: Option<&RouteNode>, now: Option<&RouteNode>, agenda: &mut Agenda) {
        let places = now.map(RouteNode::places).unwrap_or_default();
        if let Some(before) = before {
            let moved = now.is_none_or(|now| now.attached.age != before.attached.age);
            for at in before.listeners().filter(|at| moved || !places.contains_key(at)) {
                self.places.take(at, &before.attached.age, agenda);
            }
        }
        if let Some(now) = now {
            for (at, entry) in places {
                self.places.put(at, &now.attached.age, entry, agenda);
            }
        }
    }

    fn count_ancestors(&mut self, before: Option<&RouteNode>, now: Option<&RouteNode>, agenda: &mut Agenda) {
        let none = BTreeSet::new();
        let before = before.map_or(&none, |node| &node.ancestors);
        let now = now.map_or(&none, |node| &node.ancestors);
        for (policy, ancestor) in now.difference(before) {
            *self.ancestors.entry(policy.clone()).or_default().entry(ancestor.clone()).or_default() += 1;
            agenda.policy_statuses.insert(policy.clone());
        }
        for (policy, ancestor) in before.difference(now) {
            agenda.policy_statuses.insert(policy.clone());
            let Some(counts) = self.ancestors.get_mut(policy) else { continue };
            let left = counts.get_mut(ancestor).map(|count| {
                *count -= 1;
                *count
            });
            if left == Some(0) {
                counts.remove(ancestor);
            }
            if counts.is_empty() {
                self.ancestors.remove(policy);
            }
        }
    }
}

impl RouteNode {
    fn outcomes(&self) -> impl Iterator<Item = &crate::lower::RouteOutcome> {
        self.lowered.iter().map(|route| &route.outcome)
    }

    fn listeners(&self) -> impl Iterator<Item = ListenerAt> {
        let accepted = self.attached.parents.iter().filter(|parent| parent.verdict == ParentVerdict::Accepted);
        accepted.flat_map(|parent| parent.listeners.iter().map(|(listener, _)| (parent.gateway, *listener)))
    }

    fn places(&self) -> BTreeMap<ListenerAt, Entry> {
        let mut places: BTreeMap<ListenerAt, Entry> = BTreeMap::new();
        for (parent, lowered) in self.attached.parents.iter().zip(&self.lowered) {
            if parent.verdict != ParentVerdict::Accepted {
                continue;
            }
            for (listener, hosts) in &parent.listeners {
                let entry = places.entry((parent.gateway, *listener));
                let entry = entry.or_insert_with(|| Entry { route: Arc::clone(lowered), hosts: Vec::new() });
                join(&mut entry.hosts, hosts);
            }
        }
        places
    }
}
