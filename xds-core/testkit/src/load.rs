//! Steady HTTP load through a proxy, and an account of every request that was not answered with 200.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::echo::BACKEND_HEADER;
use crate::http::{Connection, HttpError, request};

/// How much load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Kept-alive connections, each with one request at a time. At least one.
    pub connections: u32,
    /// Requests per second, over all connections. At least one.
    pub requests_per_second: u32,
}

/// 500 requests per second over 4 connections: dense enough to hit a gap of some milliseconds, and little work.
impl Default for Pace {
    fn default() -> Self {
        Pace { connections: 4, requests_per_second: 500 }
    }
}

/// A request that was not answered with 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When, from the start of the load.
    pub after: Duration,
    /// The status and body, or what became of the connection.
    pub reason: String,
}

/// What came of the load.
#[derive(Debug, Clone, Default)]
pub struct LoadReport {
    /// Requests answered, or failed.
    pub total: u64,
    /// Requests not answered with 200.
    pub failed: u64,
    /// The first of them, at most [`LoadReport::LISTED`].
    pub failures: Vec<Failure>,
    /// Requests answered with 200, by the name of the [`Echo`](crate::Echo) that answered (empty: none named itself).
    pub served_by: BTreeMap<String, u64>,
    /// How often a connection was opened anew because the proxy had closed it between two requests.
    pub reopened: u64,
    /// The longest time one request took.
    pub slowest: Duration,
}

impl LoadReport {
    /// How many failures are kept with their reasons.
    pub const LISTED: usize = 200;
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {} failed, slowest {:?}, served by {:?}",
            self.total, self.failed, self.slowest, self.served_by
        )?;
        for failure in self.failures.iter().take(10) {
            write!(f, "\n  after {:?}: {}", failure.after, failure.reason)?;
        }
        Ok(())
    }
}

/// Load that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Load {
    seen: Arc<Mutex<LoadReport>>,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
}

impl Load {
    /// Starts to ask for `path` of `host` at this address. Needs a runtime.
    ///
    /// # Errors
    /// [`HttpError::Request`] when host or path cannot stand in a request.
    pub fn start(address: SocketAddr, host: &str, path: &str, pace: Pace) -> Result<Load, HttpError> {
        request(Method::GET, host, path)?;
        let seen = Arc::new(Mutex::new(LoadReport::default()));
        let (stop, stopped) = watch::channel(false);
        let connections = pace.connections.max(1);
        let gap = Duration::from_secs(1) / pace.requests_per_second.max(1);
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for number in 0..connections {
            let worker = Worker {
                address,
                host: host.to_owned(),
                path: path.to_owned(),
                started,
                first: gap * number,
                period: gap * connections,
                seen: Arc::clone(&seen),
            };
            workers.spawn(worker.run(stopped.clone()));
        }
        Ok(Load { seen, stop, workers })
    }

    /// What has come of it so far.
    pub fn report(&self) -> LoadReport {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops: requests under way are still waited for and counted.
    pub async fn stop(mut self) -> LoadReport {
        let _ = self.stop.send(true);
        while self.workers.join_next().await.is_some() {}
        self.report()
    }
}

struct Worker {
    address: SocketAddr,
    host: String,
    path: String,
    started: Instant,
    first: Duration,
    period: Duration,
    seen: Arc<Mutex<LoadReport>>,
}

impl Worker {
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = interval_at(tokio::time::Instant::now() + self.first, self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connection = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stop| *stop) => return,
            }
            let asked = Instant::now();
            let outcome = self.ask(&mut connection).await;
            self.record(asked, outcome);
        }
    }

    /// One request: on the kept connection, or on a new one when there is none or the proxy has closed it meanwhile.
    async fn ask(&self, kept: &mut Option<Connection>) -> Result<String, String> {
        let was_kept = kept.is_some();
        let answer = loop {
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => Connection::open(self.address).await.map_err(|error| error.to_string())?,
            };
            let request = request(Method::GET, &self.host, &self.path).map_err(|error| error.to_string())?;
            match connection.send(request).await {
                Ok(answer) => {
                    *kept = Some(connection);
                    break answer;
                }
                Err(HttpError::Unsent) if was_kept => self.seen().reopened += 1,
                Err(error) => return Err(error.to_string()),
            }
        };
        match answer.status {
            200 => Ok(answer.header(BACKEND_HEADER).unwrap_or_default().to_owned()),
            status => Err(format!("{status} {}", answer.text())),
        }
    }

    fn record(&self, asked: Instant, outcome: Result<String, String>) {
        let mut seen = self.seen();
        seen.total += 1;
        seen.slowest = seen.slowest.max(asked.elapsed());
        match outcome {
            Ok(backend) => *seen.served_by.entry(backend).or_default() += 1,
            Err(reason) => {
                seen.failed += 1;
                if seen.failures.len() < LoadReport::LISTED {
                    seen.failures.push(Failure { after: asked.duration_since(self.started), reason });
                }
            }
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, LoadReport> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
