//! Names that were asked for and not looked at yet: a few, or what is left of a whole set.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::ResourceName;
use crate::names::Names;

/// Names that were asked for and not looked at yet.
///
/// A peer that asks for ten thousand names at once is answered bit by bit. What it has not been answered yet is a place in the
/// set that it shares with all who ask for the same.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    few: BTreeSet<ResourceName>,
    /// All of a set, from this place on.
    rest: Option<(Names, usize)>,
}

impl Asked {
    /// These too.
    pub(crate) fn extend(&mut self, names: impl IntoIterator<Item = ResourceName>) {
        self.few.extend(names);
    }

    /// All of these.
    pub(crate) fn extend_by_all(&mut self, names: Names) {
        self.loosen();
        self.rest = Some((names, 0));
    }

    /// Not these any more.
    pub(crate) fn remove<'a>(&mut self, names: impl IntoIterator<Item = &'a ResourceName>) {
        self.loosen();
        for name in names {
            self.few.remove(name);
        }
    }

    pub(crate) fn contains(&self, name: &ResourceName) -> bool {
        self.few.contains(name) || self.has_in_rest(name)
    }

    /// Whether the name is in what is left of a whole set: it was never told.
    pub(crate) fn has_in_rest(&self, name: &ResourceName) -> bool {
        let in_rest = |(names, from): &(Names, usize)| names.position(name).is_some_and(|at| at >= *from);
        self.rest.as_ref().is_some_and(in_rest)
    }

    /// Whether something is left of a whole set.
    pub(crate) fn has_rest(&self) -> bool {
        self.rest.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.rest.is_none()
    }

    /// Takes out as many as that; of the few all, since those who ask for a few at a time are answered at once.
    pub(crate) fn take(&mut self, most: usize) -> Vec<ResourceName> {
        let mut taken: Vec<ResourceName> = core::mem::take(&mut self.few).into_iter().collect();
        if let Some((names, from)) = self.rest.take() {
            let end = from.saturating_add(most).min(names.len());
            taken.extend_from_slice(names.as_slice().get(from..end).unwrap_or_default());
            if end < names.len() {
                self.rest = Some((names, end));
            }
        }
        taken
    }

    fn loosen(&mut self) {
        let Some((names, from)) = self.rest.take() else { return };
        self.few.extend(names.as_slice().iter().skip(from).cloned());
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;
    use crate::{NameSet, PoolChoice};

    fn names(numbers: core::ops::Range<usize>) -> Names {
        let mut set: NameSet = numbers.map(|number| ResourceName::new(&format!("n{number}"))).collect();
        set.share(&PoolChoice::default());
        set.whole().cloned().unwrap()
    }

    #[test]
    fn a_whole_set_is_taken_bit_by_bit_and_each_name_once() {
        let mut asked = Asked::default();
        asked.extend_by_all(names(0..10));
        asked.extend([ResourceName::new("few")]);
        let mut taken = asked.take(4);
        assert_eq!(taken.len(), 5);
        assert!(taken.iter().all(|name| !asked.contains(name)) && !asked.is_empty());
        while !asked.is_empty() {
            taken.extend(asked.take(4));
        }
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 11);
    }

    #[test]
    fn what_is_no_longer_asked_for_is_taken_from_what_is_left() {
        let mut asked = Asked::default();
        asked.extend_by_all(names(0..10));
        let gone = vec![ResourceName::new("n3"), ResourceName::new("n7")];
        asked.remove(&gone);
        assert!(!asked.contains(&gone[0]) && asked.contains(&"n4".into()));
        assert_eq!(asked.take(0).len(), 8);
    }
}
