//! The control plane of a directory of Gateway API objects: files, a conductor, a cache, and the doors.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chancery_cache::{Declared, Deliveries, Options as CacheOptions, SnapshotCache};
use chancery_files::StatusFile;
use chancery_protocol::TypeUrl;
use chancery_translator::{Options, names};
use tokio::sync::watch;

use super::conductor::{Conductor, Current, Local};
use super::grouping::NotOlder;
use super::page::{self, Known};
use super::source::Source;
use crate::Failure;
use crate::doors::{Doors, Plan, Sockets, Stopping};
use crate::runner::{Addresses, Runner, privileged_port_offset};
use crate::standing::Standing;
use crate::voice::Voice;

/// What is served, and how.
pub(crate) struct Serving {
    /// How objects are translated.
    pub(crate) options: Options,
    /// What runs proxies on this machine, if something shall.
    pub(crate) runner: Option<Runner>,
    /// Where statuses are written.
    pub(crate) status_file: Option<PathBuf>,
    /// Whether what is done is said.
    pub(crate) voice: Voice,
}

/// A control plane that runs until it is told to stop.
pub(crate) struct GatewayPlane {
    pub(crate) current: watch::Receiver<Arc<Current>>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    known: Known,
    doors: Doors,
}

impl GatewayPlane {
    /// Reads the directory, and then serves what it comes to.
    pub(crate) async fn start(
        root: &Path,
        sockets: Sockets,
        serving: Serving,
        plan: Plan,
    ) -> Result<GatewayPlane, Failure> {
        let options = CacheOptions {
            // A share of requests that shall fail goes to a cluster nobody serves.
            externals: Declared::none().name(TypeUrl::CLUSTER, names::NEVER),
            ..CacheOptions::default()
        };
        let (cache, publisher) = SnapshotCache::with_options(NotOlder(serving.options.envoy_floor), options);
        let mut source = Source::open(root)?;
        let status_file = serving.status_file.map(|path| StatusFile::open(path, root)).transpose()?;
        let processes = serving.runner.as_ref().map(Runner::processes);
        let local = serving.runner.map(|runner| Local {
            runner,
            addresses: Addresses::default(),
            privileged_port_offset: privileged_port_offset(),
        });
        let (current, known_current) = watch::channel(Arc::new(Current::default()));
        let known = Known { cache: cache.clone(), current: known_current.clone(), processes };
        let (stop, stopping) = Stopping::channel();
        let mut conductor = Conductor::new(
            serving.options,
            (publisher, cache.delivery()),
            (sockets.xds.local_addr()?, serving.voice),
            local,
            status_file,
            current,
        );
        conductor.read(source.next().await);
        let stopped = stopping.clone();
        let work = tokio::spawn(async move {
            let mut ear = conductor.ear();
            let stopped = stopped.wait();
            tokio::pin!(stopped);
            loop {
                tokio::select! {
                    reading = source.next() => conductor.read(reading),
                    () = Conductor::heard(&mut ear) => conductor.listen(),
                    () = &mut stopped => break,
                }
            }
            conductor.end().await;
            Ok(())
        });
        let doors = Doors::open(cache, page::router(known.clone()), sockets, plan, (stop, stopping), work).await?;
        Ok(GatewayPlane { current: known_current, address: doors.address, admin: doors.admin, known, doors })
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        page::standing(&self.known)
    }

    /// Something that tells how it stands, for as long as it runs.
    pub(crate) fn teller(&self) -> impl Fn() -> Standing + Send + 'static {
        let known = self.known.clone();
        move || page::standing(&known)
    }

    /// What proxies make of what they are sent.
    pub(crate) fn deliveries(&self) -> Deliveries {
        self.known.cache.delivery()
    }

    /// Drains, and waits for the end.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.doors.close().await
    }
}
