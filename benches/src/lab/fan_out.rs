//! Fan-out: a server process of one kind, a herd, and one resource replaced again and again at an even pace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_protocol::TypeUrl;
use serde::Serialize;
use tokio::time::sleep_until;

use super::client::{Manners, Return, Script, Told};
use super::herd::Herd;
use super::row::{About, Row, quantile_ms};
use super::scripts;
use super::served::Served;
use super::server::nth;
use super::setting::{Content, Kind, Setting};
use super::site::Site;
use super::usage::Usage;
use super::wire::Variant;
use crate::stand::Failure;

/// How many streams connect at once.
const AT_ONCE: usize = 16;

/// What is done.
#[derive(Debug, Clone, Serialize)]
pub struct Experiment {
    /// How many resources there are, all of them named by every stream.
    pub resources: usize,
    /// How many streams, each on its own connection.
    pub streams: usize,
    /// How many of the streams stop reading once they hold everything.
    pub stalled: usize,
    /// How many times a resource is replaced.
    pub changes: usize,
    /// The time from one change to the next, in milliseconds.
    pub interval_ms: u64,
    /// Worker threads of the server.
    pub server_threads: usize,
    /// Whether streams speak the state-of-the-world variant.
    pub sotw: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct FanOut {
    /// What tables call it.
    pub label: String,
    /// The server's CPU time per change, in milliseconds.
    pub cpu_ms_per_change: f64,
    /// Response bytes per change, over all streams.
    pub bytes_per_change: f64,
    /// Responses accepted, over all changes.
    pub responses: u64,
    /// From the change to the last stream's acceptance, in milliseconds: the median.
    pub last_ack_p50_ms: f64,
    /// The same, 99th percentile.
    pub last_ack_p99_ms: f64,
    /// The server's resident memory once every stream held everything, in MiB.
    pub rss_mib: f64,
    /// The server's peak resident memory, in MiB.
    pub peak_rss_mib: f64,
    /// The server's CPU time until every stream held everything, in milliseconds.
    pub cpu_ms_to_connect: f64,
    /// Polls of all sessions but the first, while changes were made.
    pub polls_of_rest: u64,
    /// Bytes the server allocated per change.
    pub allocated_per_change: f64,
    /// How much the server's resident memory grew while changes were made, in MiB.
    pub rss_growth_mib: f64,
    #[serde(skip)]
    measured: Measured,
}

/// What the figures are made of.
#[derive(Debug, Clone)]
struct Measured {
    before: Usage,
    after: Usage,
    wire_bytes: u64,
    waits: Vec<Duration>,
}

impl Experiment {
    /// Runs it against a server of this kind.
    ///
    /// # Errors
    /// When a stream ends or a change does not arrive everywhere.
    pub async fn run(&self, label: &str, kind: Kind, site: &Site) -> Result<FanOut, Failure> {
        let setting = Setting {
            threads: self.server_threads,
            sotw: self.sotw,
            ..site.setting(Content::Endpoints, self.resources)
        };
        self.run_with(label, kind, site, &setting, self.scripts(kind)).await
    }

    /// What its streams do: the stalled ones, and the others.
    fn scripts(&self, kind: Kind) -> [Arc<Script>; 2] {
        let variant = if self.sotw { Variant::Sotw } else { Variant::Delta };
        // The floor tells each stream one resource to begin with; in state of the world that is a response of everything.
        let expected = if kind.greets_with_one() && !self.sotw { 1 } else { self.resources };
        let names = Content::Endpoints.names(self.resources);
        let ask = scripts::ask(variant, TypeUrl::ENDPOINTS, names, expected);
        [Manners::Stalls, Manners::Accepts].map(|manners| {
            let asks = vec![ask.clone()];
            Arc::new(Script { variant, asks, manners, returns: Return::UntilReady })
        })
    }

    /// Runs it with this setting and these streams.
    pub(super) async fn run_with(
        &self,
        label: &str,
        kind: Kind,
        site: &Site,
        setting: &Setting,
        [stalling, accepting]: [Arc<Script>; 2],
    ) -> Result<FanOut, Failure> {
        let mut server = Served::start(kind, setting, &site.cores).await?;
        let mut herd = Herd::new(&server, site, self.streams)?;
        // The stalled ones come first, so that the server knows which they are.
        herd.admit(self.stalled, &stalling, 1).await?;
        herd.admit(self.streams - self.stalled, &accepting, AT_ONCE).await?;
        // Whatever the last acceptances cost belongs to connecting.
        let (before, _) = server.at_rest().await?;
        let read_before = herd.reading();
        let (mut waits, mut bytes_total, mut responses) = (Vec::new(), 0, 0);
        let begun = Instant::now();
        for revision in 1..=self.changes {
            let due = begun + Duration::from_millis(self.interval_ms) * revision as u32;
            sleep_until(due.into()).await;
            let changed_at = Instant::now();
            server.change(revision, nth(revision, self.resources)).await?;
            let (mut last, mut left) = (changed_at, self.streams - self.stalled);
            while left > 0 {
                if let Told::Accepted { at, bytes, .. } = herd.hear().await? {
                    last = last.max(at);
                    left -= 1;
                    bytes_total += bytes;
                    responses += 1;
                }
            }
            waits.push(last - changed_at);
        }
        let (after, _) = server.at_rest().await?;
        while let Some(told) = herd.heard_already() {
            if let Told::Accepted { bytes, .. } = told {
                bytes_total += bytes;
                responses += 1;
            }
        }
        waits.sort_unstable();
        let changes = self.changes as f64;
        Ok(FanOut {
            label: label.to_owned(),
            cpu_ms_per_change: (after.cpu_ns - before.cpu_ns) as f64 / 1e6 / changes,
            bytes_per_change: bytes_total as f64 / changes,
            responses,
            last_ack_p50_ms: quantile_ms(&waits, 0.5).unwrap_or_default(),
            last_ack_p99_ms: quantile_ms(&waits, 0.99).unwrap_or_default(),
            rss_mib: before.rss_mib(),
            peak_rss_mib: after.peak_rss_mib(),
            cpu_ms_to_connect: before.cpu_ns as f64 / 1e6,
            allocated_per_change: (after.allocated_bytes - before.allocated_bytes) as f64 / changes,
            polls_of_rest: after.polls_of_rest - before.polls_of_rest,
            rss_growth_mib: after.rss_mib() - before.rss_mib(),
            measured: Measured { wire_bytes: herd.reading().since(read_before).received, before, after, waits },
        })
    }
}

impl FanOut {
    /// As a row of a workload.
    pub(super) fn row(&self, about: &About<'_>, changes: usize) -> Row {
        let Measured { before, after, wire_bytes, waits } = &self.measured;
        Row::new(about, [before, after], *wire_bytes)
            .waits(&mut waits.clone())
            .with("changes", changes as f64)
            .with(CPU_PER_CHANGE, self.cpu_ms_per_change)
            .with(ALLOCATED_PER_CHANGE, self.allocated_per_change)
            .with("response B/change", self.bytes_per_change)
            .with("CPU s to connect", self.cpu_ms_to_connect / 1e3)
            .with("RSS MiB connected", self.rss_mib)
    }
}

/// What rows call the figure plots are made of.
pub(super) const CPU_PER_CHANGE: &str = "CPU ms/change";

/// What rows call the figure the shape is judged by.
pub(super) const ALLOCATED_PER_CHANGE: &str = "allocated B/change";
