//! The names of which a peer may hold something else than the view at the anchor, in order, and which of them are owed an answer.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::ops::Deref;

use crate::ResourceName;

use super::{Exception, Need};

/// From this share of all exceptions on, a walk along them is cheaper than finding each: names share long prefixes.
const FEW: usize = 8;

/// All exceptions of one type. Which of them are owed is changed here alone, and counted.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    /// Boxed: mostly there is one, and a tree's leaf has room for eleven.
    by_name: BTreeMap<ResourceName, Box<Exception>>,
    owed: usize,
}

impl Deref for Exceptions {
    type Target = BTreeMap<ResourceName, Box<Exception>>;

    fn deref(&self) -> &Self::Target {
        &self.by_name
    }
}

impl Exceptions {
    pub(crate) fn get_mut(&mut self, name: &ResourceName) -> Option<&mut Exception> {
        self.by_name.get_mut(name).map(Box::as_mut)
    }

    pub(crate) fn or_insert_with(&mut self, name: ResourceName, fresh: impl FnOnce() -> Exception) -> &mut Exception {
        self.by_name.entry(name).or_insert_with(|| Box::new(fresh()))
    }

    /// The place of this name, known or not. What is put there is not owed.
    pub(super) fn entry(&mut self, name: ResourceName) -> Entry<'_, ResourceName, Box<Exception>> {
        self.by_name.entry(name)
    }

    /// Adds exceptions in the order of their names, all owed. None of the names may be known.
    pub(super) fn append_owed(&mut self, fresh: Vec<(ResourceName, Exception)>) {
        self.owed += fresh.len();
        let owed = |(name, exception)| (name, Box::new(Exception { owed: true, ..exception }));
        let mut fresh: BTreeMap<_, _> = fresh.into_iter().map(owed).collect();
        self.by_name.append(&mut fresh);
    }

    pub(crate) fn remove(&mut self, name: &ResourceName) -> Option<Exception> {
        let exception = self.by_name.remove(name)?;
        self.owed -= usize::from(exception.owed);
        Some(*exception)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&ResourceName, &Exception) -> bool) {
        let owed = &mut self.owed;
        self.by_name.retain(|name, exception| {
            let kept = keep(name, exception);
            *owed -= usize::from(!kept && exception.owed);
            kept
        });
    }

    pub(super) fn clear(&mut self) {
        *self = Exceptions::default();
    }

    /// An answer is due under this name, which is known.
    pub(super) fn owe(&mut self, name: &ResourceName) {
        if let Some(exception) = self.by_name.get_mut(name) {
            self.owed += usize::from(!exception.owed);
            exception.owed = true;
        }
    }

    /// No answer is due under this name any more.
    pub(crate) fn owe_no_longer(&mut self, name: &ResourceName) {
        if let Some(exception) = self.by_name.get_mut(name) {
            self.owed -= usize::from(exception.owed);
            exception.owed = false;
        }
    }

    pub(crate) fn owes(&self, name: &ResourceName) -> bool {
        self.owed > 0 && self.by_name.get(name).is_some_and(|exception| exception.owed)
    }

    pub(super) fn owed_count(&self) -> usize {
        self.owed
    }

    pub(crate) fn owes_anything(&self) -> bool {
        self.owed > 0
    }

    /// Those that are owed an answer.
    pub(crate) fn owed(&self) -> impl Iterator<Item = (&ResourceName, &Exception)> {
        self.by_name.iter().filter(|(_, exception)| exception.owed).map(|(name, exception)| (name, &**exception))
    }

    /// Visits the exceptions under these names, which are sorted, as answered.
    pub(super) fn answer_each(&mut self, names: &[ResourceName], mut visit: impl FnMut(&mut Exception)) {
        let owed = &mut self.owed;
        each(&mut self.by_name, names, |_, exception| {
            *owed -= usize::from(exception.owed);
            exception.owed = false;
            visit(exception);
        });
    }

    /// Visits the exceptions under these names, which are sorted, and forgets those that are none any more.
    pub(super) fn settle_each(&mut self, names: &[ResourceName], mut visit: impl FnMut(&ResourceName, &mut Exception)) {
        if let [name] = names {
            // One stream among many hears of one change.
            if let Some(exception) = self.get_mut(name) {
                visit(name, exception);
                self.tidy(name);
            }
            return;
        }
        let mut over = Vec::new();
        each(&mut self.by_name, names, |name, exception| {
            visit(name, exception);
            if exception.is_over() {
                over.push(name.clone());
            }
        });
        if over.len() * FEW > self.by_name.len() {
            self.by_name.retain(|_, exception| !exception.is_over());
        } else {
            for name in &over {
                self.by_name.remove(name);
            }
        }
    }

    /// Forgets this one if it is none any more.
    pub(crate) fn tidy(&mut self, name: &ResourceName) {
        if self.by_name.get(name).is_some_and(|exception| exception.is_over()) {
            self.by_name.remove(name);
        }
    }
}

impl Exception {
    fn is_over(&self) -> bool {
        !self.owed && self.need() == Need::Settled
    }
}

/// Visits what is known of these names, which are sorted.
fn each(
    known: &mut BTreeMap<ResourceName, Box<Exception>>,
    names: &[ResourceName],
    mut visit: impl FnMut(&ResourceName, &mut Exception),
) {
    let Some(first) = names.first().filter(|_| names.len() * FEW > known.len()) else {
        for name in names {
            if let Some(exception) = known.get_mut(name) {
                visit(name, exception);
            }
        }
        return;
    };
    let mut names = names.iter().peekable();
    for (name, exception) in known.range_mut(first.clone()..) {
        // Mostly they are equal, and even the same text: nothing of it is looked at then.
        while names.peek().is_some_and(|next| *next != name && *next < name) {
            names.next();
        }
        match names.peek() {
            Some(next) if *next == name => {
                names.next();
                visit(name, exception);
            }
            Some(_) => {}
            None => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::Moment;
    use crate::standing::Told;

    #[test]
    fn a_walk_along_all_and_a_search_for_each_find_the_same() {
        let name = |number: usize| ResourceName::new(&format!("n{number:03}"));
        for count in [1, 3, 100, 300] {
            let mut exceptions = Exceptions::default();
            let fresh = |number| (name(number), Exception::new(Moment::default(), Told::Lacks, None));
            exceptions.append_owed((0..300).step_by(3).map(fresh).collect());
            let asked: Vec<ResourceName> = (0..count).map(name).collect();
            let mut visited = 0;
            exceptions.answer_each(&asked, |_| visited += 1);
            assert_eq!(visited, count.div_ceil(3));
            assert_eq!(exceptions.owed().count(), 100 - visited);
            exceptions.settle_each(&asked, |_, _| {});
            assert_eq!(exceptions.len(), 100 - visited);
        }
    }
}
