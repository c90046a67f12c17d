//! What the edit of one host costs, from the object to a real Envoy, in each form of route tables.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::time::{Duration, Instant};

use chancery_cache::{EveryoneTogether, GroupKey, Publisher, ResourceSet, SnapshotCache};
use chancery_core::{InsecureAllowEveryone, Limits, Server};
use chancery_testkit::http::{Connection, request};
use chancery_testkit::{Bootstrap, Envoy, EnvoyVersion, Launch};
use chancery_translator::{Bind, Change, EnvoyFloor, Options, ProxyUpdate, RouteTables, TableForm, Translator, Update};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::hosts;
use crate::stand::Failure;

/// How long a proxy may take to have everything, or one edit.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(1);

/// What is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Edits {
    /// How many hosts there are.
    pub hosts: usize,
    /// How many edits, each of another host.
    pub edits: usize,
}

/// What one edit costs in one form; means, but for latencies.
#[derive(Debug, Clone, Serialize)]
pub struct EditCost {
    /// `whole`, `virtual-hosts` or `scopes`.
    pub form: String,
    /// From the object to the first answer that shows the edit, in milliseconds: the median.
    pub latency_p50_ms: f64,
    /// The same, the longest.
    pub latency_max_ms: f64,
    /// Bytes Envoy received from the control plane.
    pub bytes: f64,
    /// CPU of the control plane, translation included, in milliseconds.
    pub server_cpu_ms: f64,
    /// CPU of Envoy's main thread, in milliseconds.
    pub envoy_main_cpu_ms: f64,
    /// Envoy's resident memory once it has everything, in MiB.
    pub envoy_rss_mib: f64,
    /// From the start of Envoy until it answers for the last host, in milliseconds.
    pub start_ms: f64,
}

/// A control plane in this process, and an Envoy.
struct Rig {
    translator: Translator,
    publisher: Publisher,
    envoy: Envoy,
    address: SocketAddr,
}

impl Edits {
    /// Measures this form.
    ///
    /// # Errors
    /// When Envoy cannot be had, or an edit does not reach it.
    pub async fn measure(&self, version: EnvoyVersion, form: TableForm) -> Result<EditCost, Failure> {
        eprintln!("{} hosts, {form}", self.hosts);
        let begun = Instant::now();
        let mut rig = Rig::start(self.hosts, version, form).await?;
        rig.shows(self.hosts - 1, 0).await?;
        let start_ms = begun.elapsed().as_secs_f64() * 1e3;
        let mut latencies = Vec::new();
        for edit in 1..=self.edits {
            let number = edit * 7919 % self.hosts;
            let begun = Instant::now();
            rig.edit(number, edit)?;
            rig.shows(number, edit).await?;
            latencies.push(begun.elapsed());
        }
        latencies.sort_unstable();
        let longest = latencies.last().copied().unwrap_or_default();
        // Then without anybody who asks, so that CPU is that of the edits alone.
        let pause = (longest * 3).max(Duration::from_millis(100));
        let nothing = async |_: &mut _| {
            sleep(pause * self.edits as u32).await;
            Ok(())
        };
        let idle = rig.spent_while(nothing).await?;
        let edits = self.edits;
        let busy = rig
            .spent_while(async |rig| {
                for edit in edits + 1..=edits * 2 {
                    rig.edit(edit * 7919 % self.hosts, edit)?;
                    sleep(pause).await;
                }
                Ok(())
            })
            .await?;
        rig.shows(edits * 2 * 7919 % self.hosts, edits * 2).await?;
        let each = |busy: u64, idle: u64| (busy.saturating_sub(idle)) as f64 / edits as f64;
        Ok(EditCost {
            form: form.to_string(),
            latency_p50_ms: latencies[latencies.len() / 2].as_secs_f64() * 1e3,
            latency_max_ms: longest.as_secs_f64() * 1e3,
            bytes: each(busy.bytes, idle.bytes),
            server_cpu_ms: each(busy.server_ns, idle.server_ns) / 1e6,
            envoy_main_cpu_ms: each(busy.envoy_ns, idle.envoy_ns) / 1e6,
            envoy_rss_mib: resident_kib(rig.envoy.process_id())? / 1024.0,
            start_ms,
        })
    }
}

/// What was used up.
#[derive(Debug, Clone, Copy)]
struct Spent {
    bytes: u64,
    server_ns: u64,
    envoy_ns: u64,
}

impl Rig {
    async fn start(hosts: usize, version: EnvoyVersion, form: TableForm) -> Result<Rig, Failure> {
        let port = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let options = Options {
            bind: Bind { otherwise: IpAddr::V4(Ipv4Addr::LOCALHOST), ..Bind::default() },
            route_tables: RouteTables { otherwise: form, ..RouteTables::default() },
            envoy_floor: EnvoyFloor::V1_40,
            ..Options::default()
        };
        let mut translator = Translator::new(options);
        let world = hosts::world(hosts, port);
        let kinds = chancery_translator::api::Kind::ALL.into_iter();
        let objects = kinds.flat_map(|kind| world.ids(kind)).filter_map(|id| world.get(&id)).map(Change::Put);
        translator.update(objects.collect::<Vec<_>>());
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        let translation = translator.translation();
        let proxy = translation.proxies.into_values().next().ok_or("nothing is served")?;
        publisher.publish(&GroupKey::everyone(), ResourceSet::clone(&proxy.resources))?;
        let limits = Limits { subscribed_names: usize::MAX, ..Limits::default() };
        let server = Server::builder(cache, InsecureAllowEveryone).limits(limits).build()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let bootstrap = Bootstrap::new(listener.local_addr()?).node("edited", "lab");
        tokio::spawn(server.serve(listener, std::future::pending()));
        let envoy = Launch::new(version, &bootstrap).start().await?;
        Ok(Rig { translator, publisher, envoy, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    fn edit(&mut self, number: usize, edit: usize) -> Result<(), Failure> {
        let Update { proxies, .. } = self.translator.update([hosts::edited(number, edit)]);
        for update in proxies.into_values() {
            if let ProxyUpdate::Changed(patch) = update {
                self.publisher.apply(&GroupKey::everyone(), patch)?;
            }
        }
        Ok(())
    }

    /// Waits until an answer of a host shows an edit.
    async fn shows(&self, number: usize, edit: usize) -> Result<(), Failure> {
        let (host, wanted) = (hosts::host(number), hosts::location(edit));
        let begun = Instant::now();
        let mut connection = None;
        loop {
            if connection.is_none() {
                connection = Connection::open(self.address).await.ok();
            }
            let asked = match &mut connection {
                Some(open) => open.send(request(http::Method::GET, &host, "/")?).await.ok(),
                None => None,
            };
            match asked {
                Some(answer) if answer.header("location").is_some_and(|to| to.ends_with(&wanted)) => return Ok(()),
                Some(_) => {}
                None => connection = None,
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{host} does not show {wanted}\n{}", self.envoy.log()).into());
            }
            sleep(POLL).await;
        }
    }

    async fn spent_while(&mut self, work: impl AsyncFnOnce(&mut Rig) -> Result<(), Failure>) -> Result<Spent, Failure> {
        let before = self.spent().await?;
        work(self).await?;
        let after = self.spent().await?;
        Ok(Spent {
            bytes: after.bytes - before.bytes,
            server_ns: after.server_ns - before.server_ns,
            envoy_ns: after.envoy_ns - before.envoy_ns,
        })
    }

    async fn spent(&self) -> Result<Spent, Failure> {
        let stats = self.envoy.admin().stats("upstream_cx_rx_bytes_total").await?;
        let own = clock_gettime(ClockId::ProcessCPUTime);
        let id = self.envoy.process_id();
        let schedule = std::fs::read_to_string(format!("/proc/{id}/task/{id}/schedstat"))?;
        let envoy_ns = schedule.split_whitespace().next().ok_or("no schedstat")?.parse()?;
        // All it hears of clusters is the control plane: these routes redirect.
        let bytes = stats.values().sum();
        Ok(Spent { bytes, server_ns: own.tv_sec as u64 * 1_000_000_000 + own.tv_nsec as u64, envoy_ns })
    }
}

fn resident_kib(process: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}
