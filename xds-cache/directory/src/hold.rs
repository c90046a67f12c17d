//! How long a resource that vanished is kept: a file that is truncated before it is written again deletes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use chancery_cache::ResourceSet;
use chancery_protocol::{ResourceName, TypeUrl};
use tokio::time::Instant;

/// What to do with a set of resources.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Publish this one.
    Publish(ResourceSet),
    /// Look again then: something has vanished, and may come back. Everything waits with it, so that what changes
    /// together is published together.
    Wait(Instant),
}

/// Which resources have vanished, and since when.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    missing: BTreeMap<(TypeUrl, ResourceName), Instant>,
    waiting_since: Option<Instant>,
}

impl Hold {
    /// Judges the newest reading against what is published.
    pub(crate) fn judge(
        &mut self,
        now: Instant,
        patience: Duration,
        mut newest: ResourceSet,
        published: &ResourceSet,
    ) -> Verdict {
        let vanished = published.iter().filter(|last| newest.get(last.type_url(), last.name()).is_none());
        let missing: BTreeMap<_, _> = vanished
            .map(|last| (last.type_url().clone(), last.name().clone()))
            .map(|key| (key.clone(), self.missing.get(&key).copied().unwrap_or(now)))
            .collect();
        self.missing = missing;
        let Some(latest) = self.missing.values().max() else {
            self.waiting_since = None;
            return Verdict::Publish(newest);
        };
        let started = *self.waiting_since.get_or_insert(now);
        let sure_at = *latest + patience;
        // What keeps vanishing in turns must not hold up the rest for ever.
        let overdue_at = started + patience * 4;
        if now < sure_at.min(overdue_at) {
            return Verdict::Wait(sure_at.min(overdue_at));
        }
        self.missing.retain(|_, since| now < *since + patience);
        for (type_url, name) in self.missing.keys() {
            if let Some(last) = published.get(type_url, name) {
                // Its absence was just checked.
                let _ = newest.insert(last.clone());
            }
        }
        self.waiting_since = (!self.missing.is_empty()).then_some(now);
        Verdict::Publish(newest)
    }

    /// When to look again although nothing happened.
    pub(crate) fn due(&self, patience: Duration) -> Option<Instant> {
        self.missing.values().max().map(|latest| *latest + patience)
    }
}

#[cfg(test)]
mod tests {
    use chancery_protocol::{Digest, Parts, Resource};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    fn set(names: &[&str]) -> ResourceSet {
        ResourceSet::of(names.iter().map(|name| {
            Resource::from_parts(Parts {
                type_url: TypeUrl::CLUSTER,
                name: ResourceName::new(name),
                body: Default::default(),
                digest: Digest::EMPTY,
                ttl: None,
                references: Vec::new(),
                aliases: Vec::new(),
                on_demand: false,
                origin: None,
            })
        }))
        .expect("different names")
    }

    #[test]
    fn nothing_waits_while_nothing_vanishes() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        assert_eq!(hold.judge(now, PATIENCE, set(&["a", "b"]), &set(&["a"])), Verdict::Publish(set(&["a", "b"])));
        assert_eq!(hold.due(PATIENCE), None);
    }

    #[test]
    fn what_comes_back_in_time_was_never_gone() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        assert_eq!(hold.judge(now, PATIENCE, set(&[]), &set(&["a"])), Verdict::Wait(now + PATIENCE));
        let later = now + PATIENCE / 2;
        assert_eq!(hold.judge(later, PATIENCE, set(&["a"]), &set(&["a"])), Verdict::Publish(set(&["a"])));
    }

    #[test]
    fn what_stays_away_goes_together_with_what_changed_meanwhile() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        assert_eq!(hold.judge(now, PATIENCE, set(&["b"]), &set(&["a"])), Verdict::Wait(now + PATIENCE));
        let verdict = hold.judge(now + PATIENCE, PATIENCE, set(&["b"]), &set(&["a"]));
        assert_eq!(verdict, Verdict::Publish(set(&["b"])));
    }

    #[test]
    fn what_vanishes_in_turns_holds_up_the_rest_for_a_bounded_time() {
        let (mut hold, mut now) = (Hold::default(), Instant::now());
        let published = set(&["a", "b"]);
        for turn in 0..20 {
            let newest = if turn % 2 == 0 { set(&["a", "new"]) } else { set(&["b", "new"]) };
            if let Verdict::Publish(set) = hold.judge(now, PATIENCE, newest, &published) {
                assert_eq!(set.len(), 3, "both are kept: neither was away for long");
                return;
            }
            now += PATIENCE / 2;
        }
        panic!("it was never published");
    }
}
