//! How long what vanished is kept: a file that is truncated before it is written again deletes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// What to do when something has vanished.
#[derive(Debug, PartialEq)]
pub enum Verdict<K> {
    /// Go on with what there is, and with these of the vanished, which have not been away for long enough.
    Settled(Vec<K>),
    /// Look again then: what has vanished may come back. Everything waits with it, so that what changes together is seen
    /// together.
    Wait(Instant),
}

/// What has vanished, and since when.
#[derive(Debug)]
pub struct Absences<K> {
    missing: BTreeMap<K, Instant>,
    waiting_since: Option<Instant>,
}

impl<K> Default for Absences<K> {
    fn default() -> Self {
        Absences { missing: BTreeMap::new(), waiting_since: None }
    }
}

impl<K: Ord + Clone> Absences<K> {
    /// Judges what is missing now. What is not named any more has come back.
    pub fn judge(&mut self, now: Instant, patience: Duration, missing: impl IntoIterator<Item = K>) -> Verdict<K> {
        self.missing = missing
            .into_iter()
            .map(|key| {
                let since = self.missing.get(&key).copied().unwrap_or(now);
                (key, since)
            })
            .collect();
        let Some(latest) = self.missing.values().max() else {
            self.waiting_since = None;
            return Verdict::Settled(Vec::new());
        };
        let started = *self.waiting_since.get_or_insert(now);
        let sure_at = *latest + patience;
        // What keeps vanishing in turns must not hold up the rest for ever.
        let overdue_at = started + patience * 4;
        if now < sure_at.min(overdue_at) {
            return Verdict::Wait(sure_at.min(overdue_at));
        }
        self.missing.retain(|_, since| now < *since + patience);
        self.waiting_since = (!self.missing.is_empty()).then_some(now);
        Verdict::Settled(self.missing.keys().cloned().collect())
    }

    /// When to look again although nothing happened.
    pub fn due(&self, patience: Duration) -> Option<Instant> {
        self.missing.values().max().map(|latest| *latest + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    #[test]
    fn nothing_waits_while_nothing_vanishes() {
        let (mut absences, now) = (Absences::<&str>::default(), Instant::now());
        assert_eq!(absences.judge(now, PATIENCE, []), Verdict::Settled(Vec::new()));
        assert_eq!(absences.due(PATIENCE), None);
    }

    #[test]
    fn what_comes_back_in_time_was_never_gone() {
        let (mut absences, now) = (Absences::default(), Instant::now());
        assert_eq!(absences.judge(now, PATIENCE, ["a"]), Verdict::Wait(now + PATIENCE));
        assert_eq!(absences.judge(now + PATIENCE / 2, PATIENCE, []), Verdict::Settled(Vec::new()));
    }

    #[test]
    fn what_stays_away_goes_in_the_end() {
        let (mut absences, now) = (Absences::default(), Instant::now());
        assert_eq!(absences.judge(now, PATIENCE, ["a"]), Verdict::Wait(now + PATIENCE));
        assert_eq!(absences.judge(now + PATIENCE, PATIENCE, ["a"]), Verdict::Settled(Vec::new()));
    }

    #[test]
    fn what_vanishes_in_turns_holds_up_the_rest_for_a_bounded_time() {
        let (mut absences, mut now) = (Absences::default(), Instant::now());
        for turn in 0..20 {
            let missing = if turn % 2 == 0 { ["b"] } else { ["a"] };
            if let Verdict::Settled(kept) = absences.judge(now, PATIENCE, missing) {
                assert_eq!(kept, missing, "it is kept: it was not away for long");
                return;
            }
            now += PATIENCE / 2;
        }
        panic!("it never settled");
    }
}
