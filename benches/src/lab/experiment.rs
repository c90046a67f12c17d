//! One experiment: a server process of one kind, a herd, and changes at an even pace.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use prost::Message;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::client::{Manners, Told, run};
use super::{Kind, Usage, go_control_plane, socket};
use crate::made;
use crate::stand::Failure;

/// How long a herd may take to connect and be told everything, and to be told of one change.
const PATIENCE: Duration = Duration::from_secs(300);

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
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
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
}

/// A server process. Ends with its standard input.
pub struct Served {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Served {
    /// Starts this very program as a server.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(kind: Kind, experiment: &Experiment) -> Result<Served, Failure> {
        let (resources, threads) = (experiment.resources.to_string(), experiment.server_threads.to_string());
        let own = |kind| (std::env::current_exe(), vec!["serve", kind, &resources, &threads]);
        let (program, arguments) = match kind {
            Kind::Chancery => own("chancery"),
            Kind::Tonic => own("tonic"),
            Kind::Socket => own("socket"),
            Kind::GoControlPlane => (Ok(go_control_plane()?), vec![&*resources, &*threads]),
        };
        let mut child = Command::new(program?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no pipe to the server")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe from the server")?).lines();
        let address = lines.next_line().await?.ok_or("the server did not start")?.parse()?;
        Ok(Served { _child: child, stdin, lines, address })
    }

    async fn change(&mut self, revision: usize) -> Result<(), Failure> {
        Ok(self.stdin.write_all(format!("change {revision}\n").as_bytes()).await?)
    }

    async fn usage(&mut self) -> Result<Usage, Failure> {
        self.stdin.write_all(b"usage\n").await?;
        let line = self.lines.next_line().await?.ok_or("the server is gone")?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Experiment {
    /// Runs it against a server of this kind.
    ///
    /// # Errors
    /// When a stream ends or a change does not arrive everywhere.
    pub async fn run(&self, label: &str, kind: Kind) -> Result<Row, Failure> {
        eprintln!("R={} P={}: {label}", self.resources, self.streams);
        let mut server = Served::start(kind, self).await?;
        let (told, mut ears) = unbounded_channel();
        let mut herd = JoinSet::new();
        let (first, ack) = (self.first_request(), acceptance());
        // The floor tells each stream one resource to begin with.
        let expected = match kind {
            Kind::Chancery | Kind::GoControlPlane => self.resources,
            Kind::Tonic | Kind::Socket => 1,
        };
        for at in 0..self.streams {
            let manners = if at < self.stalled { Manners::Stalls } else { Manners::Reads };
            match kind {
                Kind::Socket => herd.spawn(socket::run(server.address, told.clone())),
                _ => herd.spawn(run(server.address, first.clone(), ack.clone(), expected, manners, told.clone())),
            };
            if at < self.stalled || at % 16 == 0 {
                // The stalled ones come first, so that the server knows which they are.
                hear(&mut ears, &mut herd).await?;
            }
        }
        let awaited_already = (0..self.streams).filter(|at| *at < self.stalled || at % 16 == 0).count();
        for _ in awaited_already..self.streams {
            hear(&mut ears, &mut herd).await?;
        }
        // Whatever the last acceptances cost belongs to connecting.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = server.usage().await?;
        let (mut waits, mut bytes_total, mut responses) = (Vec::new(), 0, 0);
        let begun = Instant::now();
        for revision in 1..=self.changes {
            let due = begun + Duration::from_millis(self.interval_ms) * revision as u32;
            sleep_until(due.into()).await;
            let changed_at = Instant::now();
            server.change(revision).await?;
            let mut last = changed_at;
            for _ in self.stalled..self.streams {
                if let Told::Accepted { at, bytes } = hear(&mut ears, &mut herd).await? {
                    last = last.max(at);
                    bytes_total += bytes;
                    responses += 1;
                }
            }
            waits.push(last - changed_at);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let after = server.usage().await?;
        while let Ok(Told::Accepted { bytes, .. }) = ears.try_recv() {
            bytes_total += bytes;
            responses += 1;
        }
        waits.sort_unstable();
        let quantile = |share: f64| {
            let at = ((waits.len() as f64 * share).ceil() as usize).saturating_sub(1);
            waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
        };
        let changes = self.changes as f64;
        Ok(Row {
            label: label.to_owned(),
            cpu_ms_per_change: (after.cpu_ns - before.cpu_ns) as f64 / 1e6 / changes,
            bytes_per_change: bytes_total as f64 / changes,
            responses,
            last_ack_p50_ms: quantile(0.5),
            last_ack_p99_ms: quantile(0.99),
            rss_mib: before.rss_kib as f64 / 1024.0,
            peak_rss_mib: after.peak_rss_kib as f64 / 1024.0,
            cpu_ms_to_connect: before.cpu_ns as f64 / 1e6,
            allocated_per_change: (after.allocated_bytes - before.allocated_bytes) as f64 / changes,
            polls_of_rest: after.polls_of_rest - before.polls_of_rest,
            rss_growth_mib: (after.rss_kib as f64 - before.rss_kib as f64) / 1024.0,
        })
    }

    fn first_request(&self) -> Bytes {
        let request = DeltaDiscoveryRequest {
            node: Some(Node { id: "herd".into(), cluster: "lab".into(), ..Node::default() }),
            type_url: TypeUrl::ENDPOINTS.as_str().to_owned(),
            resource_names_subscribe: (0..self.resources).map(made::name).collect(),
            ..Default::default()
        };
        request.encode_to_vec().into()
    }
}

/// What some stream tells next. A stream that ends is a failure.
async fn hear(ears: &mut UnboundedReceiver<Told>, herd: &mut JoinSet<Result<(), Failure>>) -> Result<Told, Failure> {
    tokio::select! {
        heard = timeout(PATIENCE, ears.recv()) => heard?.ok_or_else(|| "the herd is gone".into()),
        Some(ended) = herd.join_next() => {
            ended??;
            Err("a stream ended".into())
        }
    }
}

/// An acceptance, but for its nonce.
fn acceptance() -> Bytes {
    let request = DeltaDiscoveryRequest { type_url: TypeUrl::ENDPOINTS.as_str().to_owned(), ..Default::default() };
    request.encode_to_vec().into()
}
