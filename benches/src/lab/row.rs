//! What came of one experiment: what every row tells, and what only rows of its workload do.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::usage::Usage;

/// What a row is about.
#[derive(Debug, Clone)]
pub(super) struct About<'a> {
    pub(super) workload: &'static str,
    pub(super) case: String,
    pub(super) resources: usize,
    pub(super) streams: usize,
    pub(super) server: &'a str,
}

/// One line of a table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// `L1` and so on.
    pub workload: &'static str,
    /// The sizes, as text.
    pub case: String,
    /// How many resources (of each type), hosts or routes.
    pub resources: usize,
    /// How many streams.
    pub streams: usize,
    /// Which server.
    pub server: String,
    /// The server's CPU time, all threads, in seconds.
    pub cpu_s: f64,
    /// The server's resident memory at the end, in MiB.
    pub rss_mib: f64,
    /// The most resident memory the server ever had, in MiB.
    pub peak_rss_mib: f64,
    /// Bytes the server allocated.
    pub allocated_bytes: f64,
    /// Bytes the streams read from their sockets.
    pub wire_bytes: f64,
    /// From a change to the acceptance by the last stream that is looked at, in milliseconds: the median.
    pub ack_p50_ms: Option<f64>,
    /// The same, 99th percentile.
    pub ack_p99_ms: Option<f64>,
    /// What only this workload tells.
    #[serde(serialize_with = "as_map")]
    pub figures: Vec<(&'static str, f64)>,
}

fn as_map<S: Serializer>(figures: &[(&'static str, f64)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(figures.iter().copied())
}

impl Row {
    /// A row whose server used up what lies between two moments, while the herd read so many bytes.
    pub(super) fn new(about: &About<'_>, [before, after]: [&Usage; 2], wire_bytes: u64) -> Row {
        Row {
            workload: about.workload,
            case: about.case.clone(),
            resources: about.resources,
            streams: about.streams,
            server: about.server.to_owned(),
            cpu_s: after.cpu_s() - before.cpu_s(),
            rss_mib: after.rss_mib(),
            peak_rss_mib: after.peak_rss_mib(),
            allocated_bytes: after.allocated_bytes.saturating_sub(before.allocated_bytes) as f64,
            wire_bytes: wire_bytes as f64,
            ack_p50_ms: None,
            ack_p99_ms: None,
            figures: Vec::new(),
        }
    }

    /// With the times changes took to be accepted.
    pub(super) fn waits(mut self, waits: &mut [Duration]) -> Row {
        waits.sort_unstable();
        self.ack_p50_ms = quantile_ms(waits, 0.5);
        self.ack_p99_ms = quantile_ms(waits, 0.99);
        self
    }

    /// With one figure more.
    pub(super) fn with(mut self, name: &'static str, value: f64) -> Row {
        self.figures.push((name, value));
        self
    }

    /// A figure of this workload.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Of sorted times, the one so many of which are not longer, in milliseconds.
pub(super) fn quantile_ms(sorted: &[Duration], share: f64) -> Option<f64> {
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).map(|wait| wait.as_secs_f64() * 1e3)
}

/// Rows of one workload as a table.
pub fn table(rows: &[&Row]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.figures) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let with_waits = rows.iter().any(|row| row.ack_p50_ms.is_some());
    let mut head = vec!["case", "server", "CPU s", "allocated B", "wire B", "RSS MiB", "peak RSS MiB"];
    if with_waits {
        head.extend(["ACK p50 ms", "ACK p99 ms"]);
    }
    head.extend(&names);
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let mut cells = vec![row.case.clone(), row.server.clone()];
        let common = [row.cpu_s, row.allocated_bytes, row.wire_bytes, row.rss_mib, row.peak_rss_mib];
        cells.extend(common.map(number));
        let or_dash = |value: Option<f64>| value.map_or("-".to_owned(), number);
        if with_waits {
            cells.extend([row.ack_p50_ms, row.ack_p99_ms].map(or_dash));
        }
        cells.extend(names.iter().map(|name| or_dash(row.figure(name))));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

/// With as many digits as one reads.
fn number(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
