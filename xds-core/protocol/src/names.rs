//! Names that many peers may want, kept once: an immutable set, found by hash.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;

use crate::ResourceName;

/// How far from its place a name may lie in the table of places. More than so many names of one hash are chosen on purpose.
const FARTHEST: usize = 16;

fn hash_of(text: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let last = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    for word in words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]) {
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    }
    hash
}

/// What all these names together hash to, in whatever order.
pub(crate) fn fingerprint(names: &[ResourceName]) -> u64 {
    let sum = names.iter().fold(0_u64, |sum, name| sum.wrapping_add(hash_of(name.as_str())));
    sum ^ (names.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// An immutable set of names. Clones are the same set.
///
/// The names lie in their order, with a table beside them in which each is found by its hash: a look-up touches the table and
/// one text, where a search would touch a dozen.
///
/// No names are no memory.
#[derive(Clone, Default)]
pub struct Names(Option<Arc<Inner>>);

/// A set that does not keep its names in memory.
#[derive(Clone)]
pub struct WeakNames(Weak<Inner>);

struct Inner {
    /// Sorted, each once.
    names: Vec<ResourceName>,
    fingerprint: u64,
    globs: usize,
    /// Of all texts together.
    bytes: usize,
    /// Which name lies where, by hash; twice as many places as names, or more, and a power of two.
    table: Vec<Place>,
    /// Whether the table has all names. Others are searched for.
    is_complete: bool,
}

static NO_NAMES: Inner =
    Inner { names: Vec::new(), fingerprint: 0, globs: 0, bytes: 0, table: Vec::new(), is_complete: true };

/// A place of the table: some bits of the hash, and one more than the number of the name; 0 for an empty place.
#[derive(Clone, Copy, Default)]
struct Place {
    tag: u32,
    after: u32,
}

impl Names {
    /// Of names that are sorted, each once, with this fingerprint.
    pub(crate) fn of_sorted(names: Vec<ResourceName>, fingerprint: u64) -> Names {
        if names.is_empty() {
            return Names(None);
        }
        let mut table = Vec::new();
        table.resize((2 * names.len()).next_power_of_two(), Place::default());
        let mut is_complete = true;
        for (at, name) in names.iter().enumerate() {
            let hash = hash_of(name.as_str());
            let free = places(hash, table.len()).find(|place| table.get(*place).is_some_and(|place| place.after == 0));
            let after = u32::try_from(at + 1).ok();
            match (free.and_then(|free| table.get_mut(free)), after) {
                (Some(place), Some(after)) => *place = Place { tag: tag_of(hash), after },
                _ => is_complete = false,
            }
        }
        let globs = names.iter().filter(|name| name.is_glob()).count();
        let bytes = names.iter().map(|name| name.as_str().len()).sum();
        Names(Some(Arc::new(Inner { names, fingerprint, globs, bytes, table, is_complete })))
    }

    fn inner(&self) -> &Inner {
        self.0.as_deref().unwrap_or(&NO_NAMES)
    }

    /// Where the name is, or nowhere.
    pub(crate) fn position(&self, name: &ResourceName) -> Option<usize> {
        // Mostly it is the same text in memory, of which nothing is looked at then.
        self.find(name.as_str(), |known| known == name)
    }

    /// Where the name with this text is, that `is_it`.
    fn find(&self, text: &str, is_it: impl Fn(&ResourceName) -> bool) -> Option<usize> {
        let Inner { names, table, is_complete, .. } = self.inner();
        let hash = hash_of(text);
        for place in places(hash, table.len()).filter_map(|place| table.get(place)) {
            let Some(at) = place.after.checked_sub(1) else { break };
            if place.tag == tag_of(hash) && names.get(at as usize).is_some_and(&is_it) {
                return Some(at as usize);
            }
        }
        if *is_complete { None } else { names.binary_search_by(|known| known.as_str().cmp(text)).ok() }
    }

    /// The name with this text, if it is in the set: who reads it from bytes need not make it anew.
    ///
    /// ```
    /// use chancery_protocol::{NameSet, PoolChoice};
    /// let mut set: NameSet = ["cart".into(), "shop".into()].into_iter().collect();
    /// set.share(&PoolChoice::default());
    /// let names = set.whole().unwrap();
    /// assert_eq!(names.named("shop"), Some(&"shop".into()));
    /// assert_eq!(names.named("till"), None);
    /// ```
    pub fn named(&self, text: &str) -> Option<&ResourceName> {
        let at = self.find(text, |known| known.as_str() == text)?;
        self.inner().names.get(at)
    }

    /// Whether these are the names of the set, each once, in whatever order.
    pub fn are(&self, names: &[ResourceName]) -> bool {
        if names.len() != self.len() {
            return false;
        }
        // Many peers name theirs in order.
        if self.as_slice() == names {
            return true;
        }
        let mut seen = alloc::vec![0_u64; names.len().div_ceil(64)];
        names.iter().all(|name| {
            let Some(at) = self.position(name) else { return false };
            let Some(word) = seen.get_mut(at / 64) else { return false };
            let bit = 1 << (at % 64);
            core::mem::replace(word, *word | bit) & bit == 0
        })
    }

    /// Whether the name is in the set.
    pub fn contains(&self, name: &ResourceName) -> bool {
        self.position(name).is_some()
    }

    /// Whether one of them is a glob collection (`xdstp://.../*`).
    pub fn has_globs(&self) -> bool {
        self.inner().globs > 0
    }

    /// Whether more names have one hash than happens by chance: some of them are found by a search.
    pub fn has_collisions(&self) -> bool {
        !self.inner().is_complete
    }

    /// How many of them are glob collections.
    pub(crate) fn globs(&self) -> usize {
        self.inner().globs
    }

    /// How many bytes all texts have together.
    pub(crate) fn bytes(&self) -> usize {
        self.inner().bytes
    }

    /// All of them, sorted.
    pub fn as_slice(&self) -> &[ResourceName] {
        &self.inner().names
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.inner().names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.inner().names.is_empty()
    }

    /// Equal sets have equal ones; sets that differ nearly always have others, unless somebody chose the names so.
    pub fn fingerprint(&self) -> u64 {
        self.inner().fingerprint
    }

    /// Whether this is the very same set in memory.
    pub fn is(&self, other: &Names) -> bool {
        core::ptr::eq(self.inner(), other.inner())
    }

    /// The set as it is while somebody else keeps it.
    pub fn downgrade(&self) -> WeakNames {
        WeakNames(self.0.as_ref().map(Arc::downgrade).unwrap_or_default())
    }
}

/// Where in a table of this many places a name may lie, the likeliest place first.
fn places(hash: u64, count: usize) -> impl Iterator<Item = usize> {
    let mask = count.wrapping_sub(1);
    (0..FARTHEST.min(count)).map(move |step| (hash as usize).wrapping_add(step) & mask)
}

/// Other bits than those that choose the place.
fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl WeakNames {
    /// The set, if somebody still keeps it.
    pub fn upgrade(&self) -> Option<Names> {
        self.0.upgrade().map(|kept| Names(Some(kept)))
    }

    /// Whether this is the very same set in memory. No names are nowhere.
    pub fn is(&self, other: &Names) -> bool {
        other.0.as_ref().is_some_and(|other| core::ptr::eq(self.0.as_ptr(), Arc::as_ptr(other)))
    }

    /// Whether somebody still keeps the set.
    pub fn is_kept(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Names) -> bool {
        self.is(other) || (self.fingerprint() == other.fingerprint() && self.as_slice() == other.as_slice())
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
    /// The set of these names, if somebody keeps one: a set with this fingerprint that these names [are](Names::are). Called when a
    /// subscription has changed, not for each change of a resource.
    fn find(&self, fingerprint: u64, names: &[ResourceName]) -> Option<Names>;

    /// A set that was not found, and is kept from now on, for others to find.
    fn add(&self, names: &Names);

    /// A large set with this name in it, if one is at hand. Called while a long list of names is read, which is likely that of
    /// another stream: its names are taken from there, and not made anew.
    fn with(&self, name: &str) -> Option<Names> {
        let _ = name;
        None
    }
}

/// The pool of a session, if it has one. Two are equal when they are the same.
#[derive(Clone, Default)]
pub struct PoolChoice(Option<Arc<dyn NamePool>>);

impl PoolChoice {
    /// No pool.
    pub const NONE: PoolChoice = PoolChoice(None);

    /// This pool.
    pub fn of(pool: Arc<dyn NamePool>) -> PoolChoice {
        PoolChoice(Some(pool))
    }

    /// A large set with this name in it, if the pool has one at hand.
    pub fn with(&self, name: &str) -> Option<Names> {
        self.0.as_ref().and_then(|pool| pool.with(name))
    }

    /// The set of these names, in whatever order, if the pool has it. Nothing may be named twice in it.
    pub(crate) fn known(&self, names: &[ResourceName]) -> Option<Names> {
        let pool = self.0.as_ref().filter(|_| !names.is_empty())?;
        pool.find(fingerprint(names), names)
    }

    /// The one set of these names, which are sorted, each once.
    pub(crate) fn share(&self, names: Vec<ResourceName>) -> Names {
        let fingerprint = fingerprint(&names);
        if let Some(known) = self.0.as_ref().and_then(|pool| pool.find(fingerprint, &names)) {
            return known;
        }
        let fresh = Names::of_sorted(names, fingerprint);
        if let Some(pool) = &self.0 {
            pool.add(&fresh);
        }
        fresh
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

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn names_whose_hashes_are_alike_are_found_all_the_same() {
        let name = |number: usize| ResourceName::new(&format!("shop/backend-{number:05}"));
        let sorted: Vec<ResourceName> = (0..5_000).map(name).collect();
        let full = Names::of_sorted(sorted.clone(), fingerprint(&sorted));
        // As if there were more names of one hash than the table has places for.
        let table = full
            .inner()
            .table
            .iter()
            .map(|place| if place.after % 3 == 0 { Place::default() } else { *place })
            .collect();
        let (names, fingerprint) = (full.as_slice().to_vec(), full.fingerprint());
        let crowded = Inner { names, fingerprint, globs: 0, bytes: full.bytes(), table, is_complete: false };
        let crowded = Names(Some(Arc::new(crowded)));
        for (at, own) in sorted.iter().enumerate() {
            assert_eq!((full.position(own), crowded.position(own)), (Some(at), Some(at)));
            assert_eq!(crowded.named(own.as_str()), Some(own));
        }
        assert!((5_000..6_000).all(|number| full.position(&name(number)).is_none()));
        assert!((5_000..6_000).all(|number| crowded.position(&name(number)).is_none()));
        assert!((5_000..6_000).all(|number| full.named(name(number).as_str()).is_none()));
    }

    #[test]
    fn a_list_is_the_set_in_any_order_but_not_with_a_name_twice() {
        let name = |number: usize| ResourceName::new(&format!("shop/backend-{number:05}"));
        let mut list: Vec<ResourceName> = (0..200).map(name).collect();
        let set = Names::of_sorted(list.clone(), fingerprint(&list));
        list.reverse();
        list.swap(3, 150);
        assert!(set.are(&list));
        assert!(!set.are(&list[1..]));
        list[7] = list[8].clone();
        assert!(!set.are(&list));
        list[7] = name(200);
        assert!(!set.are(&list));
        assert!(Names::default().are(&[]) && Names::default().fingerprint() == fingerprint(&[]));
    }
}
