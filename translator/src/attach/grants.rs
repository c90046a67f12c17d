//! Which references across namespaces are granted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::World;
use crate::api::{GATEWAY_GROUP, Kind, ObjectId, ReferenceGrant};

/// Who refers to something: the group and kind of an object, and its namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referrer<'a> {
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
}

type From = (Arc<str>, Arc<str>, Arc<str>);
type To = (Arc<str>, Arc<str>);
/// From whom, to what, and to which: `None` for every object of the kind.
type Granted = HashSet<Entry>;
type Entry = (From, To, Option<Arc<str>>);

fn entries(grant: &ReferenceGrant) -> impl Iterator<Item = Entry> {
    grant.spec.from.iter().flat_map(|from| {
        let from = (from.group.clone(), from.kind.clone(), from.namespace.clone());
        grant.spec.to.iter().map(move |to| {
            let name = to.name.clone().filter(|name| !name.is_empty());
            (from.clone(), (to.group.clone(), to.kind.clone()), name)
        })
    })
}

/// Every grant, by who gives it.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    /// By the namespace that grants.
    granted: HashMap<Arc<str>, Granted>,
}

impl Grants {
    pub(crate) fn of(world: &World) -> Grants {
        let mut granted: HashMap<Arc<str>, Granted> = HashMap::new();
        for grant in world.reference_grants.values() {
            granted.entry(grant.metadata.namespace.clone()).or_default().extend(entries(grant));
        }
        Grants { granted }
    }

    /// Reads anew what a namespace grants.
    pub(crate) fn reload(&mut self, world: &World, namespace: &Arc<str>) {
        let first = ObjectId { kind: Kind::ReferenceGrant, namespace: namespace.clone(), name: "".into() };
        let own = world.reference_grants.range(first..).take_while(|(id, _)| id.namespace == *namespace);
        let granted: Granted = own.flat_map(|(_, grant)| entries(grant)).collect();
        match granted.is_empty() {
            true => drop(self.granted.remove(namespace)),
            false => drop(self.granted.insert(namespace.clone(), granted)),
        }
    }

    /// Whether an object of the Gateway API may refer to this one. Within a namespace it always may.
    pub(crate) fn allow(&self, from: Referrer<'_>, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        if from.namespace == namespace {
            return true;
        }
        let Some(entries) = self.granted.get(namespace) else { return false };
        entries.iter().any(|(who, what, which)| {
            (&*who.0, &*who.1, &*who.2) == (GATEWAY_GROUP, from.kind, from.namespace)
                && (&*what.0, &*what.1) == (group, kind)
                && which.as_deref().is_none_or(|only| only == name)
        })
    }
}
