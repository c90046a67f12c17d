//! Measures endpoint events that come at a rate: from the moment an EndpointSlice is due to the moment what it means is in the
//! snapshot that streams are served from.
//!
//! Each event is read as an object, translated incrementally, and published. One that is due while another is at work waits, and
//! its time runs. What is not measured is the fan-out, which `lab` does.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use chancery_benches::malls::{self, Edit};
use chancery_benches::stand::Failure;
use chancery_cache::{EveryoneTogether, GroupKey, Publisher, ResourceSet, SnapshotCache};
use chancery_protocol::TypeUrl;
use chancery_translator::{Options, ProxyUpdate, Translator};
use clap::Parser;
use rustix::time::{ClockId, clock_gettime};

/// Endpoint events at a rate, among few routes and among many.
#[derive(Parser)]
struct Arguments {
    /// How many routes there are; several one after the other.
    #[arg(long, value_delimiter = ',', default_value = "500,5000,50000,100000")]
    routes: Vec<usize>,
    /// Events a second.
    #[arg(long, default_value_t = 1_000)]
    per_second: u32,
    /// For how many seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// What 99 of 100 events may take, in milliseconds.
    #[arg(long, default_value_t = 5.0)]
    limit_ms: f64,
    /// Few events among few routes, whose times do not count.
    #[arg(long)]
    smoke: bool,
}

/// What events took.
struct Taken {
    waits: Vec<Duration>,
    cpu: Duration,
}

struct Stand {
    translator: Translator,
    publisher: Publisher,
    /// Who reads snapshots would hold it.
    _cache: SnapshotCache,
    namespaces: usize,
}

impl Stand {
    fn new(routes: usize) -> Result<Stand, Failure> {
        let mut translator = Translator::new(Options::default());
        translator.update(malls::world(routes));
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        for (proxy, served) in translator.translation().proxies {
            publisher.publish(&GroupKey::new(&proxy.to_string()), ResourceSet::clone(&served.resources))?;
        }
        Ok(Stand { translator, publisher, _cache: cache, namespaces: malls::namespaces(routes) })
    }

    /// Takes in the event of this number, all over the world in turn.
    fn event(&mut self, number: usize) -> Result<(), Failure> {
        let (namespace, round) = (number % self.namespaces, number / self.namespaces);
        let update = self.translator.update([Edit::Endpoints.change(namespace, round + 1)]);
        let mut published = 0;
        for (proxy, update) in update.proxies {
            let ProxyUpdate::Changed(patch) = update else { return Err("a proxy came or went".into()) };
            if patch.iter().any(|(type_url, ..)| *type_url != TypeUrl::ENDPOINTS) {
                return Err("an address changed something else than endpoints".into());
            }
            published += patch.len();
            self.publisher.apply(&GroupKey::new(&proxy.to_string()), patch)?;
        }
        if published == 0 { Err("an address changed nothing".into()) } else { Ok(()) }
    }

    fn events(&mut self, per_second: u32, count: u32) -> Result<Taken, Failure> {
        let before = cpu();
        let begun = Instant::now();
        let mut waits = Vec::with_capacity(count as usize);
        for number in 0..count {
            let due = begun + Duration::from_secs(number.into()) / per_second;
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(early);
            }
            self.event(number as usize)?;
            waits.push(due.elapsed());
        }
        waits.sort_unstable();
        Ok(Taken { waits, cpu: cpu().saturating_sub(before) })
    }
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = Arguments::parse();
    if arguments.smoke {
        (arguments.routes, arguments.seconds) = (vec![100, 1_000], 1);
    }
    let Arguments { routes, per_second, seconds, limit_ms, smoke } = arguments;
    println!("{per_second} endpoint events a second for {seconds} s, Gateways of {} routes each:\n", malls::ROUTES);
    println!("| N | p50 | p99 | longest | CPU per event |\n|---|---|---|---|---|");
    let mut code = ExitCode::SUCCESS;
    for routes in routes {
        let Taken { waits, cpu } = Stand::new(routes)?.events(per_second, per_second * seconds)?;
        let at = |share: f64| waits.get((waits.len().saturating_sub(1) as f64 * share) as usize).copied();
        let millis = |wait: Option<Duration>| wait.unwrap_or_default().as_secs_f64() * 1e3;
        let (median, p99, longest) = (millis(at(0.5)), millis(at(0.99)), millis(at(1.0)));
        let each = cpu.as_secs_f64() * 1e6 / waits.len().max(1) as f64;
        println!("| {routes} | {median:.2} ms | {p99:.2} ms | {longest:.2} ms | {each:.0} µs |");
        if !smoke && p99 > limit_ms {
            eprintln!("N={routes}: {p99:.2} ms for 99 of 100 events, which may take {limit_ms} ms");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
