//! The file system's own notifications, boiled down to "look again", "these paths" and "this file is being written".

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tempfile::NamedTempFile;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::activity::Activity;
use crate::scan::identity;
use crate::suspects::Suspects;

/// How long notifications may be late before they count as lost.
const HEARING_PATIENCE: Duration = Duration::from_millis(200);

/// Watches a directory with all below it. Where that is not possible, looking again from time to time is all there is.
#[derive(Debug)]
pub struct Watcher {
    root: Root,
    heard: Arc<Heard>,
    /// A file of our own, watched too. Without one, nothing is known to be complete.
    mark: Option<NamedTempFile>,
    /// The directory that is watched, and the watch: a directory put in its place needs a new one.
    watched: Mutex<Option<((u64, u64), RecommendedWatcher)>>,
}

/// The directory, as it was named and as notifications name it.
#[derive(Debug, Clone)]
struct Root {
    named: PathBuf,
    notified: PathBuf,
}

impl Root {
    fn new(named: PathBuf) -> Root {
        let notified = std::env::current_dir().map_or_else(|_| named.clone(), |current| current.join(&named));
        Root { named, notified }
    }

    /// A path of a notification, as it is reached from the directory's name.
    fn reach(&self, path: PathBuf) -> PathBuf {
        match path.strip_prefix(&self.notified) {
            Ok(below) => self.named.join(below),
            Err(_) => path,
        }
    }
}

/// What notifications said.
#[derive(Debug, Default)]
struct Heard {
    signal: Notify,
    opened: Condvar,
    activity: Mutex<Activity>,
    suspects: Mutex<Suspects>,
    /// Whether the watch may have missed something it will go on missing: it is set up anew.
    is_doubtful: AtomicBool,
}

impl Heard {
    /// Takes note of an event; whether it can mean a change at all.
    fn note(&self, root: &Root, event: notify::Result<Event>) -> bool {
        match event {
            Ok(event) if !event.need_rescan() => {
                let paths: Vec<PathBuf> = event.paths.into_iter().map(|path| root.reach(path)).collect();
                let means_something = self.activity().note(Instant::now(), &event.kind, &paths);
                if means_something {
                    self.suspects().add(&paths);
                }
                if means_something && paths.contains(&root.named) {
                    self.is_doubtful.store(true, Ordering::Relaxed);
                }
                means_something
            }
            // Something was not told: nothing is known of any file.
            _ => {
                self.is_doubtful.store(true, Ordering::Relaxed);
                self.activity().forget_all();
                *self.suspects() = Suspects::Everything;
                true
            }
        }
    }

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Watches the directory from now on.
    pub fn new(root: impl Into<PathBuf>) -> Watcher {
        let watcher = Watcher {
            root: Root::new(root.into()),
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
        let is_doubtful = self.heard.is_doubtful.swap(false, Ordering::Relaxed);
        let now = fs::metadata(&self.root.named).ok().map(|metadata| identity(&metadata));
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_doubtful && now == watched.as_ref().map(|(identity, _)| *identity) {
            return;
        }
        *watched = now.and_then(|identity| match watch(&self.root, self.mark.as_ref(), self.heard.clone()) {
            Ok(watcher) => Some((identity, watcher)),
            Err(error) => {
                tracing::warn!(root = %self.root.named.display(), %error, "no notifications of changes: only rescans see them");
                None
            }
        });
        *self.heard.suspects() = Suspects::Everything;
    }

    /// What may have changed since the last call: to be asked before it is looked at. Where nothing is notified, everything.
    pub fn take_suspects(&self) -> Suspects {
        let heard = std::mem::replace(&mut *self.heard.suspects(), Suspects::none());
        let is_watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_watched { heard } else { Suspects::Everything }
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
        let completeness = match activity.finished(path) {
            _ if timeout.timed_out() => Completeness::Unknown,
            now if now == finished => Completeness::Complete,
            Some(_) => Completeness::Overtaken,
            None => Completeness::Unknown,
        };
        (value, completeness)
    }
}

/// What is known of a file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It was closed after writing, or renamed to this name, and nobody has written since.
    Complete,
    /// It was complete when it was opened, and has been replaced by something complete since.
    Overtaken,
    /// It may be half of what somebody is writing.
    Unknown,
}

fn watch(root: &Root, mark: Option<&NamedTempFile>, heard: Arc<Heard>) -> notify::Result<RecommendedWatcher> {
    let reached = root.clone();
    let mut watcher =
        notify::recommended_watcher(move |event: notify::Result<Event>| match heard.note(&reached, event) {
            true => heard.signal.notify_one(),
            false => heard.opened.notify_all(),
        })?;
    watcher.watch(&root.named, RecursiveMode::Recursive)?;
    if let Some(mark) = mark {
        watcher.watch(mark.path(), RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// What is suspected, once something is.
    async fn suspected(watcher: &Watcher) -> Suspects {
        loop {
            timeout(PATIENCE, watcher.notified()).await.expect("a notification");
            match watcher.take_suspects() {
                Suspects::Paths(paths) if paths.is_empty() => {}
                suspects => return suspects,
            }
        }
    }

    async fn names_what_changes(root: &Path) {
        let watcher = Watcher::new(root);
        assert_eq!(watcher.take_suspects(), Suspects::Everything);
        assert_eq!(watcher.take_suspects(), Suspects::none());
        let file = root.join("a.yaml");
        fs::write(&file, "a").expect("to write");
        assert_eq!(suspected(&watcher).await, Suspects::Paths([file].into()));
    }

    #[tokio::test]
    async fn what_changes_is_named_as_the_directory_is() {
        let root = tempfile::tempdir().expect("a directory");
        names_what_changes(root.path()).await;
        let up = std::env::current_dir().expect("a directory").components().skip(1).map(|_| "..").collect::<PathBuf>();
        let other = tempfile::tempdir().expect("a directory");
        names_what_changes(&up.join(other.path().strip_prefix("/").expect("from the root"))).await;
    }

    #[tokio::test]
    async fn a_directory_put_in_the_place_of_another_is_watched_and_all_of_it_suspected() {
        let above = tempfile::tempdir().expect("a directory");
        let root = above.path().join("root");
        fs::create_dir(&root).expect("to make it");
        let watcher = Watcher::new(&root);
        watcher.take_suspects();
        fs::remove_dir(&root).and_then(|()| fs::create_dir(&root)).expect("to replace it");
        suspected(&watcher).await;
        watcher.renew();
        assert_eq!(watcher.take_suspects(), Suspects::Everything);
        fs::write(root.join("a.yaml"), "a").expect("to write");
        let Suspects::Paths(paths) = suspected(&watcher).await else { panic!("everything") };
        assert!(paths.contains(&root.join("a.yaml")), "{paths:?}");
    }

    #[test]
    fn where_nothing_is_watched_everything_is_suspected() {
        let watcher = Watcher::new("/no/such/directory");
        assert_eq!(watcher.take_suspects(), Suspects::Everything);
        assert_eq!(watcher.take_suspects(), Suspects::Everything);
    }
}
