//! What was told, in order: whoever could not be told at once is told all of it later.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

/// All there was to tell since the beginning.
pub(super) struct Log<T> {
    entries: RwLock<Vec<Arc<T>>>,
    length: watch::Sender<usize>,
}

/// Where one stream is in the log.
pub(super) struct Place(usize);

impl<T> Log<T> {
    /// With what is told first.
    pub(super) fn new(first: Arc<T>) -> Arc<Log<T>> {
        Arc::new(Log { entries: RwLock::new(vec![first]), length: watch::channel(1).0 })
    }

    pub(super) fn push(&self, entry: Arc<T>) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).push(entry);
        self.length.send_modify(|length| *length += 1);
    }

    /// Tells when there is more.
    pub(super) fn more(&self) -> watch::Receiver<usize> {
        self.length.subscribe()
    }

    /// Before the newest entry.
    pub(super) fn newest(&self) -> Place {
        Place(*self.length.borrow() - 1)
    }

    /// Behind the newest entry.
    pub(super) fn end(&self) -> Place {
        Place(*self.length.borrow())
    }

    /// What somebody makes of all there is behind this place, if there is anything. It is then behind that.
    pub(super) fn behind<R>(&self, place: &mut Place, make: impl FnOnce(&[Arc<T>]) -> R) -> Option<R> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let behind = entries.get(place.0..).filter(|behind| !behind.is_empty())?;
        place.0 = entries.len();
        Some(make(behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_everything_once() {
        let log = Log::new(Arc::new(0));
        let numbers = |entries: &[Arc<i32>]| entries.iter().map(|entry| **entry).collect::<Vec<_>>();
        let (mut early, mut at_end) = (log.newest(), log.end());
        assert_eq!((log.behind(&mut early, numbers), log.behind(&mut at_end, numbers)), (Some(vec![0]), None));
        (1..=2).for_each(|number| log.push(Arc::new(number)));
        let mut late = log.newest();
        for (place, told) in [(&mut early, vec![1, 2]), (&mut at_end, vec![1, 2]), (&mut late, vec![2])] {
            assert_eq!(log.behind(place, numbers), Some(told));
            assert_eq!(log.behind(place, numbers), None);
        }
    }
}
