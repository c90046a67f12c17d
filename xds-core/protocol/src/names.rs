//! Names that many peers may want, kept once: an immutable set, found by hash.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::ResourceName;

/// How many names share a bucket, on average.
const CROWD: usize = 4;

/// A name with its hash. The order of the fields is that of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) hash: u64,
    pub(crate) name: ResourceName,
}

impl Entry {
    pub(crate) fn new(name: ResourceName) -> Entry {
        Entry { hash: hash_of(&name), name }
    }
}

pub(crate) fn hash_of(name: &ResourceName) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let (words, rest) = name.as_str().as_bytes().as_chunks::<8>();
    let last = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    for word in words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]) {
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    }
    hash
}

/// The bucket of a hash among `buckets`, a power of two: its first bits.
pub(crate) fn bucket_of(hash: u64, buckets: usize) -> usize {
    let bits = buckets.trailing_zeros();
    // A shift by all 64 bits is none.
    if bits == 0 { 0 } else { (hash >> (64 - bits)) as usize }
}

/// Of this many names, from the sum of their hashes.
pub(crate) fn fingerprint(sum: u64, count: usize) -> u64 {
    sum ^ (count as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// An immutable set of names. Clones are the same set.
///
/// The names lie sorted by a hash of theirs, which depends on nothing but the text, so that every run is the same and equal
/// sets have equal contents. A look-up touches the bucket's bounds, a few hashes, and one name.
#[derive(Clone)]
pub struct Names(Arc<Inner>);

/// A set that does not keep its names in memory.
#[derive(Clone)]
pub struct WeakNames(Weak<Inner>);

#[derive(Default)]
struct Inner {
    /// Sorted, each once.
    entries: Vec<Entry>,
    /// Where each bucket begins, and at last where the last one ends. The number of buckets is a power of two.
    starts: Vec<usize>,
    fingerprint: u64,
}

impl Names {
    /// Of entries that are sorted, each once.
    pub(crate) fn of_sorted(entries: Vec<Entry>) -> Names {
        let buckets = (entries.len() / CROWD).next_power_of_two();
        let mut starts = Vec::with_capacity(buckets + 1);
        for (at, entry) in entries.iter().enumerate() {
            while starts.len() <= bucket_of(entry.hash, buckets) {
                starts.push(at);
            }
        }
        starts.resize(buckets + 1, entries.len());
        let sum = entries.iter().fold(0_u64, |sum, entry| sum.wrapping_add(entry.hash));
        let fingerprint = fingerprint(sum, entries.len());
        Names(Arc::new(Inner { entries, starts, fingerprint }))
    }

    /// Where the name is, or nowhere.
    pub(crate) fn position(&self, hash: u64, name: &ResourceName) -> Option<usize> {
        let bucket = self.bucket(hash);
        let entries = self.0.entries.get(bucket.clone())?;
        let found = entries.binary_search_by(|entry| entry.hash.cmp(&hash).then_with(|| entry.name.cmp(name)));
        found.ok().map(|at| bucket.start + at)
    }

    fn bucket(&self, hash: u64) -> Range<usize> {
        let at = bucket_of(hash, self.0.starts.len().saturating_sub(1).max(1));
        match (self.0.starts.get(at), self.0.starts.get(at + 1)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Equal sets have equal ones; sets that differ nearly always have others, unless somebody chose the names so.
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// Whether this is the very same set in memory.
    pub fn is(&self, other: &Names) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The set as it is while somebody else keeps it.
    pub fn downgrade(&self) -> WeakNames {
        WeakNames(Arc::downgrade(&self.0))
    }
}

impl WeakNames {
    /// The set, if somebody still keeps it.
    pub fn upgrade(&self) -> Option<Names> {
        self.0.upgrade().map(Names)
    }

    /// Whether somebody still keeps the set.
    pub fn is_kept(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl Default for Names {
    fn default() -> Names {
        Names::of_sorted(Vec::new())
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Names) -> bool {
        self.is(other) || (self.fingerprint() == other.fingerprint() && self.0.entries == other.0.entries)
    }
}

impl Eq for Names {}

/// How many only: there may be a hundred thousand.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names", self.len())
    }
}

impl fmt::Debug for WeakNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names")
    }
}

/// Keeps equal sets of names once, for all the sessions that are given it: the proxies of one gateway want the same.
///
/// Real implementer: the server of `chancery-core`, for its streams. A session without one keeps its own sets.
pub trait NamePool: Send + Sync {
    /// An equal set that somebody keeps already, or this one. Called when a subscription has changed, not for each change of
    /// a resource.
    fn share(&self, fresh: Names) -> Names;
}

/// The pool of a session, if it has one. Two are equal when they are the same.
#[derive(Clone, Default)]
pub struct PoolChoice(Option<Arc<dyn NamePool>>);

impl PoolChoice {
    /// This pool.
    pub fn of(pool: Arc<dyn NamePool>) -> PoolChoice {
        PoolChoice(Some(pool))
    }

    pub(crate) fn share(&self, fresh: Names) -> Names {
        match &self.0 {
            Some(pool) => pool.share(fresh),
            None => fresh,
        }
    }
}

impl PartialEq for PoolChoice {
    fn eq(&self, other: &PoolChoice) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for PoolChoice {}

impl fmt::Debug for PoolChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "a pool" } else { "no pool" })
    }
}
