//! A real Envoy as a child process: started, waited for, read, stopped.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wait::{Seen, TimedOut, wait_until};
use crate::{Admin, Bootstrap, EnvoyVersion, ProvisionError, provision};

/// How long an Envoy may take to open its admin interface. It takes some 50 ms; a loaded machine is another matter.
const STARTING: Duration = Duration::from_secs(30);
/// How long an Envoy may take to end after SIGTERM before it is killed.
const ENDING: Duration = Duration::from_secs(2);

/// Why an Envoy does not run.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no binary.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// Its files could not be written, or the process not be started.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended at once: the bootstrap is wrong.
    #[error("Envoy {version} ended with {status} before it was up; its log:\n{log}")]
    Ended {
        /// The version started.
        version: EnvoyVersion,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// It runs, and its admin interface did not come up.
    #[error(transparent)]
    Slow(#[from] TimedOut),
}

/// How to start an Envoy.
#[derive(Debug, Clone)]
pub struct Launch {
    version: EnvoyVersion,
    bootstrap: String,
    concurrency: u32,
    drain: Option<Duration>,
    log_level: String,
    arguments: Vec<String>,
}

impl Launch {
    /// An Envoy of this version with this bootstrap: one worker thread, log level `warning`.
    pub fn new(version: EnvoyVersion, bootstrap: &Bootstrap) -> Launch {
        Launch::with_text(version, bootstrap.to_yaml())
    }

    /// An Envoy with a bootstrap of your own, as YAML or JSON. Its admin interface must have an address.
    pub fn with_text(version: EnvoyVersion, bootstrap: impl Into<String>) -> Launch {
        Launch {
            version,
            bootstrap: bootstrap.into(),
            concurrency: 1,
            drain: None,
            log_level: "warning".to_owned(),
            arguments: Vec::new(),
        }
    }

    /// The number of worker threads.
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// How long a listener that was changed or removed keeps its old connections. Envoy's default: 600 s.
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = Some(time);
        self
    }

    /// The log level: `trace`, `debug`, `info`, `warning`, `error`.
    pub fn log_level(mut self, level: &str) -> Self {
        self.log_level = level.to_owned();
        self
    }

    /// One more command line argument.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Installs this Envoy if need be, starts it, and waits until its admin interface is open. It is not live yet: see
    /// [`Envoy::wait_live`].
    ///
    /// # Errors
    /// See [`LaunchError`]; the end of Envoy's log is in it.
    pub async fn start(self) -> Result<Envoy, LaunchError> {
        let version = self.version;
        let binary = tokio::task::spawn_blocking(move || provision(version)).await;
        let binary = binary.map_err(|error| system("run the installation", io::Error::other(error)))??;
        let files = tempfile::Builder::new().prefix("chancery-envoy-").tempdir();
        let files = files.map_err(|error| system("make a temporary directory", error))?;
        let child = self.spawn(&binary, files.path())?;
        let mut running = Running { child };
        let admin = admin_address(&mut running, files.path(), version).await?;
        Ok(Envoy { running, admin: Admin::new(admin), version, files })
    }

    fn spawn(&self, binary: &Path, directory: &Path) -> Result<Child, LaunchError> {
        let bootstrap = directory.join("bootstrap.yaml");
        fs::write(&bootstrap, &self.bootstrap).map_err(|error| system("write the bootstrap", error))?;
        let standard_error = File::create(directory.join(STANDARD_ERROR));
        let standard_error = standard_error.map_err(|error| system("make a log file", error))?;
        let mut command = Command::new(binary);
        command.arg("-c").arg(&bootstrap);
        // Hot restart would make a second Envoy on this machine fail over shared memory.
        command.args(["--disable-hot-restart", "--concurrency", &self.concurrency.to_string()]);
        command.arg("--admin-address-path").arg(directory.join(ADMIN_ADDRESS));
        command.args(["-l", &self.log_level, "--log-path"]).arg(directory.join(LOG));
        if let Some(time) = self.drain {
            command.args(["--drain-time-s", &time.as_secs().to_string()]);
        }
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(standard_error);
        command.spawn().map_err(|error| system(&format!("start {}", binary.display()), error))
    }
}

const LOG: &str = "envoy.log";
const STANDARD_ERROR: &str = "stderr.log";
const ADMIN_ADDRESS: &str = "admin.txt";

async fn admin_address(
    running: &mut Running,
    directory: &Path,
    version: EnvoyVersion,
) -> Result<SocketAddr, LaunchError> {
    enum Start {
        Up(SocketAddr),
        Ended(ExitStatus),
    }
    let path = directory.join(ADMIN_ADDRESS);
    let looked = wait_until("Envoy's admin interface", STARTING, async || -> Result<Start, Seen> {
        if let Some(status) = running.child.try_wait()? {
            return Ok(Start::Ended(status));
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let address = text.trim().parse().map_err(|_| Seen::from(format!("{text:?} as its address")))?;
        Ok(Start::Up(address))
    });
    match looked.await {
        Ok(Start::Up(address)) => Ok(address),
        Ok(Start::Ended(status)) => Err(LaunchError::Ended { version, status, log: log_tail(directory) }),
        Err(timed_out) => Err(TimedOut { aside: aside(directory), ..timed_out }.into()),
    }
}

/// A running Envoy. Dropping it ends the process: SIGTERM, and SIGKILL when that does not help.
#[derive(Debug)]
pub struct Envoy {
    // Before the files: the process ends first.
    running: Running,
    admin: Admin,
    version: EnvoyVersion,
    files: TempDir,
}

impl Envoy {
    /// Starts an Envoy as [`Launch::new`] and [`Launch::start`] do.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub async fn launch(version: EnvoyVersion, bootstrap: &Bootstrap) -> Result<Envoy, LaunchError> {
        Launch::new(version, bootstrap).start().await
    }

    /// The version that runs.
    pub fn version(&self) -> EnvoyVersion {
        self.version
    }

    /// Its admin interface.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.running.child.id()
    }

    /// Its resident memory in bytes; `None` where the system does not tell, or when it has ended.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1024)
    }

    /// The directory of its files: bootstrap, logs.
    pub fn directory(&self) -> &Path {
        self.files.path()
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        log(self.files.path())
    }

    /// Waits for a condition; when the deadline passes, the error has the end of Envoy's log.
    ///
    /// # Errors
    /// [`TimedOut`]
    pub async fn wait_until<T>(
        &self,
        what: &str,
        deadline: Duration,
        condition: impl AsyncFnMut() -> Result<T, Seen>,
    ) -> Result<T, TimedOut> {
        let waited = wait_until(what, deadline, condition).await;
        waited.map_err(|timed_out| TimedOut { aside: aside(self.files.path()), ..timed_out })
    }

    /// Waits until it is live: its first configuration has come, and all of it is warm.
    ///
    /// # Errors
    /// [`TimedOut`], with what is still warming.
    pub async fn wait_live(&self, deadline: Duration) -> Result<(), TimedOut> {
        self.wait_until("Envoy to be live", deadline, async || match self.admin.ready().await? {
            true => Ok(()),
            false => {
                let warming = self.admin.get("/init_dump").await?.text();
                let refused = self.admin.update_rejected().await?;
                Err(format!("not live; warming: {warming}; refused: {refused:?}").into())
            }
        })
        .await
    }

    /// Waits until a listener of this name is there, and gives the (first) address it really listens on.
    ///
    /// # Errors
    /// [`TimedOut`], with the listeners there are.
    pub async fn wait_listener(&self, name: &str, deadline: Duration) -> Result<SocketAddr, TimedOut> {
        self.wait_until(&format!("listener {name:?}"), deadline, async || {
            let listeners = self.admin.listeners().await?;
            let address = listeners.get(name).and_then(|addresses| addresses.first().copied());
            address.ok_or_else(|| format!("listeners {listeners:?}").into())
        })
        .await
    }

    /// Waits until a counter or gauge satisfies a condition, and gives its value.
    ///
    /// # Errors
    /// [`TimedOut`], with the value last seen.
    pub async fn wait_stat(
        &self,
        name: &str,
        deadline: Duration,
        mut condition: impl FnMut(u64) -> bool,
    ) -> Result<u64, TimedOut> {
        self.wait_until(name, deadline, async || match self.admin.stat(name).await? {
            value if condition(value) => Ok(value),
            value => Err(format!("{name} = {value}").into()),
        })
        .await
    }

    /// Ends it with SIGTERM and waits for it.
    ///
    /// # Errors
    /// What the system said, if the process cannot be waited for.
    pub async fn stop(self) -> io::Result<ExitStatus> {
        let Envoy { mut running, files, .. } = self;
        let ended = tokio::task::spawn_blocking(move || running.end()).await.map_err(io::Error::other)?;
        drop(files);
        ended
    }
}

#[derive(Debug)]
struct Running {
    child: Child,
}

impl Running {
    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < ENDING {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What Envoy itself says of a configuration, without running it: `Ok`, or its reasons. Resources must stand in
/// `static_resources` to be looked at.
///
/// # Errors
/// [`LaunchError`] when there is no Envoy to ask. A refused configuration is `Ok(Err(reasons))`.
pub async fn validate(version: EnvoyVersion, bootstrap: &str) -> Result<Result<(), String>, LaunchError> {
    let text = bootstrap.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let binary = provision(version)?;
        let files = tempfile::tempdir().map_err(|error| system("make a temporary directory", error))?;
        let path: PathBuf = files.path().join("bootstrap.yaml");
        fs::write(&path, text).map_err(|error| system("write the bootstrap", error))?;
        let mut command = Command::new(binary);
        command.args(["--mode", "validate", "-l", "error", "-c"]).arg(&path);
        let output = command.output().map_err(|error| system("run Envoy", error))?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok(if output.status.success() { Ok(()) } else { Err(said) })
    });
    asked.await.map_err(|error| system("run Envoy", io::Error::other(error)))?
}

fn system(doing: &str, source: io::Error) -> LaunchError {
    LaunchError::System { doing: doing.to_owned(), source }
}

fn log(directory: &Path) -> String {
    let read = |name| fs::read(directory.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (standard_error, log) = (read(STANDARD_ERROR).unwrap_or_default(), read(LOG).unwrap_or_default());
    standard_error + &log
}

fn log_tail(directory: &Path) -> String {
    let log = log(directory);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn aside(directory: &Path) -> String {
    match log_tail(directory) {
        empty if empty.is_empty() => String::new(),
        tail => format!("\nthe end of Envoy's log:\n{tail}"),
    }
}
