//! The workloads L1 to L8, and the lab that runs them: Chancery, the floors, a peer, and Chancery again.

mod churn;
mod fan_out;
mod herd;
mod hosts;
mod idle;
mod no_op;
mod pace;
mod plots;
mod reconnect;
mod slow;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;
use tokio::time::timeout;

pub use self::pace::Pace;
use super::go_control_plane;
use super::row::{About, Row, table};
use super::setting::Kind;
use super::site::Site;
use crate::stand::Failure;

/// How long one row may take.
const ROW_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How large everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// About a minute, in a debug build too: whether it works, and the shape.
    Smoke,
    /// A quarter of an hour.
    Small,
    /// The sizes of the definitions; with peers, hours.
    Full,
}

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Workload {
    #[value(name = "L1")]
    FanOut,
    #[value(name = "L2")]
    Churn,
    #[value(name = "L3")]
    Herd,
    #[value(name = "L3-eds")]
    HerdOfEndpoints,
    #[value(name = "L4")]
    Reconnect,
    #[value(name = "L5")]
    Hosts,
    #[value(name = "L6")]
    Idle,
    #[value(name = "L7")]
    Slow,
    #[value(name = "L8")]
    NoOp,
}

impl Workload {
    /// Its number.
    pub fn number(self) -> &'static str {
        match self {
            Workload::FanOut => "L1",
            Workload::Churn => "L2",
            Workload::Herd => "L3",
            Workload::HerdOfEndpoints => "L3-eds",
            Workload::Reconnect => "L4",
            Workload::Hosts => "L5",
            Workload::Idle => "L6",
            Workload::Slow => "L7",
            Workload::NoOp => "L8",
        }
    }

    /// What it is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Workload::FanOut => "fan-out: one resource replaced again and again",
            Workload::Churn => "churn: many changes a second",
            Workload::Herd => "cold herd: everybody at once, for everything; then kill -9 of the server",
            Workload::HerdOfEndpoints => "cold herd, endpoints only",
            Workload::Reconnect => "reconnection with everything held",
            Workload::Hosts => "one host of many, in each form of route tables",
            Workload::Idle => "memory of idle streams",
            Workload::Slow => "one stream that stops reading",
            Workload::NoOp => "edits that say nothing new",
        }
    }
}

/// Runs workloads, and keeps what came of them.
#[derive(Serialize)]
pub struct Lab {
    /// How large everything is.
    pub size: Size,
    /// What is the same for all rows: cores, threads, encryption, build.
    pub conditions: String,
    /// All there is to show, in the order in which it was measured.
    pub rows: Vec<Row>,
    /// What was not run, and why.
    pub skipped: Vec<String>,
    /// What went wrong: promises that were not kept, rows that could not be measured.
    pub failures: Vec<String>,
    #[serde(skip)]
    pub(super) site: Site,
    #[serde(skip)]
    peer: Option<Kind>,
    /// What the name of a row must have in it to be measured.
    #[serde(skip)]
    rows_with: Option<String>,
    /// Of changes in L1 and L5.
    #[serde(skip)]
    pace: Pace,
    /// Where all there is to show is written after every row, so that a run that ends early leaves what it measured.
    #[serde(skip)]
    folder: Option<PathBuf>,
}

impl Lab {
    /// A lab at this site; with peers, those that can be built here.
    pub fn new(site: Site, size: Size, with_peers: bool) -> Lab {
        let conditions = format!(
            "{size:?} sizes; {}; one worker thread per server; {}; {} build",
            site.cores,
            if site.is_encrypted() { "mutual TLS, no session is resumed" } else { "plain text" },
            if cfg!(debug_assertions) { "DEBUG" } else { "release" },
        );
        eprintln!("{conditions}");
        let (rows, skipped, failures) = (Vec::new(), Vec::new(), Vec::new());
        let (peer, rows_with, pace, folder) = (None, None, Pace::default(), None);
        let mut lab = Lab { size, conditions, rows, skipped, failures, site, peer, rows_with, pace, folder };
        if with_peers && lab.site.is_encrypted() {
            lab.skip("go-control-plane", "it is compared in plain text only; run without --tls");
        } else if with_peers {
            match go_control_plane() {
                Ok(_) => lab.peer = Some(Kind::GoControlPlane),
                Err(reason) => lab.skip("go-control-plane", &reason),
            }
        }
        lab
    }

    /// Measures only rows that have this in the name of their case, as in `R=1000 P=100 SotW`.
    #[must_use]
    pub fn rows_with(mut self, text: Option<String>) -> Lab {
        self.rows_with = text;
        self
    }

    /// Makes changes in L1 and L5 at this pace.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Lab {
        self.conditions += &pace.conditions();
        self.pace = pace;
        self
    }

    /// Writes `lab.json` and plots to this folder, after each row anew.
    #[must_use]
    pub fn writes_to(mut self, folder: Option<PathBuf>) -> Lab {
        self.folder = folder;
        self
    }

    /// Runs these workloads, one after the other.
    pub async fn run(&mut self, workloads: &[Workload]) {
        for workload in workloads {
            eprintln!("=== {}: {}", workload.number(), workload.title());
            match workload {
                Workload::FanOut => fan_out::run(self).await,
                Workload::Churn => churn::run(self).await,
                Workload::Herd => herd::run(self, herd::Asks::Everything).await,
                Workload::HerdOfEndpoints => herd::run(self, herd::Asks::Endpoints).await,
                Workload::Reconnect => reconnect::run(self).await,
                Workload::Hosts => hosts::run(self).await,
                Workload::Idle => idle::run(self).await,
                Workload::Slow => slow::run(self).await,
                Workload::NoOp => no_op::run(self).await,
            }
        }
        self.write();
        if let (true, true, Some(text)) = (self.rows.is_empty(), self.failures.is_empty(), self.rows_with.clone()) {
            self.fail(format!("no row has {text:?} in its name"));
        }
    }

    /// Writes what there is, if it is written.
    fn write(&mut self) {
        let Some(Err(failure)) = self.folder.as_ref().map(|folder| self.write_to(folder)) else { return };
        self.folder = None;
        self.fail(format!("the rows are not written: {failure}"));
    }

    /// Says that something is not run.
    fn skip(&mut self, what: &str, why: &str) {
        let text = format!("{what}: {why}");
        eprintln!("!!! SKIPPED {text}");
        if !self.skipped.contains(&text) {
            self.skipped.push(text);
        }
    }

    /// Says that something went wrong.
    fn fail(&mut self, what: String) {
        eprintln!("!!! FAILED {what}");
        self.failures.push(what);
    }

    /// Chancery, these floors, the peer if there is one and it can do this, Chancery again.
    fn servers(&mut self, floors: &[Kind], peer: Peer<'_>) -> Vec<(&'static str, Kind)> {
        let mut servers = vec![("chancery", Kind::Chancery)];
        for floor in floors {
            match floor {
                Kind::Socket if self.site.is_encrypted() => self.skip(floor.label(), "it knows no TLS"),
                _ => servers.push((floor.label(), *floor)),
            }
        }
        match (self.peer, peer) {
            (Some(kind), Peer::Takes) => servers.push((kind.label(), kind)),
            (Some(kind), Peer::Cannot { case, why }) => self.skip(&format!("{} at {case}", kind.label()), why),
            (None, _) => {}
        }
        if self.size != Size::Smoke {
            servers.push(("chancery again", Kind::Chancery));
        }
        servers
    }

    /// Keeps a row, or says why there is none.
    async fn measure(
        &mut self,
        about: &About<'_>,
        row: impl AsyncFnOnce(&Site) -> Result<Vec<Row>, Failure>,
    ) -> Option<usize> {
        if self.rows_with.as_ref().is_some_and(|text| !about.case.contains(text)) {
            return None;
        }
        let begun = Instant::now();
        let measured = timeout(ROW_PATIENCE, row(&self.site)).await;
        eprintln!("{} {}: {} ({:.1} s)", about.workload, about.case, about.server, begun.elapsed().as_secs_f64());
        let why = match measured {
            Ok(Ok(rows)) => {
                eprintln!("{}", table(&rows.iter().collect::<Vec<_>>()));
                self.rows.extend(rows);
                self.write();
                return self.rows.len().checked_sub(1);
            }
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => format!("not done within {} minutes", ROW_PATIENCE.as_secs() / 60),
        };
        self.fail(format!("{} {}, {}: {why}", about.workload, about.case, about.server));
        None
    }
}

/// Whether a peer is asked to do something.
#[derive(Debug, Clone, Copy)]
enum Peer<'a> {
    Takes,
    Cannot { case: &'a str, why: &'a str },
}
