//! The control plane of a directory of Envoy resources: a directory, a cache, and the doors.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use chancery_cache::{EveryoneTogether, Frontend, Options, Secrets, SnapshotCache};
use chancery_directory::{Directory, Report};
use tokio::sync::watch;

use crate::doors::{Doors, Plan, Sockets, Stopping};
use crate::standing::Standing;
use crate::{Failure, admin};

/// A control plane that runs until it is told to stop.
pub(crate) struct Plane {
    pub(crate) cache: SnapshotCache,
    pub(crate) reports: watch::Receiver<Arc<Report>>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    doors: Doors,
}

impl Plane {
    /// Reads the directory, and then serves it.
    pub(crate) async fn start(root: &Path, sockets: Sockets, secrets: Secrets, plan: Plan) -> Result<Plane, Failure> {
        let options = Options { secrets, ..Options::default() };
        let (cache, publisher) = SnapshotCache::with_options(EveryoneTogether, options);
        let directory = Directory::open(root)?;
        let mut reports = directory.reports();
        let (stop, stopping) = Stopping::channel();
        let reading = tokio::spawn(directory.run(publisher, stopping.clone().wait()));
        let reading = tokio::spawn(async move { Ok(reading.await??) });
        if reports.wait_for(|report| report.readings > 0).await.is_err() {
            reading.await??;
            return Err("the directory could not be read".into());
        }
        let page = admin::router(cache.clone(), reports.clone());
        let doors = Doors::open(cache.clone(), page, sockets, plan, (stop, stopping), reading).await?;
        Ok(Plane { cache, reports, address: doors.address, admin: doors.admin, doors })
    }

    /// Something that tells how it stands, for as long as it runs.
    pub(crate) fn teller(&self) -> impl Fn() -> Standing + Send + 'static {
        let (cache, reports) = (self.cache.clone(), self.reports.clone());
        move || Standing::of(&cache.delivery(), &reports.borrow().clone())
    }

    /// Drains, and waits for the end.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.doors.close().await
    }
}
