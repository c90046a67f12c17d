//! Sets of names that streams subscribe to, kept once for all streams that want the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chancery_protocol::{NamePool, Names, ResourceName, WeakNames};

/// How many sets with one fingerprint are looked at. Only names chosen for it bring about more than one.
const MOST_ALIKE: usize = 4;

/// Sets of fewer names are not worth finding for a name.
const LARGE: usize = 64;

/// How many large sets are at hand, the last that were asked for.
const MOST_RECENT: usize = 8;

/// Every set in use. It keeps none in memory itself.
#[derive(Default)]
pub(crate) struct SharedNames(Mutex<Known>);

#[derive(Default)]
struct Known {
    by_fingerprint: HashMap<u64, Vec<WeakNames>>,
    /// Large ones, the last asked for first.
    recent: VecDeque<WeakNames>,
    /// When there are that many fingerprints, those nobody uses any more are swept out.
    sweep_at: usize,
}

impl NamePool for SharedNames {
    fn find(&self, fingerprint: u64, names: &[ResourceName]) -> Option<Names> {
        let alike = self.use_known(|known| known.alike(fingerprint));
        // Compared outside the lock: a set may be large, and a fingerprint is no proof.
        let found = alike.into_iter().find(|known| known.are(names))?;
        if is_worth_finding(&found) {
            self.use_known(|known| known.note(&found));
        }
        Some(found)
    }

    fn add(&self, names: &Names) {
        self.use_known(|known| {
            known.add(names);
            known.note(names);
        });
    }

    fn with(&self, name: &str) -> Option<Names> {
        let recent = self.use_known(|known| known.recent());
        recent.into_iter().find(|set| set.named(name).is_some())
    }
}

impl SharedNames {
    fn use_known<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn alike(&self, fingerprint: u64) -> Vec<Names> {
        let known = self.by_fingerprint.get(&fingerprint);
        known.into_iter().flatten().filter_map(WeakNames::upgrade).collect()
    }

    fn recent(&self) -> Vec<Names> {
        self.recent.iter().filter_map(WeakNames::upgrade).collect()
    }

    /// This set was asked for.
    fn note(&mut self, asked: &Names) {
        if !is_worth_finding(asked) {
            return;
        }
        self.recent.retain(|set| set.is_kept() && !set.is(asked));
        self.recent.push_front(asked.downgrade());
        self.recent.truncate(MOST_RECENT);
    }

    fn add(&mut self, fresh: &Names) {
        if self.by_fingerprint.len() >= self.sweep_at {
            self.by_fingerprint.retain(|_, sets| sets.iter().any(WeakNames::is_kept));
            self.sweep_at = (2 * self.by_fingerprint.len()).max(64);
        }
        let sets = self.by_fingerprint.entry(fresh.fingerprint()).or_default();
        sets.retain(WeakNames::is_kept);
        if sets.len() < MOST_ALIKE {
            sets.push(fresh.downgrade());
        }
    }
}

/// Names that collide were chosen to: who else names them does not look them up among the others.
fn is_worth_finding(names: &Names) -> bool {
    names.len() >= LARGE && !names.has_collisions()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chancery_protocol::{
        DeltaRequest, DeltaSession, Event, Moment, NameSet, PoolChoice, Session, Settings, TypeUrl,
    };

    use super::*;

    /// What a session says that its peer wants.
    fn wanted(pool: &PoolChoice, names: &[&str]) -> (DeltaSession, NameSet) {
        let mut session = DeltaSession::new(Settings { name_pool: pool.clone(), ..Settings::default() });
        session.handle_request(Moment::default(), DeltaRequest::first(TypeUrl::ENDPOINTS, names)).unwrap();
        let Some(Event::Subscribed { names, .. }) = session.poll_event() else { panic!("nothing was subscribed") };
        (session, names)
    }

    #[test]
    fn a_set_is_kept_once_and_as_long_as_somebody_wants_it() {
        let pool = Arc::new(SharedNames::default());
        let choice = PoolChoice::of(pool.clone());
        let one = wanted(&choice, &["a", "b"]);
        let same = wanted(&choice, &["b", "a"]);
        let other = wanted(&choice, &["a", "c"]);
        assert_eq!(one.1, same.1);
        assert!(one.1 != other.1);
        let kept =
            || pool.use_known(|known| known.by_fingerprint.values().flatten().filter(|set| set.is_kept()).count());
        assert_eq!(kept(), 2);
        drop((one, other));
        assert_eq!(kept(), 1);
        drop(same);
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_large_set_in_use_is_found_by_any_of_its_names() {
        let pool = Arc::new(SharedNames::default());
        let choice = PoolChoice::of(pool.clone());
        let names = |of: &str| (0..LARGE).map(|number| format!("{of}-{number}")).collect::<Vec<_>>();
        let large = |of: &str| wanted(&choice, &names(of).iter().map(String::as_str).collect::<Vec<_>>());
        let (one, other, small) = (large("one"), large("other"), wanted(&choice, &["small"]));
        for (set, name) in [(&one.1, "one-63"), (&other.1, "other-0")] {
            let found = pool.with(name).unwrap();
            assert!(set.whole().unwrap().is(&found));
            // What is read from there is the same text in memory.
            let again = found.named(name).unwrap();
            assert_eq!(
                again.as_str().as_ptr(),
                set.iter().find(|known| known.as_str() == name).unwrap().as_str().as_ptr()
            );
        }
        assert!(pool.with("small").is_none() && pool.with("one-64").is_none());
        let crowd: Vec<_> = (0..MOST_RECENT).map(|number| large(&number.to_string())).collect();
        assert!(pool.with("one-0").is_none(), "it was not asked for lately");
        let same = large("one");
        assert!(pool.with("one-0").is_some());
        drop((one, same, small, crowd));
        assert!(pool.with("one-0").is_none(), "nobody uses it any more");
    }
}
