//! A control plane in this process, and Envoys in front of it.

use std::net::SocketAddr;
use std::time::Duration;

use chancery_cache::{
    Declared, EveryoneTogether, GroupKey, Options, Published, Publisher, ResourceSet, Secrets, SnapshotCache,
};
use chancery_core::{InsecureAllowEveryone, Limits, Server};
use chancery_protocol::TypeUrl;
use chancery_testkit::{Bootstrap, Envoy, EnvoyVersion, Launch, Seen, http, wait_until};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::PATIENCE;
use crate::tap::Tap;

pub(crate) struct Plane {
    pub(crate) cache: SnapshotCache,
    pub(crate) publisher: Publisher,
    pub(crate) address: SocketAddr,
    pub(crate) tap: Tap,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Plane {
    /// A server on a free port that serves these resources.
    pub(crate) async fn start(resources: &str) -> Plane {
        Plane::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), resources).await
    }

    pub(crate) async fn start_at(address: SocketAddr, resources: &str) -> Plane {
        Plane::with(address, Options::default(), resources).await
    }

    /// A server whose secret of this name is for everyone: what a proxy asks for by a source of its own
    /// (`api_config_source`) does not count as named by the resources of this server.
    pub(crate) async fn sharing(secret: &str) -> Plane {
        let shared = Declared::none().name(TypeUrl::SECRET, secret);
        let options = Options { secrets: Secrets::WhenNamed { shared }, ..Options::default() };
        Plane::with(SocketAddr::from(([127, 0, 0, 1], 0)), options, "").await
    }

    async fn with(address: SocketAddr, options: Options, resources: &str) -> Plane {
        let (cache, publisher) = SnapshotCache::with_options(EveryoneTogether, options);
        let tap = Tap::default();
        let limits = Limits {
            drain_window: Duration::from_millis(50),
            drain_patience: Duration::from_secs(5),
            ..Limits::default()
        };
        let server = Server::builder(cache.clone(), InsecureAllowEveryone)
            .limits(limits)
            .observer(tap.clone())
            .sessions(tap.clone())
            .build()
            .expect("a server");
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            server.serve(listener, async { drop(stopped.await) }).await.expect("to serve");
        });
        let plane = Plane { cache, publisher, address, tap, stop, serving };
        plane.publish(resources);
        plane
    }

    /// Replaces everything at once.
    pub(crate) fn publish(&self, resources: &str) -> Published {
        let (documents, errors) = chancery_resource::read_documents("test", resources);
        assert!(errors.is_empty(), "{errors:?} in\n{resources}");
        let set = ResourceSet::of(documents.into_iter().map(|document| document.resource)).expect("different names");
        self.publisher.publish(&GroupKey::everyone(), set).expect("to publish")
    }

    /// Waits until every stream holds a commit.
    pub(crate) async fn reached(&self, published: &Published) {
        let deliveries = self.cache.delivery();
        let waited = wait_until("the commit to be live everywhere", PATIENCE, async || {
            let reach = deliveries.reach(published);
            if reach.streams > 0 && reach.is_complete() {
                Ok(())
            } else {
                Err(Seen::from(format!("{:#?}", deliveries)))
            }
        });
        waited.await.expect("to be live");
    }

    /// Waits until no stream owes a reply, and none has refused anything.
    pub(crate) async fn settled(&self) {
        let deliveries = self.cache.delivery();
        let waited = wait_until("all to be acknowledged", PATIENCE, async || {
            let streams = deliveries.streams();
            let settled = streams.iter().flat_map(|stream| &stream.types).all(|one| one.is_settled());
            if settled && !streams.is_empty() { Ok(()) } else { Err(Seen::from(format!("{streams:#?}"))) }
        });
        waited.await.expect("to settle");
    }

    /// Stops as a server does that is replaced: it drains.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.expect("no panic");
    }
}

/// An Envoy with this bootstrap that is live, and where its listener `web` listens.
pub(crate) async fn live(version: EnvoyVersion, bootstrap: &Bootstrap) -> (Envoy, SocketAddr) {
    let launched = Launch::new(version, bootstrap).drain(Duration::from_secs(1)).start().await;
    let envoy = launched.expect("an Envoy");
    let web = envoy.wait_listener("web", PATIENCE).await.expect("its listener");
    envoy.wait_live(PATIENCE).await.expect("a live Envoy");
    (envoy, web)
}

/// Waits until a path is answered with 200 by this backend.
pub(crate) async fn answered_by(envoy: &Envoy, address: SocketAddr, host: &str, backend: &str) -> http::Answer {
    let what = format!("{host} to be answered by {backend}");
    let waited = envoy.wait_until(&what, PATIENCE, async || {
        let answer = http::get(address, host, "/").await?;
        match answer.header("x-backend") {
            Some(name) if name == backend && answer.status == 200 => Ok(answer),
            other => Err(Seen::from(format!("{} from {other:?}: {}", answer.status, answer.text()))),
        }
    });
    waited.await.expect("an answer")
}

/// Checks that the proxy has refused nothing so far.
pub(crate) async fn refused_nothing(envoy: &Envoy) {
    let rejected = envoy.admin().update_rejected().await.expect("the admin interface");
    assert_eq!(rejected, [], "{}", envoy.log());
}
