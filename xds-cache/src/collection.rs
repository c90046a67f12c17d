//! The resources of one type in one layer: persistent maps, so that a copy costs nothing and a change O(log R).

use std::ops::Bound;

use chancery_protocol::{Resource, ResourceName};
use imbl::{OrdMap, OrdSet};

use crate::HistoryLimits;
use crate::history::{Before, Log};

/// What happened to one name in one commit. When both sides are equal only the origin has moved.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub(crate) name: ResourceName,
    pub(crate) before: Option<Resource>,
    pub(crate) after: Option<Resource>,
}

impl Touch {
    /// The touch that leads from one to the other, if they differ in anything a person could notice.
    pub(crate) fn between(name: &ResourceName, before: Option<&Resource>, after: Option<&Resource>) -> Option<Touch> {
        let moved = before.and_then(Resource::origin) != after.and_then(Resource::origin);
        (before != after || moved).then(|| Touch { name: name.clone(), before: before.cloned(), after: after.cloned() })
    }

    /// Whether peers can tell the difference.
    pub(crate) fn is_change(&self) -> bool {
        self.before != self.after
    }

    /// Whether the name has come, gone, or moved between the wildcard set and on demand.
    pub(crate) fn moves(&self) -> bool {
        self.before.as_ref().map(Resource::on_demand) != self.after.as_ref().map(Resource::on_demand)
    }

    /// Every alias the name has, or had.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = &ResourceName> {
        [&self.before, &self.after].into_iter().flatten().flat_map(Resource::aliases)
    }

    /// Whether the aliases differ.
    pub(crate) fn realiases(&self) -> bool {
        let aliases = |side: &Option<Resource>| side.as_ref().map_or(0, |resource| resource.aliases().len());
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => before.aliases() != after.aliases(),
            _ => aliases(&self.before) + aliases(&self.after) > 0,
        }
    }
}

/// How many names are passed over before the next one wanted is looked up.
const LONGEST_WALK: usize = 8;

/// What a resource weighs in memory, roughly.
pub(crate) fn resident_bytes(resource: &Resource) -> usize {
    resource.body().len() + 256
}

#[derive(Clone, Default)]
pub(crate) struct Collection {
    resources: OrdMap<ResourceName, Resource>,
    timed: OrdMap<ResourceName, Resource>,
    /// (alias, holder): a range of them answers for one alias.
    aliases: OrdSet<(ResourceName, Option<ResourceName>)>,
    bytes: usize,
    position: u64,
    log: Log,
}

impl Collection {
    /// The collection after these touches. Its position moves only if one of them is a change.
    pub(crate) fn after(&self, touches: &[Touch], limits: &HistoryLimits) -> Collection {
        let mut next = self.clone();
        for touch in touches {
            next.put(touch);
        }
        if touches.iter().any(Touch::is_change) {
            next.position += 1;
            let changes = touches.iter().filter(|touch| touch.is_change());
            next.log.record(next.position, changes, limits, next.resources.len(), next.bytes);
        }
        next
    }

    fn put(&mut self, touch: &Touch) {
        let name = &touch.name;
        if let Some(before) = &touch.before {
            self.bytes -= resident_bytes(before);
            for alias in before.aliases() {
                self.aliases.remove(&(alias.clone(), Some(name.clone())));
            }
        }
        let Some(after) = &touch.after else {
            self.resources.remove(name);
            self.timed.remove(name);
            return;
        };
        self.bytes += resident_bytes(after);
        self.resources.insert(name.clone(), after.clone());
        match after.ttl() {
            Some(_) => self.timed.insert(name.clone(), after.clone()),
            None => self.timed.remove(name),
        };
        for alias in after.aliases() {
            self.aliases.insert((alias.clone(), Some(name.clone())));
        }
    }

    pub(crate) fn get(&self, name: &ResourceName) -> Option<&Resource> {
        self.resources.get(name)
    }

    /// The resources of these names, which are sorted: goes along the map, and leaps where that is shorter.
    pub(crate) fn get_all(&self, names: &[ResourceName]) -> Vec<Option<&Resource>> {
        let from = |name: &ResourceName| self.resources.range(name.clone()..);
        let Some(first) = names.first() else { return Vec::new() };
        let mut ahead = from(first).peekable();
        let find = |name: &ResourceName| {
            let mut steps = 0;
            while let Some((other, resource)) = ahead.peek() {
                // Mostly they are equal, and even the same text: nothing of it is looked at then.
                if *other == name {
                    let found = *resource;
                    ahead.next();
                    return Some(found);
                }
                if *other > name {
                    return None;
                }
                steps += 1;
                if steps < LONGEST_WALK {
                    ahead.next();
                } else {
                    ahead = from(name).peekable();
                }
            }
            None
        };
        names.iter().map(find).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.resources.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    pub(crate) fn iter_prefix<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a Resource> + use<'a> {
        let prefix = String::from(prefix);
        let from = self.resources.range::<_, str>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        from.map(|(_, resource)| resource)
            .take_while(move |resource| resource.name().as_str().starts_with(prefix.as_str()))
    }

    /// Whether any of them expires.
    pub(crate) fn is_timed(&self) -> bool {
        !self.timed.is_empty()
    }

    pub(crate) fn iter_timed(&self) -> impl Iterator<Item = &Resource> {
        self.timed.values()
    }

    /// Every resource with this alias, by name.
    pub(crate) fn by_alias<'a>(&'a self, alias: &ResourceName) -> impl Iterator<Item = &'a Resource> + use<'a> {
        let alias = alias.clone();
        let start = (alias.clone(), None);
        self.aliases
            .range(start..)
            .take_while(move |(other, _)| *other == alias)
            .filter_map(|(_, holder)| self.resources.get(holder.as_ref()?))
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// What every name changed after `position` was then; `None` when the log cannot tell, or that is yet to come.
    pub(crate) fn before(&self, position: u64) -> Option<Before<'_>> {
        (position <= self.position).then(|| self.log.before(position)).flatten()
    }

    pub(crate) fn reaches(&self, position: u64) -> bool {
        position <= self.position && self.log.reaches(position)
    }

    #[cfg(test)]
    pub(crate) fn log_weight(&self) -> (usize, usize) {
        self.log.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::cluster;

    #[test]
    fn going_along_finds_what_looking_each_up_finds() {
        let name = |number: usize| format!("c{number:03}");
        let touches: Vec<Touch> = (0..200)
            .step_by(2)
            .map(|number| {
                let after = cluster(&name(number), "1");
                Touch { name: after.name().clone(), before: None, after: Some(after) }
            })
            .collect();
        let held = Collection::default().after(&touches, &HistoryLimits::default());
        for step in [1, 2, 3, 17, 50] {
            let names: Vec<ResourceName> =
                (0..300).step_by(step).map(|number| ResourceName::new(&name(number))).collect();
            let each: Vec<_> = names.iter().map(|name| held.get(name)).collect();
            assert_eq!(held.get_all(&names), each);
        }
    }
}
