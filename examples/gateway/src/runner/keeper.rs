//! Keeps one proxy running: starts its process, waits for its end, and starts it again.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::backoff::Backoff;
use super::spawner::Spawner;
use super::{Process, Processes};
use crate::doors::Stopping;
use crate::voice::Voice;

pub(super) const BOOTSTRAP: &str = "bootstrap.yaml";
const ADMIN_ADDRESS: &str = "admin.txt";
const LOG: &str = "envoy.log";
const STANDARD_ERROR: &str = "stderr.log";

/// How long an Envoy may take to end after SIGTERM before it is killed.
const ENDING: Duration = Duration::from_secs(5);
/// How many lines of its log are shown when it ends by itself.
const LINES_SHOWN: usize = 12;

pub(super) struct Keeper {
    pub(super) name: String,
    pub(super) binary: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) voice: Voice,
    pub(super) spawner: Spawner,
    pub(super) processes: Arc<watch::Sender<Processes>>,
}

impl Keeper {
    /// Until it is stopped. The process has ended when this returns.
    pub(super) async fn keep(self, stopping: Stopping) {
        let mut backoff = Backoff::default();
        let mut restarts = 0;
        loop {
            let began = Instant::now();
            self.tell(Process::Starting { restarts });
            let why = match self.start().await {
                Ok(mut child) => tokio::select! {
                    ended = self.run(&mut child, restarts) => ended,
                    () = stopping.clone().wait() => {
                        end(&mut child).await;
                        break;
                    }
                },
                Err(error) => format!("it cannot be started: {error}"),
            };
            let wait = backoff.after(began.elapsed(), RandomState::new().build_hasher().finish());
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            Voice::Aloud
                .say(format!("[runner] {}: Envoy ended: {why}; it is started again in {wait_ms} ms", self.name));
            for line in self.log_tail() {
                Voice::Aloud.say(format!("[runner] {}:   {line}", self.name));
            }
            self.tell(Process::Waiting { restarts, wait_ms, why });
            tokio::select! {
                () = tokio::time::sleep(wait) => restarts += 1,
                () = stopping.clone().wait() => break,
            }
        }
        self.processes.send_modify(|processes| drop(processes.remove(&self.name)));
    }

    async fn start(&self) -> io::Result<Child> {
        let in_directory = |name: &str| self.directory.join(name);
        let _ = fs::remove_file(in_directory(ADMIN_ADDRESS));
        let mut command = on_a_leash(&self.binary)?;
        command.arg("-c").arg(in_directory(BOOTSTRAP));
        // Hot restart would make a second Envoy on this machine fail over shared memory.
        command.args(["--disable-hot-restart", "--concurrency", "2", "--drain-time-s", "30"]);
        command.arg("--admin-address-path").arg(in_directory(ADMIN_ADDRESS));
        command.args(["-l", "warning", "--log-path"]).arg(in_directory(LOG));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(in_directory(STANDARD_ERROR))?);
        self.spawner.spawn(command).await
    }

    /// Waits for the end, and says how it came.
    async fn run(&self, child: &mut Child, restarts: u32) -> String {
        let process_id = child.id().unwrap_or_default();
        let admin = async {
            loop {
                let text = fs::read_to_string(self.directory.join(ADMIN_ADDRESS)).unwrap_or_default();
                if !text.trim().is_empty() {
                    return text.trim().to_owned();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = tokio::select! {
            ended = child.wait() => ended,
            admin = admin => {
                self.voice.say(format!("[runner] {}: Envoy runs as process {process_id}, admin http://{admin}", self.name));
                self.tell(Process::Running { process_id, admin, restarts });
                child.wait().await
            }
        };
        match ended {
            Ok(status) => status.to_string(),
            Err(error) => format!("it cannot be waited for: {error}"),
        }
    }

    fn tell(&self, process: Process) {
        self.processes.send_modify(|processes| drop(processes.insert(self.name.clone(), process)));
    }

    fn log_tail(&self) -> Vec<String> {
        let read = |name| fs::read(self.directory.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let all = read(STANDARD_ERROR).unwrap_or_default() + &read(LOG).unwrap_or_default();
        let lines: Vec<&str> = all.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(LINES_SHOWN)).map(ToString::to_string).collect()
    }
}

/// The command of a program that ends when this process ends, however that happens.
fn on_a_leash(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["leash", "--parent", &std::process::id().to_string(), "--"]).arg(program);
    Ok(command)
}

/// Asks it to end, and makes it end when it does not.
async fn end(child: &mut Child) {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        let _ = kill_process(id, Signal::TERM);
    }
    if tokio::time::timeout(ENDING, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
