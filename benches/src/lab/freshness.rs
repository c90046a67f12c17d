//! How long changes take until each of some streams has accepted them, or something newer of the same resource.

use std::time::{Duration, Instant};

use super::client::Revised;

/// Changes, and how many of them each stream has seen.
pub(super) struct Freshness {
    /// Of each resource, its revisions and when they were made.
    changes: Vec<Vec<(usize, Instant)>>,
    /// Of each stream and resource, how many of its revisions it has seen.
    seen: Vec<Vec<usize>>,
    /// How many streams' times are noted; the others only count to what is outstanding.
    witnesses: usize,
    outstanding: usize,
    waits: Vec<Duration>,
}

impl Freshness {
    /// For this many resources and streams. The times of the first streams are noted.
    pub(super) fn new(resources: usize, streams: usize, witnesses: usize) -> Freshness {
        Freshness {
            changes: vec![Vec::new(); resources],
            seen: vec![vec![0; resources]; streams],
            witnesses,
            outstanding: 0,
            waits: Vec::new(),
        }
    }

    /// A resource is changed now.
    pub(super) fn changed(&mut self, number: usize, revision: usize, at: Instant) {
        if let Some(changes) = self.changes.get_mut(number) {
            changes.push((revision, at));
            self.outstanding += self.seen.len();
        }
    }

    /// A stream has accepted this.
    pub(super) fn accepted(&mut self, stream: usize, revised: &[Revised], at: Instant) {
        let Some(seen) = self.seen.get_mut(stream) else { return };
        for Revised { number, revision } in revised {
            let (Some(changes), Some(seen)) = (self.changes.get(*number), seen.get_mut(*number)) else { continue };
            while let Some((_, made)) = changes.get(*seen).filter(|(made, _)| made <= revision) {
                *seen += 1;
                self.outstanding -= 1;
                if stream < self.witnesses {
                    self.waits.push(at.saturating_duration_since(*made));
                }
            }
        }
    }

    /// How many changes some stream has not accepted yet, over all streams.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// The times noted since this was asked last.
    pub(super) fn take_waits(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_revision_settles_the_earlier_ones_of_its_resource_only() {
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let mut freshness = Freshness::new(3, 2, 1);
        for (number, revision, millis) in [(0, 1, 0), (1, 2, 10), (0, 3, 20)] {
            freshness.changed(number, revision, after(millis));
        }
        freshness.accepted(0, &[Revised { number: 0, revision: 1 }], after(5));
        assert_eq!((freshness.outstanding(), freshness.take_waits()), (5, vec![Duration::from_millis(5)]));
        freshness.accepted(0, &[Revised { number: 0, revision: 3 }], after(30));
        assert_eq!(freshness.take_waits(), [Duration::from_millis(10)]);
        // The second stream is no witness, but counts.
        freshness.accepted(1, &[Revised { number: 0, revision: 3 }, Revised { number: 1, revision: 2 }], after(40));
        freshness.accepted(0, &[Revised { number: 1, revision: 2 }], after(50));
        assert_eq!((freshness.outstanding(), freshness.take_waits()), (0, vec![Duration::from_millis(40)]));
    }
}
