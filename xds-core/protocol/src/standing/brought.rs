//! The versions a peer brought from an earlier stream, found by name.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::names::Names;
use crate::{HeldVersion, ResourceName};

/// Versions by name. A peer that comes back names what it holds, ten thousand names perhaps, and asks for the same: their versions
/// lie where the names lie in the set that it shares with others, so that none of them is put in order.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    of_subscribed: Option<(Names, Vec<Option<HeldVersion>>)>,
    others: BTreeMap<ResourceName, HeldVersion>,
    count: usize,
}

impl Brought {
    /// These versions, of which the last of a name counts, by a peer that subscribes to this set.
    pub(crate) fn new(subscribed: Option<&Names>, versions: Vec<(ResourceName, HeldVersion)>) -> Brought {
        let mut brought = Brought::default();
        if versions.is_empty() {
            return brought;
        }
        let Some(names) = subscribed.filter(|names| !names.is_empty()) else {
            // At once, which is faster than one after the other.
            brought.others = versions.into_iter().collect();
            brought.count = brought.others.len();
            return brought;
        };
        brought.of_subscribed = Some((names.clone(), alloc::vec![None; names.len()]));
        for (name, version) in versions {
            let former = match brought.place(&name) {
                Some(place) => place.replace(version),
                None => brought.others.insert(name, version),
            };
            brought.count += usize::from(former.is_none());
        }
        brought
    }

    /// The version brought under this name.
    pub(crate) fn get(&self, name: &ResourceName) -> Option<HeldVersion> {
        if self.is_empty() {
            return None;
        }
        let in_set = self.of_subscribed.as_ref().and_then(|(names, versions)| versions.get(names.position(name)?));
        in_set.copied().unwrap_or_else(|| self.others.get(name).copied())
    }

    /// Forgets the version of this name.
    pub(crate) fn remove(&mut self, name: &ResourceName) {
        if self.is_empty() {
            return;
        }
        let former = match self.place(name) {
            Some(place) => place.take(),
            None => self.others.remove(name),
        };
        self.count -= usize::from(former.is_some());
    }

    /// All names, with their versions, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ResourceName, HeldVersion)> {
        let in_set = self.of_subscribed.iter().flat_map(|(names, versions)| names.as_slice().iter().zip(versions));
        let in_set = in_set.filter_map(|(name, version)| Some((name, (*version)?)));
        in_set.chain(self.others.iter().map(|(name, version)| (name, *version)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn clear(&mut self) {
        *self = Brought::default();
    }

    fn place(&mut self, name: &ResourceName) -> Option<&mut Option<HeldVersion>> {
        let (names, versions) = self.of_subscribed.as_mut()?;
        versions.get_mut(names.position(name)?)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::{Digest, NameSet, PoolChoice};

    #[test]
    fn whatever_is_subscribed_it_is_what_a_plain_map_is() {
        let name = |number: u8| ResourceName::new(&format!("n{number}"));
        let version = |number: u8| HeldVersion::Known(Digest::from_bytes([number; 32]).version());
        // Some twice, the second of which counts.
        let versions: Vec<_> = (0..40).chain(10..20).map(|number| (name(number), version(number))).collect();
        for subscribed in [0..0, 0..40, 30..60, 50..60] {
            let mut set: NameSet = subscribed.map(name).collect();
            set.share(&PoolChoice::default());
            let mut plain: BTreeMap<_, _> = versions.iter().cloned().collect();
            let mut brought = Brought::new(set.whole(), versions.clone());
            for number in (0..70).step_by(3) {
                brought.remove(&name(number));
                plain.remove(&name(number));
                let all: BTreeMap<_, _> = brought.iter().map(|(name, version)| (name.clone(), version)).collect();
                assert_eq!(all, plain);
                assert!((0..70).all(|number| brought.get(&name(number)) == plain.get(&name(number)).copied()));
            }
            (0..70).for_each(|number| brought.remove(&name(number)));
            assert!(brought.is_empty() && brought.iter().next().is_none());
        }
        assert!(Brought::new(None, Vec::new()).is_empty());
    }
}
