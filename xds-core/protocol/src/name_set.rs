//! The names a peer wants: one set for all who want the same, and what sets this peer apart from them.

use alloc::vec::Vec;
use core::fmt;

use crate::ResourceName;
use crate::loose_names::LooseNames;
use crate::names::{Entry, Names, PoolChoice, fingerprint, hash_of};

/// The most that one peer keeps beside a set it shares.
const MOST_APART: usize = 256;

/// A set of names: an immutable one that many may share, and the few by which this one differs.
///
/// ```
/// use chancery_protocol::{NameSet, ResourceName};
/// let mut wanted: NameSet = [ResourceName::new("shop"), ResourceName::new("cart")].into_iter().collect();
/// assert!(wanted.remove(&"cart".into()) && !wanted.insert("shop".into()));
/// assert_eq!(wanted.iter().collect::<Vec<_>>(), [&ResourceName::new("shop")]);
/// ```
#[derive(Clone, Default)]
pub struct NameSet {
    shared: Names,
    /// Whether `shared` is of this set's own making, and nobody was asked yet whether there is an equal one.
    is_own: bool,
    /// None of them is in `shared`.
    added: LooseNames,
    /// All of them are in `shared`.
    removed: LooseNames,
}

impl NameSet {
    /// Whether the name is in the set.
    pub fn contains(&self, name: &ResourceName) -> bool {
        if self.is_empty() {
            return false;
        }
        let hash = hash_of(name);
        if self.shared.position(hash, name).is_some() {
            return !self.removed.contains(hash, name);
        }
        self.added.contains(hash, name)
    }

    /// Puts a name in. Whether it is new.
    pub fn insert(&mut self, name: ResourceName) -> bool {
        let entry = Entry::new(name);
        if self.shared.position(entry.hash, &entry.name).is_some() {
            return self.removed.remove(entry.hash, &entry.name);
        }
        self.added.insert(entry)
    }

    /// Puts many names in.
    pub(crate) fn insert_all(&mut self, names: impl IntoIterator<Item = ResourceName>) {
        if self.is_empty() {
            *self = names.into_iter().collect();
            return;
        }
        for name in names {
            self.insert(name);
        }
    }

    /// Takes a name out. Whether it was there.
    pub fn remove(&mut self, name: &ResourceName) -> bool {
        let hash = hash_of(name);
        match self.shared.position(hash, name).and_then(|at| self.shared.entries().get(at)) {
            Some(entry) => self.removed.insert(entry.clone()),
            None => self.added.remove(hash, name),
        }
    }

    /// The names, in an order that depends on nothing but how the set came about.
    pub fn iter(&self) -> impl Iterator<Item = &ResourceName> {
        let shared = self.shared.entries().iter();
        let kept = shared.filter(|entry| self.removed.is_empty() || !self.removed.contains(entry.hash, &entry.name));
        kept.chain(self.added.entries()).map(|entry| &entry.name)
    }

    /// The names the other set does not have, in no order that means anything.
    pub(crate) fn difference<'a>(&'a self, other: &'a NameSet) -> impl Iterator<Item = &'a ResourceName> {
        let same = self.is_whole() && other.is_whole() && self.shared.is(&other.shared);
        self.iter().filter(move |name| !same && !other.contains(name))
    }

    /// Whether these are the names of the set, each once. That of names with equal hashes one may stand for another can only
    /// be had on purpose, and then by who names them.
    pub(crate) fn are(&self, names: &[ResourceName]) -> bool {
        let Some(own) = self.whole().filter(|own| own.len() == names.len()) else { return false };
        let mut sum = 0_u64;
        let contained = names.iter().all(|name| {
            let hash = hash_of(name);
            sum = sum.wrapping_add(hash);
            own.position(hash, name).is_some()
        });
        contained && fingerprint(sum, names.len()) == own.fingerprint()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.shared.len() - self.removed.len() + self.added.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All the names as one immutable set, which others may share, when nothing sets this one apart.
    pub fn whole(&self) -> Option<&Names> {
        self.is_whole().then_some(&self.shared)
    }

    fn is_whole(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Shares the set with those who want the same, once enough sets it apart: what a name more or less costs does not
    /// depend on how many there are, and what a set takes in memory does not depend on how many want it.
    pub(crate) fn settle(&mut self, pool: &PoolChoice) {
        if self.is_whole() {
            if core::mem::take(&mut self.is_own) {
                self.shared = pool.share(self.shared.clone());
            }
            return;
        }
        if self.added.len() + self.removed.len() <= MOST_APART.min(self.shared.len() / 8) {
            return;
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(self.len());
        let mut added = self.added.entries().peekable();
        for entry in self.shared.entries() {
            while let Some(earlier) = added.next_if(|added| *added < entry) {
                entries.push(earlier.clone());
            }
            if self.removed.is_empty() || !self.removed.contains(entry.hash, &entry.name) {
                entries.push(entry.clone());
            }
        }
        entries.extend(added.cloned());
        *self = NameSet { shared: pool.share(Names::of_sorted(entries)), ..NameSet::default() };
    }
}

/// The names, however they are kept.
impl PartialEq for NameSet {
    fn eq(&self, other: &NameSet) -> bool {
        self.len() == other.len() && self.difference(other).next().is_none()
    }
}

impl Eq for NameSet {}

/// How many only: there may be a hundred thousand.
impl fmt::Debug for NameSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names", self.len())
    }
}

impl FromIterator<ResourceName> for NameSet {
    fn from_iter<I: IntoIterator<Item = ResourceName>>(names: I) -> NameSet {
        let mut entries: Vec<Entry> = names.into_iter().map(Entry::new).collect();
        entries.sort_unstable();
        entries.dedup();
        NameSet { shared: Names::of_sorted(entries), is_own: true, ..NameSet::default() }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::sync::Arc;
    use std::sync::Mutex;

    use super::*;
    use crate::NamePool;

    fn name(number: usize) -> ResourceName {
        ResourceName::new(&format!("shop/backend-{number}"))
    }

    /// Keeps every set it is shown.
    #[derive(Default)]
    struct Pool(Mutex<Vec<Names>>);

    impl NamePool for Pool {
        fn share(&self, fresh: Names) -> Names {
            let mut kept = self.0.lock().unwrap();
            if let Some(equal) = kept.iter().find(|kept| **kept == fresh) {
                return equal.clone();
            }
            kept.push(fresh.clone());
            fresh
        }
    }

    #[test]
    fn it_holds_what_a_plain_set_holds_whenever_it_settles() {
        let pool = PoolChoice::of(Arc::new(Pool::default()));
        let (mut set, mut plain) = (NameSet::default(), BTreeSet::new());
        let mut state = 7_usize;
        for step in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let one = name((state >> 33) % 700);
            match (state >> 20) % 3 {
                0 | 1 => assert_eq!(set.insert(one.clone()), plain.insert(one)),
                _ => assert_eq!(set.remove(&one), plain.remove(&one)),
            }
            if step % 7 == 0 {
                set.settle(&pool);
            }
            assert_eq!(set.len(), plain.len());
        }
        assert!((0..700).all(|number| set.contains(&name(number)) == plain.contains(&name(number))));
        assert_eq!(set.iter().cloned().collect::<BTreeSet<_>>(), plain);
    }

    #[test]
    fn sets_that_came_about_in_different_ways_are_one_in_memory() {
        let pool = PoolChoice::of(Arc::new(Pool::default()));
        let mut forward: NameSet = (0..1000).map(name).collect();
        forward.settle(&pool);
        let mut grown = NameSet::default();
        grown.insert_all((0..500).rev().map(name));
        grown.settle(&pool);
        for number in (500..1001).rev() {
            grown.insert(name(number));
        }
        grown.remove(&name(1000));
        grown.settle(&pool);
        assert!(forward.whole().unwrap().is(grown.whole().unwrap()));
        assert_eq!(forward.difference(&grown).count(), 0);
    }

    #[test]
    fn one_name_more_is_kept_apart_and_costs_no_set() {
        let pool = PoolChoice::of(Arc::new(Pool::default()));
        let mut set: NameSet = (0..1000).map(name).collect();
        set.settle(&pool);
        let shared = set.shared.clone();
        assert!(set.insert(name(1000)) && set.remove(&name(3)));
        set.settle(&pool);
        assert!(set.shared.is(&shared) && set.whole().is_none());
        assert_eq!((set.len(), set.contains(&name(1000)), set.contains(&name(3))), (1000, true, false));
        assert!(set.remove(&name(1000)) && set.insert(name(3)));
        assert!(set.whole().unwrap().is(&shared));
    }
}
