//! The control plane put together: a directory, a cache, a server, and the page that says how it stands.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::{EveryoneTogether, Frontend, Options, Secrets, SnapshotCache};
use chancery_core::{Health, Limits, Server, Tls};
use chancery_directory::{Directory, Report};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admission::Admission;
use crate::narrator::Narrator;
use crate::{Failure, admin};

/// What may differ between two control planes.
pub(crate) struct Plan {
    pub(crate) admission: Admission,
    pub(crate) tls: Option<Tls>,
    pub(crate) plaintext: Plaintext,
    pub(crate) secrets: Secrets,
    pub(crate) narrator: Narrator,
    pub(crate) drain_window: Duration,
}

/// Where resources may go unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plaintext {
    Loopback,
    Anywhere,
}

/// A control plane that runs until it is told to stop.
pub(crate) struct Plane {
    pub(crate) cache: SnapshotCache,
    pub(crate) reports: watch::Receiver<Arc<Report>>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<Result<(), Failure>>,
}

impl Plane {
    /// Reads the directory, and then serves it.
    pub(crate) async fn start(
        root: &Path,
        listener: TcpListener,
        admin: TcpListener,
        plan: Plan,
    ) -> Result<Plane, Failure> {
        let (address, admin_address) = (listener.local_addr()?, admin.local_addr()?);
        let options = Options { secrets: plan.secrets, ..Options::default() };
        let (cache, publisher) = SnapshotCache::with_options(EveryoneTogether, options);
        let directory = Directory::open(root)?;
        let mut reports = directory.reports();
        let health = Health::new();
        let limits = Limits {
            drain_window: plan.drain_window,
            drain_patience: plan.drain_window + Duration::from_secs(5),
            ..Limits::default()
        };
        let mut server = Server::builder(cache.clone(), plan.admission)
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

        let (stop, stopped) = watch::channel(false);
        let until_stopped = || {
            let mut stopped = stopped.clone();
            // A plane that is dropped is stopped.
            async move { drop(stopped.wait_for(|stop| *stop).await) }
        };
        let reading = tokio::spawn(directory.run(publisher, until_stopped()));
        let page = admin::router(cache.clone(), reports.clone());
        let page = axum::serve(admin, page).with_graceful_shutdown(until_stopped()).into_future();
        let page = tokio::spawn(page);
        if reports.wait_for(|report| report.readings > 0).await.is_err() {
            reading.await??;
            return Err("the directory could not be read".into());
        }
        health.ready().await;
        let until = until_stopped();
        let serving = tokio::spawn(async move {
            server.serve(listener, until).await?;
            reading.await??;
            page.await??;
            Ok(())
        });
        Ok(Plane { cache, reports, address, admin: admin_address, stop, serving })
    }

    /// Drains, and waits for the end.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stop.send_replace(true);
        self.serving.await?
    }
}
