//! What was told lately, in order: whoever could not be told at once is told all of it later.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

/// How many entries are kept: a floor's memory is not to grow with the time it runs. A stream that falls further behind misses some.
const KEPT: usize = 256;

/// What there was to tell.
pub(super) struct Log<T> {
    entries: RwLock<Entries<T>>,
    length: watch::Sender<usize>,
}

struct Entries<T> {
    kept: VecDeque<Arc<T>>,
    /// How many there were before.
    gone: usize,
}

/// Where one stream is in the log.
pub(super) struct Place(usize);

/// What a stream has not been told yet. There is no list where it is one entry.
pub(super) struct Untold<T> {
    pub(super) earlier: Vec<Arc<T>>,
    pub(super) newest: Arc<T>,
}

impl<T> Log<T> {
    /// With what is told first.
    pub(super) fn new(first: Arc<T>) -> Arc<Log<T>> {
        let mut kept = VecDeque::with_capacity(KEPT + 1);
        kept.push_back(first);
        Arc::new(Log { entries: RwLock::new(Entries { kept, gone: 0 }), length: watch::channel(1).0 })
    }

    pub(super) fn push(&self, entry: Arc<T>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.kept.push_back(entry);
        if entries.kept.len() > KEPT {
            entries.kept.pop_front();
            entries.gone += 1;
        }
        drop(entries);
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

    /// What comes from this place on, which is then behind it.
    pub(super) fn since(&self, place: &mut Place) -> Option<Untold<T>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let first = place.0.saturating_sub(entries.gone);
        let last = entries.kept.len().checked_sub(1).filter(|last| first <= *last)?;
        let newest = Arc::clone(entries.kept.get(last)?);
        place.0 = entries.gone + entries.kept.len();
        Some(Untold { earlier: entries.kept.range(first..last).cloned().collect(), newest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(log: &Log<usize>, place: &mut Place) -> Vec<usize> {
        let untold = log.since(place);
        untold.iter().flat_map(|untold| untold.earlier.iter().chain([&untold.newest])).map(|entry| **entry).collect()
    }

    #[test]
    fn everybody_is_told_everything_once() {
        let log = Log::new(Arc::new(0));
        let (mut early, mut at_end) = (log.newest(), log.end());
        assert_eq!((numbers(&log, &mut early), numbers(&log, &mut at_end)), (vec![0], vec![]));
        (1..=2).for_each(|number| log.push(Arc::new(number)));
        let mut late = log.newest();
        for (place, told) in [(&mut early, vec![1, 2]), (&mut at_end, vec![1, 2]), (&mut late, vec![2])] {
            assert_eq!(numbers(&log, place), told);
            assert!(numbers(&log, place).is_empty());
        }
    }

    #[test]
    fn who_is_far_behind_is_told_what_is_kept() {
        let log = Log::new(Arc::new(0));
        let mut early = log.newest();
        (1..=KEPT + 10).for_each(|number| log.push(Arc::new(number)));
        assert_eq!(numbers(&log, &mut early), (11..=KEPT + 10).collect::<Vec<_>>());
        log.push(Arc::new(7));
        assert_eq!(numbers(&log, &mut early), [7]);
    }
}
