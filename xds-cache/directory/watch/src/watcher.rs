//! The file system's own notifications, boiled down to "look again" and "this file is being written".

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tempfile::NamedTempFile;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::activity::Activity;
use crate::scan::identity;

/// How long notifications may be late before they count as lost.
const HEARING_PATIENCE: Duration = Duration::from_millis(200);

/// Watches a directory with all below it. Where that is not possible, looking again from time to time is all there is.
#[derive(Debug)]
pub struct Watcher {
    root: PathBuf,
    heard: Arc<Heard>,
    /// A file of our own, watched too. Without one, nothing is known to be complete.
    mark: Option<NamedTempFile>,
    /// The directory that is watched, and the watch: a directory put in its place needs a new one.
    watched: Mutex<Option<((u64, u64), RecommendedWatcher)>>,
}

/// What notifications said.
#[derive(Debug, Default)]
struct Heard {
    signal: Notify,
    opened: Condvar,
    activity: Mutex<Activity>,
}

impl Heard {
    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Watches the directory from now on.
    pub fn new(root: impl Into<PathBuf>) -> Watcher {
        let watcher = Watcher {
            root: root.into(),
            heard: Arc::default(),
            mark: NamedTempFile::new().ok(),
            watched: Mutex::new(None),
        };
        watcher.renew();
        watcher
    }

    /// Waits for a notification since the last call. May be given up and called again.
    pub async fn notified(&self) {
        self.heard.signal.notified().await;
    }

    /// Waits until notifications pause, but not for long: somebody may write all the time.
    pub async fn quiet(&self, pause: Duration) {
        let latest = Instant::now() + pause * 10;
        while Instant::now() < latest && timeout(pause, self.notified()).await.is_ok() {}
    }

    /// Watches what is now at the place of the directory.
    pub fn renew(&self) {
        let now = fs::metadata(&self.root).ok().map(|metadata| identity(&metadata));
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if now == watched.as_ref().map(|(identity, _)| *identity) {
            return;
        }
        *watched = now.and_then(|identity| match watch(&self.root, self.mark.as_ref(), self.heard.clone()) {
            Ok(watcher) => Some((identity, watcher)),
            Err(error) => {
                tracing::warn!(root = %self.root.display(), %error, "no notifications of changes: only rescans see them");
                None
            }
        });
    }

    /// Whether something was written to the file within `patience`, and whoever wrote has not closed it since. Never true
    /// where nothing is notified.
    pub fn is_being_written(&self, path: &Path, patience: Duration) -> bool {
        self.heard.activity().is_being_written(path, Instant::now(), patience)
    }

    /// Reads a file, and tells what is known of whether it was complete all the while.
    pub fn observe<T>(&self, path: &Path, read: impl FnOnce() -> T) -> (T, Completeness) {
        let finished = self.heard.activity().finished(path);
        let value = read();
        let (Some(_), Some(mark)) = (finished, &self.mark) else { return (value, Completeness::Unknown) };
        // Notifications come late, but in order: when the opening of the mark has been heard of, so has been whatever was
        // written before it.
        self.heard.activity().await_mark(mark.path());
        drop(fs::File::open(mark.path()));
        let unheard = |activity: &mut Activity| activity.is_awaiting();
        let waited = self.heard.opened.wait_timeout_while(self.heard.activity(), HEARING_PATIENCE, unheard);
        let (activity, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        match !timeout.timed_out() && activity.finished(path) == finished {
            true => (value, Completeness::Complete),
            false => (value, Completeness::Unknown),
        }
    }
}

/// What is known of a file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It was closed after writing, or renamed to this name, and nobody has written since.
    Complete,
    /// It may be half of what somebody is writing.
    Unknown,
}

fn watch(root: &Path, mark: Option<&NamedTempFile>, heard: Arc<Heard>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let means_something = match &event {
            Ok(event) if !event.need_rescan() => heard.activity().note(Instant::now(), &event.kind, &event.paths),
            // Something was not told: nothing is known of any file.
            _ => {
                heard.activity().forget_all();
                true
            }
        };
        match means_something {
            true => heard.signal.notify_one(),
            false => heard.opened.notify_all(),
        }
    })?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    if let Some(mark) = mark {
        watcher.watch(mark.path(), RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}
