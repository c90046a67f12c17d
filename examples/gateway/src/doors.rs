//! The doors of a control plane: where proxies connect, and the page that says how it stands.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use chancery_cache::SnapshotCache;
use chancery_core::{Health, Limits, Server, Tls};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::admission::Admission;
use crate::narrator::Narrator;

/// What may differ between two control planes.
pub(crate) struct Plan {
    pub(crate) admission: Admission,
    pub(crate) tls: Option<Tls>,
    pub(crate) plaintext: Plaintext,
    pub(crate) narrator: Narrator,
    pub(crate) drain_window: Duration,
}

/// Where resources may go unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plaintext {
    Loopback,
    Anywhere,
}

/// Tells those who work for a plane that it stops. A plane that is dropped is stopped.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// A switch, and who sees it.
    pub(crate) fn channel() -> (watch::Sender<bool>, Stopping) {
        let (stop, stopped) = watch::channel(false);
        (stop, Stopping(stopped))
    }

    /// Waits for it.
    pub(crate) async fn wait(mut self) {
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// Open doors, until they are told to close.
pub(crate) struct Doors {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<Result<(), Failure>>,
}

/// The sockets of the doors: where proxies connect, and the page.
pub(crate) struct Sockets {
    pub(crate) xds: TcpListener,
    pub(crate) admin: TcpListener,
}

impl Doors {
    /// Serves what is in the cache, and the page. `work` is what fills the cache; it ends by the same switch.
    pub(crate) async fn open(
        cache: SnapshotCache,
        page: Router,
        sockets: Sockets,
        plan: Plan,
        (stop, stopping): (watch::Sender<bool>, Stopping),
        work: JoinHandle<Result<(), Failure>>,
    ) -> Result<Doors, Failure> {
        let (address, admin) = (sockets.xds.local_addr()?, sockets.admin.local_addr()?);
        let health = Health::new();
        let limits = Limits {
            drain_window: plan.drain_window,
            drain_patience: plan.drain_window + Duration::from_secs(5),
            ..Limits::default()
        };
        let mut server = Server::builder(cache, plan.admission)
            .identifier("chancery")
            .limits(limits)
            .health(health.clone())
            .observer(plan.narrator)
            .reflection(chancery_resource::file_descriptor_set());
        if let Some(tls) = plan.tls {
            server = server.tls(tls);
        }
        if plan.plaintext == Plaintext::Anywhere {
            server = server.insecure_plaintext();
        }
        let server = server.build()?;
        let page = axum::serve(sockets.admin, page).with_graceful_shutdown(stopping.clone().wait()).into_future();
        let page = tokio::spawn(page);
        health.ready().await;
        let serving = tokio::spawn(async move {
            server.serve(sockets.xds, stopping.wait()).await?;
            work.await??;
            page.await??;
            Ok(())
        });
        Ok(Doors { address, admin, stop, serving })
    }

    /// Drains, and waits for the end.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.stop.send_replace(true);
        self.serving.await?
    }
}
