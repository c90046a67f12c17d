//! The first answer to a stream that named what it wants: which names it was not told of yet, or has not acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;

use chancery_protocol::{NameSet, ResourceName};

/// A first answer on its way. While it is, what was told are the lists that the responses had themselves; then nothing.
#[derive(Default)]
pub(crate) struct FirstAnswer {
    wanted: NameSet,
    /// Each sorted.
    told: Vec<Arc<[ResourceName]>>,
    count: usize,
}

impl FirstAnswer {
    pub(crate) fn of(wanted: NameSet) -> FirstAnswer {
        FirstAnswer { wanted, told: Vec::new(), count: 0 }
    }

    /// The stream acknowledged a response that told of these names, which are sorted.
    pub(crate) fn told(&mut self, names: &Arc<[ResourceName]>) {
        if self.is_over() {
            return;
        }
        self.told.push(names.clone());
        self.count += names.len();
        self.look_for_rest();
    }

    fn look_for_rest(&mut self) {
        if self.count < self.wanted.len() {
            return;
        }
        // Some may have been told twice: then what is left is looked for.
        let told: BTreeSet<&ResourceName> = self.told.iter().flat_map(|names| names.iter()).collect();
        let rest: NameSet = self.wanted.iter().filter(|name| !told.contains(name)).cloned().collect();
        *self = FirstAnswer::of(rest);
    }

    /// This name is not part of it any more.
    pub(crate) fn forget(&mut self, name: &ResourceName) {
        if !self.is_over() {
            self.wanted.remove(name);
            self.look_for_rest();
        }
    }

    pub(crate) fn awaits(&self, name: &ResourceName) -> bool {
        let told = |names: &Arc<[ResourceName]>| names.binary_search(name).is_ok();
        !self.is_over() && self.wanted.contains(name) && !self.told.iter().any(told)
    }

    pub(crate) fn awaited(&self) -> impl Iterator<Item = &ResourceName> {
        self.wanted.iter().filter(|name| self.awaits(name))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.wanted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Arc<[ResourceName]> {
        names.iter().map(|name| ResourceName::new(name)).collect()
    }

    #[test]
    fn it_is_over_when_every_name_was_told_however_often_some_were() {
        let mut answer = FirstAnswer::of(list(&["a", "b", "c", "d"]).iter().cloned().collect());
        answer.told(&list(&["a", "b"]));
        answer.told(&list(&["a", "b"]));
        assert!(!answer.is_over() && answer.awaits(&"c".into()) && !answer.awaits(&"a".into()));
        answer.told(&list(&["c"]));
        answer.forget(&"d".into());
        assert!(answer.is_over() && answer.awaited().next().is_none());
    }
}
