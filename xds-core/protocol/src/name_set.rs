//! The names a peer wants: one set for all who want the same, and what sets this peer apart from them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use crate::ResourceName;
use crate::names::{Names, PoolChoice};

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
    /// None of them is in `shared`.
    added: BTreeSet<ResourceName>,
    /// All of them are in `shared`.
    removed: BTreeSet<ResourceName>,
}

impl NameSet {
    /// Whether the name is in the set.
    pub fn contains(&self, name: &ResourceName) -> bool {
        if self.shared.position(name).is_some() {
            return self.removed.is_empty() || !self.removed.contains(name);
        }
        !self.added.is_empty() && self.added.contains(name)
    }

    /// Puts a name in. Whether it is new.
    pub fn insert(&mut self, name: ResourceName) -> bool {
        match self.shared.position(&name) {
            Some(_) => self.removed.remove(&name),
            None => self.added.insert(name),
        }
    }

    /// Takes a name out. Whether it was there.
    pub fn remove(&mut self, name: &ResourceName) -> bool {
        match self.shared.position(name) {
            Some(_) => self.removed.insert(name.clone()),
            None => self.added.remove(name),
        }
    }

    /// The names, in an order that depends on nothing but how the set came about.
    pub fn iter(&self) -> impl Iterator<Item = &ResourceName> {
        let shared = self.shared.as_slice().iter();
        shared.filter(|name| self.removed.is_empty() || !self.removed.contains(*name)).chain(&self.added)
    }

    /// The names the other set does not have, in no order that means anything.
    pub(crate) fn difference<'a>(&'a self, other: &'a NameSet) -> impl Iterator<Item = &'a ResourceName> {
        let same = self.is_whole() && other.is_whole() && self.shared.is(&other.shared);
        self.iter().filter(move |name| !same && !other.contains(name))
    }

    /// The set of these names, which may come in any order and more than once: one that others share, where they have it.
    pub(crate) fn of(names: &[ResourceName], pool: &PoolChoice) -> NameSet {
        match pool.known(names) {
            Some(shared) => NameSet { shared, ..NameSet::default() },
            None => names.iter().cloned().collect(),
        }
    }

    /// Whether the set is shared and these are its names, each once.
    pub(crate) fn are(&self, names: &[ResourceName]) -> bool {
        self.whole().is_some_and(|own| own.are(names))
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

    /// How many of them are glob collections, and how many bytes all names have together.
    pub(crate) fn globs_and_bytes(&self) -> (usize, usize) {
        let of = |apart: &BTreeSet<ResourceName>| {
            let globs = apart.iter().filter(|name| name.is_glob()).count();
            (globs, apart.iter().map(|name| name.as_str().len()).sum::<usize>())
        };
        let (added, removed) = (of(&self.added), of(&self.removed));
        (self.shared.globs() + added.0 - removed.0, self.shared.bytes() + added.1 - removed.1)
    }

    /// Whether one of them is a glob collection (`xdstp://.../*`), or was.
    pub fn has_globs(&self) -> bool {
        self.shared.has_globs() || self.added.iter().any(ResourceName::is_glob)
    }

    fn is_whole(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Shares the set with those who want the same, once enough sets it apart: what a name more or less costs does not
    /// depend on how many there are, and what a set takes in memory does not depend on how many want it.
    pub fn share(&mut self, pool: &PoolChoice) {
        let apart = self.added.len() + self.removed.len();
        if apart == 0 || apart <= MOST_APART.min(self.shared.len() / 8) {
            return;
        }
        let mut names: Vec<ResourceName> = Vec::with_capacity(self.len());
        names.extend(self.iter().cloned());
        // Two runs, each sorted.
        names.sort();
        *self = NameSet { shared: pool.share(names), ..NameSet::default() };
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
        NameSet { added: names.into_iter().collect(), ..NameSet::default() }
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
        fn find(&self, _fingerprint: u64, names: &[ResourceName]) -> Option<Names> {
            self.0.lock().unwrap().iter().find(|kept| kept.are(names)).cloned()
        }

        fn add(&self, names: &Names) {
            self.0.lock().unwrap().push(names.clone());
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
                set.share(&pool);
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
        forward.share(&pool);
        let mut grown: NameSet = (0..500).rev().map(name).collect();
        grown.share(&pool);
        for number in (500..1001).rev() {
            grown.insert(name(number));
        }
        grown.remove(&name(1000));
        grown.share(&pool);
        assert!(forward.whole().unwrap().is(grown.whole().unwrap()));
        assert_eq!(forward.difference(&grown).count(), 0);
    }

    #[test]
    fn one_name_more_is_kept_apart_and_costs_no_set() {
        let pool = PoolChoice::of(Arc::new(Pool::default()));
        let mut set: NameSet = (0..1000).map(name).collect();
        set.share(&pool);
        let shared = set.shared.clone();
        assert!(set.insert(name(1000)) && set.remove(&name(3)));
        set.share(&pool);
        assert!(set.shared.is(&shared) && set.whole().is_none());
        assert_eq!((set.len(), set.contains(&name(1000)), set.contains(&name(3))), (1000, true, false));
        assert!(set.remove(&name(1000)) && set.insert(name(3)));
        assert!(set.whole().unwrap().is(&shared));
    }
}
