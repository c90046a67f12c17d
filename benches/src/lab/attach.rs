//! Streams to any xDS server, by its address: what they receive, and when.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;
use serde::Serialize;
use tokio::net::lookup_host;
use tokio::time::timeout_at;

use super::channel::{Carrier, Dialer};
use super::client::{Manners, Return, Script, Told};
use super::herd::Herd;
use super::machine;
use super::row::quantile_ms;
use super::tls::{ClientFiles, connector};
use super::wire::{Ask, Variant};
use crate::stand::Failure;

/// How long nothing comes once everything has, where nobody knows how much that is.
const QUIET: Duration = Duration::from_secs(1);

/// How streams are encrypted.
#[derive(Debug, Clone, Default)]
pub struct AttachTls {
    /// The authority that signed the server's certificate.
    pub authority: Option<PathBuf>,
    /// What the streams show.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// What is asked, of whom, and for how long.
#[derive(Debug, Clone)]
pub struct Attach {
    /// `host:port`.
    pub address: String,
    /// How many streams, each on its own connection.
    pub streams: usize,
    /// Over how long they connect.
    pub within: Duration,
    /// What they ask for.
    pub type_url: TypeUrl,
    /// By these names; everything where there are none.
    pub names: Vec<String>,
    /// In the state-of-the-world variant.
    pub sotw: bool,
    /// Plain text without.
    pub tls: Option<AttachTls>,
    /// How long they stay.
    pub stay: Duration,
    /// Whom they say they are.
    pub node: String,
    /// The cluster they say they are of.
    pub cluster: String,
}

/// What the streams received.
#[derive(Debug, Clone, Serialize)]
pub struct Attached {
    /// How many streams had everything before the end.
    pub complete_streams: usize,
    /// From the beginning until the last stream had everything, in seconds. Where everything was asked for, nobody says how much
    /// that is: it is then what had come before it was quiet for a second.
    pub complete_s: Option<f64>,
    /// Resources received, over all streams.
    pub resources: u64,
    /// Responses received, over all streams.
    pub responses: u64,
    /// Their bytes.
    pub response_bytes: u64,
    /// Bytes read from sockets, all that carries responses included.
    pub wire_bytes: u64,
    /// Responses that came after everything had, per stream.
    pub changes_per_stream: f64,
    /// The time between two of them on one stream, in milliseconds: the median.
    pub spacing_p50_ms: Option<f64>,
    /// The same, 99th percentile.
    pub spacing_p99_ms: Option<f64>,
    /// How many times a stream was refused.
    pub refused: u64,
    /// How many times a connection was lost or not to be had.
    pub lost: u64,
    /// Why a stream ended, the last time one did.
    pub last_end: Option<String>,
}

impl Attach {
    /// Attaches, stays as long as it should, and tells what came.
    ///
    /// # Errors
    /// When the server is nowhere, or ends a stream with a status that says not to come back.
    pub async fn run(&self) -> Result<Attached, Failure> {
        let mut herd = Herd::with(self.dialer().await?);
        machine::enough_descriptors(self.streams)?;
        let begun = Instant::now();
        herd.join(self.streams, &Arc::new(self.script()), self.within);
        let is_counted = !self.names.is_empty();
        let mut is_ready = vec![false; self.streams];
        let (mut complete, mut last): (Option<Instant>, Option<Instant>) = (None, None);
        let (mut changes, mut heard_at, mut last_end) = (0, Vec::new(), None);
        let end = (begun + self.stay).into();
        while let Ok(told) = timeout_at(end, herd.hear()).await {
            let at = match told? {
                Told::Ready { stream, at } => {
                    if let Some(is_ready) = is_ready.get_mut(stream) {
                        *is_ready = true;
                    }
                    at
                }
                Told::Accepted { stream, at, .. } => {
                    let is_quiet = last.is_some_and(|last| at - last > QUIET);
                    if !is_counted && complete.is_none() && is_quiet {
                        complete = last;
                    }
                    if is_counted || complete.is_some() {
                        changes += 1;
                        if stream == 0 {
                            heard_at.push(at);
                        }
                    }
                    at
                }
                Told::Left { stream, why } => {
                    last_end = Some(why.to_string());
                    if let Some(is_ready) = is_ready.get_mut(stream) {
                        *is_ready = false;
                    }
                    continue;
                }
                Told::CutOff { .. } => continue,
            };
            last = Some(at);
            if is_counted && complete.is_none() && is_ready.iter().all(|is_ready| *is_ready) {
                complete = Some(at);
            }
        }
        let read = herd.reading();
        let mut spacing: Vec<Duration> = heard_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        spacing.sort_unstable();
        let complete = if is_counted { complete } else { complete.or(last) };
        Ok(Attached {
            complete_streams: is_ready.iter().filter(|is_ready| **is_ready).count(),
            complete_s: complete.map(|at| (at - begun).as_secs_f64()),
            resources: read.members,
            responses: read.responses,
            response_bytes: read.response_bytes,
            wire_bytes: read.received,
            changes_per_stream: changes as f64 / self.streams as f64,
            spacing_p50_ms: quantile_ms(&spacing, 0.5),
            spacing_p99_ms: quantile_ms(&spacing, 0.99),
            refused: read.refused,
            lost: read.lost,
            last_end,
        })
    }

    async fn dialer(&self) -> Result<Dialer, Failure> {
        let unknown = |why: String| format!("{}: {why}", self.address);
        let mut found = lookup_host(&self.address).await.map_err(|error| unknown(error.to_string()))?;
        let address = found.next().ok_or_else(|| unknown("no such host".into()))?;
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tls = match &self.tls {
            None => None,
            Some(AttachTls { authority, certificate, key }) => {
                let (authority, certificate, key) = (authority.clone(), certificate.clone(), key.clone());
                Some(connector(&ClientFiles { authority, certificate, key }, host)?)
            }
        };
        Ok(Dialer { address, carrier: Carrier::Grpc, tls, meter: Arc::default() })
    }

    fn script(&self) -> Script {
        let variant = if self.sotw { Variant::Sotw } else { Variant::Delta };
        let node = Node { id: self.node.clone(), cluster: self.cluster.clone(), ..Node::default() };
        let expected = self.names.len().max(1);
        let (type_url, mut names) = (self.type_url.clone(), self.names.clone());
        if names.is_empty() && !type_url.traits().legacy_wildcard {
            names.push("*".to_owned());
        }
        let asks = vec![Ask::new(variant, &node, type_url, names, &[], expected)];
        Script { variant, asks, manners: Manners::Accepts, returns: Return::Always }
    }
}
