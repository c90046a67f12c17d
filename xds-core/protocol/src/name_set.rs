//! The names a peer subscribes to: looked up for every change, walked seldom.

use alloc::collections::BTreeSet;

use crate::ResourceName;

/// A set of names, in the order of a hash of theirs.
///
/// Names share long prefixes and their texts lie scattered in memory: a tree in the order of the names follows dozens of
/// cold pointers for each look-up in a large set. A hash beside each name decides without.
#[derive(Debug, Default)]
pub(crate) struct NameSet(BTreeSet<Entry>);

/// The order of the fields is that of the comparison.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: u64,
    name: ResourceName,
}

impl Entry {
    fn of(name: ResourceName) -> Entry {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for chunk in name.as_str().as_bytes().chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 32;
        }
        Entry { hash, name }
    }
}

impl NameSet {
    pub(crate) fn contains(&self, name: &ResourceName) -> bool {
        !self.0.is_empty() && self.0.contains(&Entry::of(name.clone()))
    }

    /// Whether the name is new.
    pub(crate) fn insert(&mut self, name: ResourceName) -> bool {
        self.0.insert(Entry::of(name))
    }

    /// Whether the name was there.
    pub(crate) fn remove(&mut self, name: &ResourceName) -> bool {
        self.0.remove(&Entry::of(name.clone()))
    }

    /// The names, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ResourceName> {
        self.0.iter().map(|entry| &entry.name)
    }

    /// The names the other set does not have, in no order that means anything.
    pub(crate) fn difference<'a>(&'a self, other: &'a NameSet) -> impl Iterator<Item = &'a ResourceName> {
        self.0.difference(&other.0).map(|entry| &entry.name)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<ResourceName> for NameSet {
    fn from_iter<I: IntoIterator<Item = ResourceName>>(names: I) -> NameSet {
        NameSet(names.into_iter().map(Entry::of).collect())
    }
}
