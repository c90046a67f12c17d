//! Sets of names that streams subscribe to, kept once for all streams that want the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chancery_protocol::{NamePool, Names, ResourceName, WeakNames};

/// How many sets with one fingerprint are looked at. Only names chosen for it bring about more than one.
const MOST_ALIKE: usize = 4;

/// Every set in use. It keeps none in memory itself.
#[derive(Default)]
pub(crate) struct SharedNames(Mutex<Known>);

#[derive(Default)]
struct Known {
    by_fingerprint: HashMap<u64, Vec<WeakNames>>,
    /// When there are that many fingerprints, those nobody uses any more are swept out.
    sweep_at: usize,
}

impl NamePool for SharedNames {
    fn find(&self, fingerprint: u64, names: &[ResourceName]) -> Option<Names> {
        let alike = self.with(|known| known.alike(fingerprint));
        // Compared outside the lock: a set may be large, and a fingerprint is no proof.
        alike.into_iter().find(|known| known.as_slice() == names)
    }

    fn add(&self, names: &Names) {
        self.with(|known| known.add(names));
    }
}

impl SharedNames {
    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn alike(&self, fingerprint: u64) -> Vec<Names> {
        let known = self.by_fingerprint.get(&fingerprint);
        known.into_iter().flatten().filter_map(WeakNames::upgrade).collect()
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
        let kept = || pool.with(|known| known.by_fingerprint.values().flatten().filter(|set| set.is_kept()).count());
        assert_eq!(kept(), 2);
        drop((one, other));
        assert_eq!(kept(), 1);
        drop(same);
        assert_eq!(kept(), 0);
    }
}
