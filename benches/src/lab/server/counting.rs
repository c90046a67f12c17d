//! Sessions that count their polls: a stalled peer must not cost the others any.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chancery_core::{Sessions, StandardSessions};
use chancery_protocol::{DeltaSession, Event, Moment, Reply, Session, Settings, SotwSession, TypeUrl, View, Violation};

use crate::lab::usage::Counts;

pub(super) struct CountingSessions {
    counts: Arc<Counts>,
    has_begun: AtomicBool,
}

impl CountingSessions {
    pub(super) fn new(counts: Arc<Counts>) -> CountingSessions {
        CountingSessions { counts, has_begun: AtomicBool::new(false) }
    }

    fn counting<Q>(&self, session: Q) -> Counting<Q> {
        let is_first = !self.has_begun.swap(true, Ordering::Relaxed);
        Counting { session, is_first, counts: Arc::clone(&self.counts) }
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
    counts: Arc<Counts>,
}

impl<Q: Session> Session for Counting<Q> {
    type Request = Q::Request;
    type Response = Q::Response;

    fn handle_request(&mut self, now: Moment, request: Q::Request) -> Result<(), Violation> {
        self.session.handle_request(now, request)
    }

    fn recalls_names(&self, type_url: &TypeUrl) -> bool {
        self.session.recalls_names(type_url)
    }

    fn handle_reply(&mut self, now: Moment, type_url: &TypeUrl, reply: Reply) -> Result<(), Violation> {
        self.session.handle_reply(now, type_url, reply)
    }

    fn handle_timeout(&mut self, now: Moment) {
        self.session.handle_timeout(now);
    }

    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<Q::Response> {
        self.counts.polled(self.is_first);
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
