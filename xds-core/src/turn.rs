//! Who is at the beginning of their service, and takes more than they will: a bounded number at once, the others in the order
//! they came.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// A number of places. Clones are the same places.
///
/// A herd that connects at once is served as fast as it would be otherwise: what is bounded is how many are between their
/// first bytes and their last, with all that is in memory for it. Those already served do not wait here.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    patience: Duration,
}

/// One of the places, for as long as it is kept and not longer than the patience: who takes longer goes on without, so that slow
/// peers do not keep others out.
#[derive(Debug)]
pub(crate) struct Place {
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(count: usize, patience: Duration) -> Places {
        Places { free: Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))), patience }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self) -> Place {
        match Arc::clone(&self.free).acquire_owned().await {
            Ok(permit) => Place { until: Instant::now() + self.patience, _permit: permit },
            // Never closed.
            Err(_) => pending().await,
        }
    }

    /// Does this in a place, and beyond the patience without one.
    pub(crate) async fn during<F: Future>(&self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        let place = self.enter().await;
        match tokio::time::timeout_at(place.until, work.as_mut()).await {
            Ok(done) => done,
            Err(_) => {
                drop(place);
                work.await
            }
        }
    }
}

/// One stream's turn to be told what it asks for the first time.
pub(crate) struct Turn {
    places: Places,
    state: State,
}

enum State {
    /// It does not need one.
    Free,
    /// It waits, until this moment at the longest; where it stands is kept whoever stops polling.
    Waiting(Pin<Box<dyn Future<Output = Place> + Send>>, Instant),
    Held(Place),
}

impl Turn {
    /// Of a stream that has a place.
    pub(crate) fn held(places: Places, place: Place) -> Turn {
        Turn { places, state: State::Held(place) }
    }

    /// Does this in the stream's place, and once that has lasted too long without one.
    pub(crate) async fn during<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        if let Some(end) = self.ends_at() {
            match tokio::time::timeout_at(end, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.state = State::Free,
            }
        }
        work.await
    }

    /// The stream, which is served, begins something that wants a place. It goes on without one before it has waited too long.
    pub(crate) fn want(&mut self) {
        if matches!(self.state, State::Free) {
            let places = self.places.clone();
            let until = Instant::now() + places.patience;
            self.state = State::Waiting(Box::pin(async move { places.enter().await }), until);
        }
    }

    /// Whether the stream has to wait before it sends.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self.state, State::Waiting(..))
    }

    /// Waits for the place. May be cancelled and called again.
    pub(crate) async fn come(&mut self) {
        if let State::Waiting(place, _) = &mut self.state {
            self.state = State::Held(place.await);
        }
    }

    /// When the place is given back, or waited for no longer.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        match &self.state {
            State::Held(place) => Some(place.until),
            State::Waiting(_, until) => Some(*until),
            State::Free => None,
        }
    }

    /// Gives the place back if the stream needs it no longer, or has had it, or waited for it, too long.
    pub(crate) fn end_if(&mut self, settled: bool, now: Instant) {
        let done = settled && matches!(self.state, State::Held(_));
        if self.ends_at().is_some_and(|end| done || now >= end) {
            self.state = State::Free;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_more_than_there_are_places_waits_until_somebody_is_done() {
        let places = Places::new(1, Duration::from_secs(1));
        let mut first = Turn::held(places.clone(), places.enter().await);
        let mut second = Turn { places, state: State::Free };
        second.want();
        assert!(second.come().now_or_never().is_none() && second.is_awaited());
        first.end_if(false, Instant::now());
        assert!(second.come().now_or_never().is_none());
        first.end_if(true, Instant::now());
        assert!(second.come().now_or_never().is_some() && !second.is_awaited());
    }

    #[tokio::test]
    async fn who_never_ends_keeps_nobody_out() {
        let places = Places::new(1, Duration::from_millis(20));
        let mut stuck = std::pin::pin!(places.during(pending::<()>()));
        assert!(stuck.as_mut().now_or_never().is_none());
        let mut next = std::pin::pin!(places.during(async { 7 }));
        assert_eq!(next.as_mut().now_or_never(), None, "the place is taken");
        let ended = futures::future::select(stuck, next).await;
        assert!(matches!(ended, futures::future::Either::Right((7, _))));
    }

    #[tokio::test]
    async fn a_stream_that_does_not_go_on_loses_its_turn_and_goes_on_without() {
        let places = Places::new(1, Duration::from_millis(20));
        let mut turn = Turn::held(places.clone(), places.enter().await);
        let stuck = std::pin::pin!(turn.during(pending::<()>()));
        let next = std::pin::pin!(places.enter());
        let ended = futures::future::select(stuck, next).await;
        assert!(matches!(ended, futures::future::Either::Right(_)), "the place is free though its stream goes on");
    }

    #[tokio::test]
    async fn a_served_stream_waits_no_longer_than_the_patience() {
        let places = Places::new(1, Duration::from_millis(20));
        let _taken = places.enter().await;
        let mut turn = Turn { places, state: State::Free };
        turn.want();
        let end = turn.ends_at().unwrap();
        turn.end_if(true, Instant::now());
        assert!(turn.is_awaited(), "that it is settled otherwise is no turn");
        turn.end_if(false, end);
        assert!(!turn.is_awaited());
    }
}
