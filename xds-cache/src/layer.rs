//! One layer: every type a publisher feeds, and which resource names which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chancery_protocol::{Reference, Resource, ResourceName, TypeUrl};
use imbl::OrdSet;

use crate::collection::{Collection, Touch};
use crate::{HistoryLimits, Patch, ResourceSet};

/// That a resource names another. Sorted by target first: a range of edges is a target's referrers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) target: Reference,
    /// `None` only as the start of a range.
    pub(crate) referrer: Option<Reference>,
}

impl Edge {
    pub(crate) fn new(target: &Reference, type_url: &TypeUrl, name: &ResourceName) -> Edge {
        let referrer = Reference { type_url: type_url.clone(), name: name.clone() };
        Edge { target: target.clone(), referrer: Some(referrer) }
    }
}

/// What one commit does to one layer (or to what a group sees): touches by type, sorted by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    types: BTreeMap<TypeUrl, Vec<Touch>>,
}

impl Step {
    pub(crate) fn add(&mut self, type_url: &TypeUrl, touches: Vec<Touch>) {
        if !touches.is_empty() {
            self.types.insert(type_url.clone(), touches);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TypeUrl, &[Touch])> {
        self.types.iter().map(|(type_url, touches)| (type_url, touches.as_slice()))
    }

    pub(crate) fn touches(&self) -> impl Iterator<Item = (&TypeUrl, &Touch)> {
        self.iter().flat_map(|(type_url, touches)| touches.iter().map(move |touch| (type_url, touch)))
    }

    pub(crate) fn of_type(&self, type_url: &TypeUrl) -> &[Touch] {
        self.types.get(type_url).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has_changes(&self) -> bool {
        self.touches().any(|(_, touch)| touch.is_change())
    }
}

/// Which types a layer has been told about. A type that somebody publishes but has not yet published is not empty: it
/// is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Knowledge {
    /// Types with a publisher of their own that has spoken.
    types: BTreeSet<TypeUrl>,
    /// Whether the publisher of all the other types has spoken.
    rest: bool,
}

impl Knowledge {
    pub(crate) fn knows(&self, type_url: &TypeUrl, claims: &BTreeSet<TypeUrl>) -> bool {
        if claims.contains(type_url) { self.types.contains(type_url) } else { self.rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty() && !self.rest
    }

    pub(crate) fn learn_rest(&mut self) {
        self.rest = true;
    }

    pub(crate) fn learn(&mut self, types: &BTreeSet<TypeUrl>) {
        self.types.extend(types.iter().cloned());
    }
}

#[derive(Clone, Default)]
pub(crate) struct Layer {
    collections: BTreeMap<TypeUrl, Arc<Collection>>,
    edges: OrdSet<Edge>,
    pub(crate) knowledge: Knowledge,
}

impl Layer {
    pub(crate) fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.collections.get(type_url)?.get(name)
    }

    pub(crate) fn collection(&self, type_url: &TypeUrl) -> Arc<Collection> {
        self.collections.get(type_url).cloned().unwrap_or_default()
    }

    pub(crate) fn by_alias<'a>(
        &'a self,
        type_url: &TypeUrl,
        alias: &ResourceName,
    ) -> impl Iterator<Item = &'a Resource> + use<'a> {
        self.collections.get(type_url).map(|collection| collection.by_alias(alias)).into_iter().flatten()
    }

    /// Who names this target.
    pub(crate) fn referrers<'a>(&'a self, target: &Reference) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let target = target.clone();
        let start = Edge { target: target.clone(), referrer: None };
        self.edges.range(start..).take_while(move |edge| edge.target == target)
    }

    /// Every reference to a resource of this type.
    pub(crate) fn references_to<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let type_url = type_url.clone();
        let target = Reference { type_url: type_url.clone(), name: ResourceName::new("") };
        self.edges.range(Edge { target, referrer: None }..).take_while(move |edge| edge.target.type_url == type_url)
    }

    /// What leads from this layer to the whole of `set`, in the types `covers` allows.
    pub(crate) fn step_to(&self, set: ResourceSet, covers: impl Fn(&TypeUrl) -> bool) -> Step {
        let mut step = Step::default();
        let mut wanted = set.into_types();
        for (type_url, present) in self.collections.iter().filter(|(type_url, _)| covers(type_url)) {
            let wanted = wanted.remove(type_url).unwrap_or_default();
            let gone = present.iter().filter(|resource| !wanted.contains_key(resource.name()));
            let gone = gone.filter_map(|resource| Touch::between(resource.name(), Some(resource), None));
            let put = wanted.iter().filter_map(|(name, after)| Touch::between(name, present.get(name), Some(after)));
            let mut touches: Vec<Touch> = gone.chain(put).collect();
            touches.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            step.add(type_url, touches);
        }
        for (type_url, wanted) in wanted.iter().filter(|(type_url, _)| covers(type_url)) {
            let put = wanted.iter().filter_map(|(name, after)| Touch::between(name, None, Some(after)));
            step.add(type_url, put.collect());
        }
        step
    }

    /// What applying this patch to the layer comes to.
    pub(crate) fn step_by(&self, patch: Patch) -> Step {
        let mut step = Step::default();
        for (type_url, named) in patch.into_types() {
            let touch = |(name, after): (&ResourceName, &Option<Resource>)| {
                Touch::between(name, self.get(&type_url, name), after.as_ref())
            };
            step.add(&type_url, named.iter().filter_map(touch).collect());
        }
        step
    }

    /// The layer after the step.
    pub(crate) fn after(&self, step: &Step, limits: &HistoryLimits) -> Layer {
        let mut next = self.clone();
        for (type_url, touches) in step.iter() {
            let collection = next.collections.entry(type_url.clone()).or_default();
            *collection = Arc::new(collection.after(touches, limits));
            for touch in touches {
                let (dropped, gained) = difference(touch);
                for target in dropped {
                    next.edges.remove(&Edge::new(target, type_url, &touch.name));
                }
                for target in gained {
                    next.edges.insert(Edge::new(target, type_url, &touch.name));
                }
            }
        }
        next
    }
}

/// The references a touch drops, and those it brings.
pub(crate) fn difference(touch: &Touch) -> (Vec<&Reference>, Vec<&Reference>) {
    let (mut before, mut after) = (references(&touch.before), references(&touch.after));
    let (mut dropped, mut gained) = (Vec::new(), Vec::new());
    loop {
        match (before.split_first(), after.split_first()) {
            (Some((old, olds)), Some((new, news))) if old == new => (before, after) = (olds, news),
            (Some((old, olds)), Some((new, _))) if old < new => {
                dropped.push(old);
                before = olds;
            }
            (_, Some((new, news))) => {
                gained.push(new);
                after = news;
            }
            (Some((old, olds)), None) => {
                dropped.push(old);
                before = olds;
            }
            (None, None) => return (dropped, gained),
        }
    }
}

fn references(side: &Option<Resource>) -> &[Reference] {
    side.as_ref().map_or(&[], Resource::references)
}
