//! The frontend: reads the directory, publishes it, waits for the next change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::{Frontend, GroupKey, Publisher, ResourceSet};
use chancery_protocol::{ResourceName, TypeUrl};
use chancery_watch::{Absences, RootError, Verdict, Watcher, check_root};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::tree::{Reading, Tree};
use crate::{Consequence, Counts, Problem, Report};

/// Why a directory cannot be served, or no longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It is not there, or may not be read.
    #[error("cannot read the directory {}: {source}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The reading itself broke down.
    #[error("reading the directory was given up: {0}")]
    Reading(String),
}

impl DirectoryError {
    pub(crate) fn check(path: &Path) -> Result<(), DirectoryError> {
        check_root(path).map_err(|error| match error {
            RootError::NotADirectory { path } => DirectoryError::NotADirectory { path },
            RootError::Unreadable { path, source } => DirectoryError::Unreadable { path, source },
            other => DirectoryError::Reading(other.to_string()),
        })
    }
}

/// How soon changes are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long the directory must be quiet after a change before it is read. Default: 50 ms.
    pub debounce: Duration,
    /// How long a resource must be missing before it is removed. Default: 200 ms.
    pub removal_patience: Duration,
    /// How long until the directory is looked through without any notification. Default: 2 s.
    pub rescan: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            debounce: Duration::from_millis(50),
            removal_patience: Duration::from_millis(200),
            rescan: Duration::from_secs(2),
        }
    }
}

/// A directory of resource files, to be run as a [`Frontend`]. See the crate's page for what it does.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    group: GroupKey,
    timing: Timing,
    reports: watch::Sender<Arc<Report>>,
}

impl Directory {
    /// This directory, for the group [`GroupKey::everyone`].
    ///
    /// # Errors
    /// When it cannot be read now. Later that only leaves everything as it was.
    pub fn open(root: impl Into<PathBuf>) -> Result<Directory, DirectoryError> {
        let root = root.into();
        DirectoryError::check(&root)?;
        let reports = watch::Sender::new(Arc::default());
        Ok(Directory { root, group: GroupKey::everyone(), timing: Timing::default(), reports })
    }

    /// Publishes to another group.
    #[must_use]
    pub fn group(mut self, group: GroupKey) -> Directory {
        self.group = group;
        self
    }

    /// Sees changes sooner or later.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Directory {
        self.timing = timing;
        self
    }

    /// The newest report; it changes with every publish, and whenever the problems do.
    pub fn reports(&self) -> watch::Receiver<Arc<Report>> {
        self.reports.subscribe()
    }
}

impl Frontend for Directory {
    type Error = DirectoryError;

    async fn run(self, publisher: Publisher, stop: impl Future<Output = ()> + Send) -> Result<(), DirectoryError> {
        let mut stop = std::pin::pin!(stop);
        // Watched before it is read: a change in between is read twice, not missed.
        let watcher = Watcher::new(self.root.clone());
        let mut keeper = Keeper {
            tree: Tree::new(self.root),
            group: self.group,
            timing: self.timing,
            publisher,
            reports: self.reports,
            published: None,
            absent: Absences::default(),
        };
        loop {
            keeper = keeper.look().await?;
            let rescan = Instant::now() + keeper.timing.rescan;
            let next = keeper.absent.due(keeper.timing.removal_patience).map_or(rescan, |due| due.min(rescan));
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = watcher.notified() => watcher.quiet(keeper.timing.debounce).await,
                () = sleep_until(next) => watcher.renew(),
            }
        }
    }
}

/// What is kept between two looks at the directory.
struct Keeper {
    tree: Tree,
    group: GroupKey,
    timing: Timing,
    publisher: Publisher,
    reports: watch::Sender<Arc<Report>>,
    /// What was published last: the resources, and the problems told of.
    published: Option<Reading>,
    absent: Absences<(TypeUrl, ResourceName)>,
}

impl Keeper {
    /// Reads the directory, and publishes it if that is due. Files and large sets take time: not on the runtime's threads.
    async fn look(self) -> Result<Keeper, DirectoryError> {
        let mut keeper = self;
        let looked = tokio::task::spawn_blocking(move || {
            keeper.tree.refresh();
            let reading = keeper.tree.reading();
            match keeper.published.as_ref() == Some(&reading) {
                true => keeper.absent = Absences::default(),
                false => keeper.consider(reading),
            }
            keeper
        });
        looked.await.map_err(|error| DirectoryError::Reading(error.to_string()))
    }

    fn consider(&mut self, mut reading: Reading) {
        let nothing = ResourceSet::new();
        let published = self.published.as_ref().map_or(&nothing, |published| &published.resources);
        let mut newest = std::mem::take(&mut reading.resources);
        let missing = published
            .iter()
            .filter(|last| newest.get(last.type_url(), last.name()).is_none())
            .map(|last| (last.type_url().clone(), last.name().clone()));
        let Verdict::Settled(kept) = self.absent.judge(Instant::now(), self.timing.removal_patience, missing) else {
            return;
        };
        for (type_url, name) in kept {
            if let Some(last) = published.get(&type_url, &name) {
                // Its absence was just checked.
                let _ = newest.insert(last.clone());
            }
        }
        self.publish(Reading { resources: newest, ..reading });
    }

    fn publish(&mut self, reading: Reading) {
        let mut report = reading.report();
        report.readings = self.reports.borrow().readings + 1;
        match self.publisher.publish(&self.group, reading.resources.clone()) {
            Ok(done) => {
                report.counts = Counts { added: done.added, changed: done.changed, removed: done.removed };
                report.dangling = done.dangling.iter().collect();
                self.tree.settle();
                self.published = Some(reading);
            }
            Err(refused) => {
                let root = self.tree.root().display().to_string();
                report.problems.push(Problem::whole(&root, refused.to_string(), Consequence::NothingChanged));
                if self.reports.borrow().problems == report.problems {
                    return;
                }
            }
        }
        self.reports.send_replace(Arc::new(report));
    }
}
