//! The directory to read: its limits and its timing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_watch::{RootError, check_root};

use crate::keeper::Keeper;
use crate::reading::Reading;
use crate::watching::Watching;

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct FilesError(#[from] RootError);

/// How soon changes are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long the directory must be quiet after a change before it is read, and how far apart two readings of a file are
    /// that have to be equal. Default: 50 ms.
    pub debounce: Duration,
    /// How long an object must be missing before it is removed. Default: 200 ms.
    pub removal_patience: Duration,
    /// How long a file that is written to and not closed is waited for. Default: 2 s.
    pub write_patience: Duration,
    /// How long until the directory is looked through without any notification. Where that takes long it is done more rarely: about a
    /// fiftieth of the time, but at least every fifteen times as long. Default: 2 s.
    pub rescan: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            debounce: Duration::from_millis(50),
            removal_patience: Duration::from_millis(200),
            write_patience: Duration::from_secs(2),
            rescan: Duration::from_secs(2),
        }
    }
}

/// How much is read, and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How large a file may be. A larger one is refused by its size, and not read. Default: 16 MiB.
    pub file_bytes: u64,
    /// How many problems of one object are told. Default: 20.
    pub problems_per_object: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { file_bytes: 16 << 20, problems_per_object: 20 }
    }
}

/// A directory of Gateway API objects, to be read once or watched. See the crate's page for what it does.
#[derive(Debug, Clone)]
pub struct GatewayFiles {
    root: PathBuf,
    timing: Timing,
    limits: Limits,
}

impl GatewayFiles {
    /// This directory.
    ///
    /// # Errors
    /// When it cannot be read now. Later that only leaves everything as it was.
    pub fn open(root: impl Into<PathBuf>) -> Result<GatewayFiles, FilesError> {
        let root = root.into();
        check_root(&root)?;
        Ok(GatewayFiles { root, timing: Timing::default(), limits: Limits::default() })
    }

    /// Sees changes sooner or later.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> GatewayFiles {
        self.timing = timing;
        self
    }

    /// Reads, and tells, more or less.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> GatewayFiles {
        self.limits = limits;
        self
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads everything once, as it is now. Takes the time that takes: in async code, see [`GatewayFiles::watch`].
    pub fn read(&self) -> Reading {
        Keeper::new(&self.root, self.limits, self.timing).read_once()
    }

    /// Watches the directory from now on. Within a Tokio runtime.
    pub fn watch(self) -> Watching {
        Watching::new(&self.root, Keeper::new(&self.root, self.limits, self.timing), self.timing)
    }
}

/// Reads a directory once.
///
/// # Errors
/// When it is not a directory that can be read.
///
/// ```
/// # let directory = tempfile::tempdir().unwrap();
/// # std::fs::write(directory.path().join("shop.yaml"), "
/// # apiVersion: gateway.networking.k8s.io/v1
/// # kind: HTTPRoute
/// # metadata: {name: cart}
/// # spec: {hostnmaes: [example.com]}
/// # ").unwrap();
/// let reading = chancery_files::read(directory.path())?;
/// assert_eq!(reading.problems[0].line, 5);
/// assert!(reading.problems[0].message.ends_with("did you mean `hostnames`?"));
/// # Ok::<(), chancery_files::FilesError>(())
/// ```
pub fn read(root: impl Into<PathBuf>) -> Result<Reading, FilesError> {
    Ok(GatewayFiles::open(root)?.read())
}
