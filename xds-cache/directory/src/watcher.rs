//! The file system's own notifications, boiled down to "look again".

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use crate::scan::identity;

/// Watches a directory with all below it. Where that is not possible the rescans are all there is.
pub(crate) struct Watcher {
    root: PathBuf,
    signal: Arc<Notify>,
    /// The directory that is watched, and the watch: a directory put in its place needs a new one.
    watched: Option<((u64, u64), RecommendedWatcher)>,
}

impl Watcher {
    pub(crate) fn new(root: PathBuf) -> Watcher {
        let mut watcher = Watcher { root, signal: Arc::new(Notify::new()), watched: None };
        watcher.renew();
        watcher
    }

    /// Waits for a notification since the last call.
    pub(crate) async fn notified(&self) {
        self.signal.notified().await;
    }

    /// Watches what is now at the place of the directory.
    pub(crate) fn renew(&mut self) {
        let now = fs::metadata(&self.root).ok().map(|metadata| identity(&metadata));
        let watched = self.watched.as_ref().map(|(identity, _)| *identity);
        if now == watched {
            return;
        }
        self.watched = now.and_then(|identity| match watch(&self.root, self.signal.clone()) {
            Ok(watcher) => Some((identity, watcher)),
            Err(error) => {
                tracing::warn!(root = %self.root.display(), %error, "no notifications of changes: only rescans see them");
                None
            }
        });
    }
}

fn watch(root: &Path, signal: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if !event.is_ok_and(|event| is_reading(&event.kind)) {
            signal.notify_one();
        }
    })?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Our own reading is notified too, and means nothing.
fn is_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}
