//! Sessions that count their polls: a stalled peer must not cost the others any.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chancery_core::{Sessions, StandardSessions};
use chancery_protocol::{DeltaSession, Event, Moment, Session, Settings, SotwSession, View, Violation};

#[derive(Default)]
pub(super) struct Polls {
    sessions: AtomicU64,
    first: AtomicU64,
    rest: AtomicU64,
}

impl Polls {
    pub(super) fn read(&self) -> (u64, u64) {
        (self.first.load(Ordering::Relaxed), self.rest.load(Ordering::Relaxed))
    }
}

pub(super) struct CountingSessions(pub(super) Arc<Polls>);

impl CountingSessions {
    fn counting<Q>(&self, session: Q) -> Counting<Q> {
        let is_first = self.0.sessions.fetch_add(1, Ordering::Relaxed) == 0;
        Counting { session, is_first, polls: self.0.clone() }
    }
}

impl Sessions for CountingSessions {
    type Sotw = Counting<SotwSession>;
    type Delta = Counting<DeltaSession>;

    fn sotw(&self, settings: Settings) -> Counting<SotwSession> {
        self.counting(StandardSessions.sotw(settings))
    }

    fn delta(&self, settings: Settings) -> Counting<DeltaSession> {
        self.counting(StandardSessions.delta(settings))
    }
}

pub(super) struct Counting<Q> {
    session: Q,
    is_first: bool,
    polls: Arc<Polls>,
}

impl<Q: Session> Session for Counting<Q> {
    type Request = Q::Request;
    type Response = Q::Response;

    fn handle_request(&mut self, now: Moment, request: Q::Request) -> Result<(), Violation> {
        self.session.handle_request(now, request)
    }

    fn handle_timeout(&mut self, now: Moment) {
        self.session.handle_timeout(now);
    }

    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<Q::Response> {
        let count = if self.is_first { &self.polls.first } else { &self.polls.rest };
        count.fetch_add(1, Ordering::Relaxed);
        self.session.poll_transmit(now, view)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.session.poll_timeout()
    }

    fn is_quiet(&self) -> bool {
        self.session.is_quiet()
    }

    fn is_settled(&self) -> bool {
        self.session.is_settled()
    }
}
