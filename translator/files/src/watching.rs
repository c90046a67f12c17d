//! A directory that is watched: its newest reading, whenever there is a new one.

use std::path::Path;
use std::sync::{Arc, Mutex};

use chancery_watch::Watcher;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use crate::keeper::{Keeper, Look};
use crate::reading::{News, Reading};
use crate::source::Timing;

/// A watched directory. Only the newest state counts: what came and went between two calls of [`Watching::next`] is not told.
///
/// ```no_run
/// # async fn example() -> Result<(), chancery_files::FilesError> {
/// let mut watching = chancery_files::GatewayFiles::open("manifests")?.watch();
/// loop {
///     let reading = watching.next().await;
///     println!("{}", reading.report());
///     for object in &reading.changed {
///         println!("changed: {object}");
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Watching {
    watcher: Arc<Watcher>,
    keeper: Arc<Mutex<Keeper>>,
    timing: Timing,
    reading: Reading,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing is done until something happens, or it is this late.
    Waiting(Instant),
    /// Something happened: when it has become quiet, or at the next call, it is looked at.
    Noticed,
    Looking(JoinHandle<Look>),
}

impl Watching {
    pub(crate) fn new(root: &Path, keeper: Keeper, timing: Timing) -> Watching {
        // Watched before it is read: a change in between is read twice, not missed.
        let watcher = Arc::new(Watcher::new(root));
        Watching {
            watcher,
            keeper: Arc::new(Mutex::new(keeper)),
            timing,
            reading: Reading::default(),
            state: State::Noticed,
        }
    }

    /// Waits for the next reading: the first at once, then one whenever the objects, their places or the problems are others.
    /// May be given up and called again without anything being lost.
    pub async fn next(&mut self) -> &Reading {
        let news = self.news().await;
        self.reading.apply(news);
        &self.reading
    }

    async fn news(&mut self) -> News {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    let until = *until;
                    let noticed = tokio::select! {
                        () = self.watcher.notified() => true,
                        () = sleep_until(until) => false,
                    };
                    self.state = State::Noticed;
                    if noticed {
                        self.watcher.quiet(self.timing.debounce).await;
                    }
                }
                State::Noticed => self.state = State::Looking(self.look()),
                State::Looking(look) => {
                    let look = look.await;
                    let Look { news, again_at } = look.unwrap_or_else(|error| {
                        tracing::error!(%error, "a look at the directory was given up; everything stays as it was");
                        Look { news: None, again_at: Instant::now() + self.timing.rescan }
                    });
                    // A look at nothing new costs nothing, and finds out whether the directory is still the one that is watched.
                    self.state = State::Waiting(again_at.min(Instant::now() + self.timing.rescan));
                    if let Some(news) = news {
                        return news;
                    }
                }
            }
        }
    }

    /// Files and large sets take time: not on the runtime's threads.
    fn look(&self) -> JoinHandle<Look> {
        let (watcher, keeper) = (self.watcher.clone(), self.keeper.clone());
        spawn_blocking(move || {
            watcher.renew();
            let mut known = keeper.lock().unwrap_or_else(|poisoned| {
                keeper.clear_poison();
                let mut known = poisoned.into_inner();
                known.doubt();
                known
            });
            known.look(&watcher)
        })
    }
}
