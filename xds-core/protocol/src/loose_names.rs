//! A set of names that changes: few of them for long, or many for a moment.

use alloc::vec::Vec;

use crate::ResourceName;
use crate::names::{Entry, bucket_of};

/// A set of names, in the order of a hash of theirs.
///
/// Names share long prefixes and their texts lie scattered in memory: a tree of names follows dozens of cold pointers for each
/// look-up in a large set. Here the first bits of the hash choose a bucket and the rest of it decides within: a look-up touches
/// the bucket and one name. The order depends on nothing but the names, so that every run is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct LooseNames {
    /// Each sorted. As many as a power of two, or none.
    buckets: Vec<Vec<Entry>>,
    len: usize,
}

/// How many names share a bucket, on average, before there are more buckets.
const CROWD: usize = 4;

impl LooseNames {
    /// Where the name is within its bucket, or would be.
    fn find(&self, hash: u64, name: &ResourceName) -> (usize, Result<usize, usize>) {
        let at = bucket_of(hash, self.buckets.len().max(1));
        let bucket = self.buckets.get(at).map_or(&[][..], Vec::as_slice);
        (at, bucket.binary_search_by(|entry| entry.hash.cmp(&hash).then_with(|| entry.name.cmp(name))))
    }

    pub(crate) fn contains(&self, hash: u64, name: &ResourceName) -> bool {
        self.len > 0 && self.find(hash, name).1.is_ok()
    }

    /// Whether the name is new.
    pub(crate) fn insert(&mut self, entry: Entry) -> bool {
        if self.find(entry.hash, &entry.name).1.is_ok() {
            return false;
        }
        if self.len >= self.buckets.len() * CROWD {
            self.spread();
        }
        let (at, place) = self.find(entry.hash, &entry.name);
        let (Err(place), Some(bucket)) = (place, self.buckets.get_mut(at)) else { return false };
        bucket.insert(place, entry);
        self.len += 1;
        true
    }

    /// Doubles the buckets. Their order is kept, as each is split by its next bit.
    fn spread(&mut self) {
        let buckets = (self.buckets.len() * 2).max(1);
        let old = core::mem::take(&mut self.buckets);
        self.buckets.resize_with(buckets, Vec::new);
        for entry in old.into_iter().flatten() {
            if let Some(bucket) = self.buckets.get_mut(bucket_of(entry.hash, buckets)) {
                bucket.push(entry);
            }
        }
    }

    /// Whether the name was there.
    pub(crate) fn remove(&mut self, hash: u64, name: &ResourceName) -> bool {
        let (at, place) = self.find(hash, name);
        let (Ok(place), Some(bucket)) = (place, self.buckets.get_mut(at)) else { return false };
        bucket.remove(place);
        self.len -= 1;
        if self.len == 0 {
            self.buckets = Vec::new();
        }
        true
    }

    /// The names, in the order of their hashes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    fn name(number: usize) -> Entry {
        Entry::new(ResourceName::new(&format!("shop/backend-{number}")))
    }

    #[test]
    fn it_holds_what_a_plain_set_holds() {
        let (mut set, mut plain) = (LooseNames::default(), BTreeSet::new());
        let mut state = 7_usize;
        for step in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let one = name((state >> 33) % 700);
            match step % 3 {
                0 | 1 => assert_eq!(set.insert(one.clone()), plain.insert(one)),
                _ => assert_eq!(set.remove(one.hash, &one.name), plain.remove(&one)),
            }
            assert_eq!(set.len(), plain.len());
        }
        assert!(
            (0..700).all(|number| set.contains(name(number).hash, &name(number).name) == plain.contains(&name(number)))
        );
        assert_eq!(set.entries().cloned().collect::<BTreeSet<_>>(), plain);
    }

    #[test]
    fn the_order_depends_on_the_names_alone() {
        let (mut forward, mut backward) = (LooseNames::default(), LooseNames::default());
        for number in 0..1000 {
            forward.insert(name(number));
            backward.insert(name(999 - number));
        }
        assert_eq!(forward.entries().collect::<Vec<_>>(), backward.entries().collect::<Vec<_>>());
        assert!(forward.entries().is_sorted());
    }
}
