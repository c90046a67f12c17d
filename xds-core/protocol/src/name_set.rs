//! The names a peer subscribes to: looked up for every change, walked seldom.

use alloc::vec::Vec;

use crate::ResourceName;

/// A set of names, in the order of a hash of theirs.
///
/// Names share long prefixes and their texts lie scattered in memory: a tree of names follows dozens of cold pointers for each
/// look-up in a large set. Here the first bits of the hash choose a bucket and the rest of it decides within: a look-up touches
/// the bucket and one name. The order depends on nothing but the names, so that every run is the same.
#[derive(Debug, Default)]
pub(crate) struct NameSet {
    /// Each sorted. As many as a power of two, or none.
    buckets: Vec<Vec<Entry>>,
    len: usize,
}

/// How many names share a bucket, on average, before there are more buckets.
const CROWD: usize = 4;

/// The order of the fields is that of the comparison.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: u64,
    name: ResourceName,
}

fn hash_of(name: &ResourceName) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for chunk in name.as_str().as_bytes().chunks(8) {
        let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    }
    hash
}

/// The bucket of a hash among `buckets`, a power of two: its first bits.
fn bucket_of(hash: u64, buckets: usize) -> usize {
    let bits = buckets.trailing_zeros();
    // A shift by all 64 bits is none.
    if bits == 0 { 0 } else { (hash >> (64 - bits)) as usize }
}

impl NameSet {
    /// Where the name is within its bucket, or would be.
    fn find(&self, hash: u64, name: &ResourceName) -> (usize, Result<usize, usize>) {
        let at = bucket_of(hash, self.buckets.len().max(1));
        let bucket = self.buckets.get(at).map_or(&[][..], Vec::as_slice);
        (at, bucket.binary_search_by(|entry| entry.hash.cmp(&hash).then_with(|| entry.name.cmp(name))))
    }

    pub(crate) fn contains(&self, name: &ResourceName) -> bool {
        self.len > 0 && self.find(hash_of(name), name).1.is_ok()
    }

    /// Whether the name is new.
    pub(crate) fn insert(&mut self, name: ResourceName) -> bool {
        let hash = hash_of(&name);
        if self.find(hash, &name).1.is_ok() {
            return false;
        }
        if self.len >= self.buckets.len() * CROWD {
            self.spread();
        }
        let (at, place) = self.find(hash, &name);
        let (Err(place), Some(bucket)) = (place, self.buckets.get_mut(at)) else { return false };
        bucket.insert(place, Entry { hash, name });
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

    /// Keeps this name in the place of its equal, if there is one: equal names need not be two texts.
    pub(crate) fn share(&mut self, name: &ResourceName) {
        let (at, place) = self.find(hash_of(name), name);
        let entry = place.ok().and_then(|place| self.buckets.get_mut(at)?.get_mut(place));
        if let Some(entry) = entry {
            entry.name = name.clone();
        }
    }

    /// Whether the name was there.
    pub(crate) fn remove(&mut self, name: &ResourceName) -> bool {
        let (at, place) = self.find(hash_of(name), name);
        let (Ok(place), Some(bucket)) = (place, self.buckets.get_mut(at)) else { return false };
        bucket.remove(place);
        self.len -= 1;
        if self.len == 0 {
            self.buckets = Vec::new();
        }
        true
    }

    /// The names, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ResourceName> {
        self.buckets.iter().flatten().map(|entry| &entry.name)
    }

    /// The names the other set does not have, in no order that means anything.
    pub(crate) fn difference<'a>(&'a self, other: &'a NameSet) -> impl Iterator<Item = &'a ResourceName> {
        self.iter().filter(|name| !other.contains(name))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl FromIterator<ResourceName> for NameSet {
    fn from_iter<I: IntoIterator<Item = ResourceName>>(names: I) -> NameSet {
        let mut set = NameSet::default();
        for name in names {
            set.insert(name);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    fn name(number: usize) -> ResourceName {
        ResourceName::new(&format!("shop/backend-{number}"))
    }

    #[test]
    fn a_shared_name_is_one_text() {
        let (mut set, own) = (NameSet::default(), name(3));
        set.insert(name(3));
        set.share(&own);
        set.share(&name(4));
        let held: Vec<_> = set.iter().map(|held| held.as_str().as_ptr()).collect();
        assert_eq!(held, [own.as_str().as_ptr()]);
    }

    #[test]
    fn it_holds_what_a_plain_set_holds() {
        let (mut set, mut plain) = (NameSet::default(), BTreeSet::new());
        let mut state = 7_usize;
        for step in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let one = name((state >> 33) % 700);
            match step % 3 {
                0 | 1 => assert_eq!(set.insert(one.clone()), plain.insert(one)),
                _ => assert_eq!(set.remove(&one), plain.remove(&one)),
            }
            assert_eq!(set.len(), plain.len());
        }
        assert!((0..700).all(|number| set.contains(&name(number)) == plain.contains(&name(number))));
        assert_eq!(set.iter().cloned().collect::<BTreeSet<_>>(), plain);
    }

    #[test]
    fn the_order_depends_on_the_names_alone() {
        let forward: NameSet = (0..1000).map(name).collect();
        let backward: NameSet = (0..1000).rev().map(name).collect();
        assert_eq!(forward.iter().collect::<Vec<_>>(), backward.iter().collect::<Vec<_>>());
        assert_eq!(forward.difference(&backward).count(), 0);
    }
}
