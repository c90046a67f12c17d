//! Sessions are told the time it is, however long their stream has slept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery_core::{InsecureAllowEveryone, Server, Sessions, StandardSessions};
use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, Event, Moment, Session, Settings, SotwSession, TypeUrl, View, Violation,
};
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use tokio::time::sleep;

use crate::client::first_delta;
use crate::running::{Running, quick, until};
use crate::world::{World, resource};

/// When requests came; clones are the same.
#[derive(Clone, Default)]
struct Clock(Arc<Mutex<Vec<Moment>>>);

/// The standard session of a stream whose requests are timed.
struct Timed(DeltaSession, Clock);

impl Session for Timed {
    type Request = DeltaRequest;
    type Response = DeltaResponse;
    fn handle_request(&mut self, now: Moment, request: DeltaRequest) -> Result<(), Violation> {
        self.1.0.lock().unwrap().push(now);
        self.0.handle_request(now, request)
    }
    fn handle_timeout(&mut self, now: Moment) {
        self.0.handle_timeout(now);
    }
    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<DeltaResponse> {
        self.0.poll_transmit(now, view)
    }
    fn poll_event(&mut self) -> Option<Event> {
        self.0.poll_event()
    }
    fn poll_timeout(&self) -> Option<Moment> {
        self.0.poll_timeout()
    }
}

impl Sessions for Clock {
    type Sotw = SotwSession;
    type Delta = Timed;
    fn sotw(&self, settings: Settings) -> SotwSession {
        StandardSessions.sotw(settings)
    }
    fn delta(&self, settings: Settings) -> Timed {
        Timed(StandardSessions.delta(settings), self.clone())
    }
}

#[tokio::test]
async fn what_a_peer_accepts_late_it_accepts_when_it_does() {
    const LATE: Duration = Duration::from_millis(400);
    let (world, clock) = (World::of([resource(&TypeUrl::CLUSTER, "a", vec![1])]), Clock::default());
    let builder = Server::builder(world.clone(), InsecureAllowEveryone).sessions(clock.clone()).limits(quick());
    let server = Running::start(builder).await;
    let mut stream = server.delta().await;
    stream.send(&first_delta(TypeUrl::CLUSTER.as_str(), &[]));
    let response = stream.next_delta().await;
    // The lateness itself: nothing happens meanwhile that could be waited for.
    sleep(LATE).await;
    stream.send(&DeltaDiscoveryRequest {
        type_url: response.type_url,
        response_nonce: response.nonce,
        ..DeltaDiscoveryRequest::default()
    });
    until("both requests", || clock.0.lock().unwrap().len() == 2).await;
    let [first, second] = clock.0.lock().unwrap()[..] else { unreachable!("two requests") };
    let between = second.since_start().saturating_sub(first.since_start());
    assert!(between >= LATE, "accepted {LATE:?} later, the session was told {between:?}");
    server.stop().await;
}
