//! Sets of names, stored once: the proxies of one gateway ask for the same ones.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chancery_protocol::ResourceName;
use imbl::OrdSet;

/// A set of names. Equal sets of one cache are, nearly always, one set in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameSet {
    names: OrdSet<ResourceName>,
    /// The sum of the names' hashes: does not depend on the order they came in.
    sum: u128,
}

impl NameSet {
    pub(crate) fn contains(&self, name: &ResourceName) -> bool {
        self.names.contains(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ResourceName> {
        self.names.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Every set in use.
#[derive(Default)]
pub(crate) struct NameSets {
    sets: Mutex<Interned>,
    /// Keyed with fresh secrets, so that peers cannot choose names whose hashes collide.
    hashers: [RandomState; 2],
}

#[derive(Default)]
struct Interned {
    by_sum: HashMap<u128, Weak<NameSet>>,
    sweep_at: usize,
}

impl NameSets {
    fn hash(&self, name: &ResourceName) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(name)));
        (high << 64) | low
    }

    /// The set with these names put in and those taken out.
    pub(crate) fn changed(&self, set: &Arc<NameSet>, put: &[ResourceName], taken: &[ResourceName]) -> Arc<NameSet> {
        let mut next = NameSet::clone(set);
        for name in put {
            if next.names.insert(name.clone()).is_none() {
                next.sum = next.sum.wrapping_add(self.hash(name));
            }
        }
        for name in taken {
            if next.names.remove(name).is_some() {
                next.sum = next.sum.wrapping_sub(self.hash(name));
            }
        }
        self.interned(next)
    }

    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.by_sum.values().filter(|set| set.strong_count() > 0).count()
    }

    fn interned(&self, set: NameSet) -> Arc<NameSet> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sets.by_sum.get(&set.sum).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|known| known.len() == set.len()) {
            return known;
        }
        let set = Arc::new(set);
        sets.by_sum.insert(set.sum, Arc::downgrade(&set));
        if sets.by_sum.len() > sets.sweep_at {
            sets.by_sum.retain(|_, set| set.strong_count() > 0);
            sets.sweep_at = sets.by_sum.len() * 2 + 64;
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_ask_for_the_same_names_share_one_set() {
        let sets = NameSets::default();
        let [a, b, c] = ["a", "b", "c"].map(ResourceName::new);
        let empty = Arc::new(NameSet::default());
        let one = sets.changed(&empty, &[a.clone(), b.clone()], &[]);
        let step = sets.changed(&empty, &[c.clone(), b], &[]);
        let other = sets.changed(&step, std::slice::from_ref(&a), &[c]);
        assert!(Arc::ptr_eq(&one, &other));
        assert!(other.contains(&a) && other.len() == 2);
    }
}
