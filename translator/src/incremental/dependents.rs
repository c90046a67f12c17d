//! Who was made from what.

use std::collections::{BTreeSet, HashMap};

use crate::api::ObjectId;
use crate::attach::Fact;

/// From facts to those who looked at them, and back. Who looks is named by the object that is looked at with their eyes: a
/// Gateway, a policy or a route.
#[derive(Debug, Default)]
pub(super) struct Dependents {
    of: HashMap<Fact, BTreeSet<ObjectId>>,
    facts: HashMap<ObjectId, BTreeSet<Fact>>,
}

impl Dependents {
    /// Notes what somebody looked at, in place of what was known; also returns the facts nobody looks at any more.
    pub(super) fn set(&mut self, who: &ObjectId, facts: BTreeSet<Fact>) -> Vec<Fact> {
        if self.facts.get(who) == Some(&facts) {
            return Vec::new();
        }
        for fact in &facts {
            if !self.of.get(fact).is_some_and(|known| known.contains(who)) {
                self.of.entry(fact.clone()).or_default().insert(who.clone());
            }
        }
        let before = match facts.is_empty() {
            true => self.facts.remove(who),
            false => self.facts.insert(who.clone(), facts.clone()),
        };
        let mut orphans = Vec::new();
        for fact in before.unwrap_or_default().difference(&facts) {
            let Some(known) = self.of.get_mut(fact) else { continue };
            known.remove(who);
            if known.is_empty() {
                self.of.remove(fact);
                orphans.push(fact.clone());
            }
        }
        orphans
    }

    /// Everybody who looked at this.
    pub(super) fn of(&self, fact: &Fact) -> impl Iterator<Item = &ObjectId> {
        self.of.get(fact).into_iter().flatten()
    }
}
