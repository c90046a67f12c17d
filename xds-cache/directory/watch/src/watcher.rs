//! The file system's own notifications, boiled down to "look again" and "this file is being written".

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::activity::Activity;
use crate::scan::identity;

/// Watches a directory with all below it. Where that is not possible, looking again from time to time is all there is.
#[derive(Debug)]
pub struct Watcher {
    root: PathBuf,
    heard: Arc<Heard>,
    /// The directory that is watched, and the watch: a directory put in its place needs a new one.
    watched: Mutex<Option<((u64, u64), RecommendedWatcher)>>,
}

/// What notifications said.
#[derive(Debug, Default)]
struct Heard {
    signal: Notify,
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
        let watcher = Watcher { root: root.into(), heard: Arc::default(), watched: Mutex::new(None) };
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
        *watched = now.and_then(|identity| match watch(&self.root, self.heard.clone()) {
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

    /// Whether the last that was heard of the file is that it is complete: closed after writing, or renamed to this name.
    /// Asked once: then it has to be heard anew.
    pub fn take_finished(&self, path: &Path) -> bool {
        self.heard.activity().take_finished(path)
    }
}

fn watch(root: &Path, heard: Arc<Heard>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let means_something = match &event {
            Ok(event) => heard.activity().note(Instant::now(), &event.kind, &event.paths),
            Err(_) => true,
        };
        if means_something {
            heard.signal.notify_one();
        }
    })?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}
