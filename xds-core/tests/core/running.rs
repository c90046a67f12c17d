//! A server on an ephemeral port, what its observer saw, and waiting for conditions.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery_core::{Authorizer, End, InsecureAllowEveryone, Limits, Observer, Server, ServerBuilder, Sessions};
use chancery_protocol::{Event, Identity, Peer, Source};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Connection, Stream};
use crate::world::World;

/// How long any test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// What the observer saw; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Seen>>>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    Opened(Peer),
    Happened(Event),
    Closed(End),
    TurnedAway(Identity, End),
}

impl Log {
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, matches: impl Fn(&Seen) -> bool) -> usize {
        self.all().iter().filter(|seen| matches(seen)).count()
    }

    pub(crate) fn ends(&self) -> Vec<End> {
        let end = |seen: Seen| match seen {
            Seen::Closed(end) | Seen::TurnedAway(_, end) => Some(end),
            _ => None,
        };
        self.all().into_iter().filter_map(end).collect()
    }

    pub(crate) async fn next_end(&self, before: usize) -> End {
        until("a stream to end", || self.ends().len() > before).await;
        self.ends()[before].clone()
    }

    fn note(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }
}

impl Observer for Log {
    fn opened(&self, peer: &Peer) {
        self.note(Seen::Opened(peer.clone()));
    }
    fn happened(&self, _: &Peer, event: &Event) {
        self.note(Seen::Happened(event.clone()));
    }
    fn closed(&self, _: &Peer, end: &End) {
        self.note(Seen::Closed(end.clone()));
    }
    fn turned_away(&self, identity: &Identity, end: &End) {
        self.note(Seen::TurnedAway(identity.clone(), end.clone()));
    }
}

/// A server that runs until it is told to stop.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) log: Log,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    /// A server of this world for everyone, with these limits.
    pub(crate) async fn with_limits(world: &World, limits: Limits) -> Running {
        Running::start(Server::builder(world.clone(), InsecureAllowEveryone).limits(limits)).await
    }

    pub(crate) async fn of(world: &World) -> Running {
        Running::with_limits(world, quick()).await
    }

    pub(crate) async fn start<S: Source, A: Authorizer, E: Sessions>(builder: ServerBuilder<S, A, E>) -> Running {
        let log = Log::default();
        let server = builder.observer(log.clone()).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            server.serve(listener, async { drop(stopped.await) }).await.unwrap();
        });
        Running { address, log, stop, served }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// A new ADS stream on a connection of its own.
    pub(crate) async fn sotw(&self) -> Stream {
        self.connect().await.stream(SOTW).await
    }

    pub(crate) async fn delta(&self) -> Stream {
        self.connect().await.stream(DELTA).await
    }

    /// Stops the server and waits until it is gone; how long that took.
    pub(crate) async fn stop(self) -> Duration {
        let started = Instant::now();
        drop(self.stop);
        timeout(DEADLINE, self.served).await.expect("the server stops").unwrap();
        started.elapsed()
    }

    /// Tells the server to stop and does not wait.
    pub(crate) fn begin_stop(self) -> JoinHandle<()> {
        drop(self.stop);
        self.served
    }
}

pub(crate) const SOTW: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
pub(crate) const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// Limits that do not make tests wait.
pub(crate) fn quick() -> Limits {
    Limits { drain_window: Duration::from_millis(50), drain_patience: Duration::from_secs(2), ..Limits::default() }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(2)).await;
    }
}
