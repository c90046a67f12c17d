//! Envoys on this machine: one process for each proxy that is wanted, as long as it is wanted.

mod addresses;
mod backoff;
mod keeper;
mod leash;
mod spawner;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use addresses::{Addresses, privileged_port_offset};
pub(crate) use leash::run as leash;

use crate::doors::Stopping;
use crate::voice::Voice;
use spawner::Spawner;

/// What is known of each proxy's process, by the proxy's name.
pub(crate) type Processes = BTreeMap<String, Process>;

/// How one process is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Process {
    /// It was started, and has not opened its admin interface.
    Starting {
        /// How often it has been started again.
        restarts: u32,
    },
    /// It runs.
    Running {
        /// The process id.
        process_id: u32,
        /// Its admin interface.
        admin: String,
        /// How often it has been started again.
        restarts: u32,
    },
    /// It ended by itself, and is started again after a while.
    Waiting {
        /// How often it has been started again.
        restarts: u32,
        /// For how long it waits.
        wait_ms: u64,
        /// How it ended.
        why: String,
    },
}

/// Keeps the processes of the proxies that are wanted. Dropping it ends them all.
pub(crate) struct Runner {
    binary: PathBuf,
    files: Files,
    voice: Voice,
    spawner: Spawner,
    processes: Arc<watch::Sender<Processes>>,
    kept: BTreeMap<String, Kept>,
    /// Those that are not wanted any more, and have not ended yet.
    ending: BTreeMap<String, JoinHandle<()>>,
}

/// One proxy that is wanted.
struct Kept {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Where bootstraps and logs are.
enum Files {
    /// In a directory that goes with the runner.
    Temporary(TempDir),
    /// In one somebody named.
    Named(PathBuf),
}

impl Files {
    fn path(&self) -> &Path {
        match self {
            Files::Temporary(directory) => directory.path(),
            Files::Named(path) => path,
        }
    }
}

impl Runner {
    /// A runner of this Envoy. Bootstraps and logs are kept in `directory`, or in one that goes with the runner.
    pub(crate) fn new(binary: PathBuf, directory: Option<PathBuf>, voice: Voice) -> io::Result<Runner> {
        let files = match directory {
            Some(path) => {
                fs::create_dir_all(&path)?;
                Files::Named(path)
            }
            None => Files::Temporary(tempfile::Builder::new().prefix("chancery-proxies-").tempdir()?),
        };
        let processes = Arc::new(watch::Sender::new(Processes::new()));
        Ok(Runner {
            binary,
            files,
            voice,
            spawner: Spawner::start()?,
            processes,
            kept: BTreeMap::new(),
            ending: BTreeMap::new(),
        })
    }

    /// How the processes are doing.
    pub(crate) fn processes(&self) -> watch::Receiver<Processes> {
        self.processes.subscribe()
    }

    /// Makes the proxies that run those that are wanted, by name and with their bootstraps. A proxy that runs already is
    /// left alone. Does not wait for any.
    pub(crate) fn want(&mut self, wanted: &BTreeMap<String, String>) {
        let gone: Vec<String> = self.kept.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some(kept) = self.kept.remove(&name) {
                self.voice.say(format!("[runner] {name}: not wanted any more; its Envoy is ended"));
                kept.stop.send_replace(true);
                self.ending.insert(name, kept.task);
            }
        }
        self.ending.retain(|_, task| !task.is_finished());
        for (name, bootstrap) in wanted {
            if self.kept.get(name).is_some_and(|kept| !kept.task.is_finished()) {
                continue;
            }
            let directory = self.files.path().join(directory_of(name));
            if let Err(error) =
                fs::create_dir_all(&directory).and_then(|()| fs::write(directory.join(keeper::BOOTSTRAP), bootstrap))
            {
                eprintln!("[runner] {name}: cannot write its bootstrap into {}: {error}", directory.display());
                continue;
            }
            let (stop, stopping) = Stopping::channel();
            let keeper = keeper::Keeper {
                name: name.clone(),
                binary: self.binary.clone(),
                directory,
                voice: self.voice,
                spawner: self.spawner.clone(),
                processes: self.processes.clone(),
            };
            // One that is wanted again has the same files and the same sockets.
            let before = self.ending.remove(name);
            let task = tokio::spawn(async move {
                if let Some(before) = before {
                    let _ = before.await;
                }
                keeper.keep(stopping).await;
            });
            self.kept.insert(name.clone(), Kept { stop, task });
        }
    }

    /// Ends all processes, and waits for them.
    pub(crate) async fn stop(mut self) {
        let kept = std::mem::take(&mut self.kept);
        for one in kept.values() {
            one.stop.send_replace(true);
        }
        for task in kept.into_values().map(|one| one.task).chain(std::mem::take(&mut self.ending).into_values()) {
            let _ = task.await;
        }
    }
}

/// A directory's name for a proxy: readable, and another one for every name.
fn directory_of(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let readable: String = name.chars().map(plain).take(60).collect();
    format!("{readable}-{}", &blake3::hash(name.as_bytes()).to_hex()[..8])
}
