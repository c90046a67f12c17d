//! L3: everybody connects within a second, for everything; and again after the server was killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Lab, Peer, Size};
use crate::lab::client::{Manners, Return, Script, Told};
use crate::lab::freshness::Freshness;
use crate::lab::herd::Herd;
use crate::lab::row::{About, Row, quantile_ms};
use crate::lab::scripts;
use crate::lab::served::Served;
use crate::lab::setting::{Content, Greeting, Kind, Setting};
use crate::lab::site::Site;
use crate::lab::usage::own_cpu_s;
use crate::lab::wire::Variant;
use crate::stand::Failure;

/// What the herd asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Clusters, endpoints, listeners and routes.
    Everything,
    /// Endpoints only, for comparison with published figures.
    Endpoints,
}

struct Case {
    asks: Asks,
    resources: usize,
    streams: usize,
    /// How many changes the served streams see before the herd comes.
    idle_changes: usize,
    /// Why the peer is not asked to, if it is not.
    beyond_peer: Option<&'static str>,
}

/// How many streams are served before the herd comes.
const SERVED: usize = 10;

/// Within which time the herd connects.
const WITHIN: Duration = Duration::from_secs(1);

/// The time between changes for the served streams.
const TICK: Duration = Duration::from_millis(100);

const fn case(asks: Asks, resources: usize, streams: usize, idle_changes: usize) -> Case {
    Case { asks, resources, streams, idle_changes, beyond_peer: None }
}

const FULL: &[Case] = &[
    case(Asks::Everything, 1_000, 100, 100),
    case(Asks::Everything, 1_000, 1_000, 100),
    Case {
        beyond_peer: Some("4,000 names on each of 10,000 streams need more memory than most machines have"),
        ..case(Asks::Everything, 1_000, 10_000, 100)
    },
    case(Asks::Endpoints, 1_000, 1_000, 100),
    case(Asks::Endpoints, 10_000, 1_000, 100),
];

const SMALL: &[Case] = &[
    case(Asks::Everything, 200, 100, 30),
    case(Asks::Everything, 200, 500, 30),
    case(Asks::Endpoints, 1_000, 100, 30),
];

const SMOKE: &[Case] = &[case(Asks::Everything, 20, 20, 5), case(Asks::Endpoints, 50, 20, 5)];

pub(super) async fn run(lab: &mut Lab, asks: Asks) {
    let cases = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    let settle = match lab.size {
        Size::Smoke => Duration::ZERO,
        Size::Small => Duration::from_secs(1),
        Size::Full => Duration::from_secs(10),
    };
    for case in cases.iter().filter(|case| case.asks == asks) {
        let text = format!("R={} P={}", case.resources, case.streams);
        let peer = case.beyond_peer.map_or(Peer::Takes, |why| Peer::Cannot { case: &text, why });
        for (server, kind) in lab.servers(&[Kind::Ready, Kind::Socket], peer) {
            let about = About {
                workload: match asks {
                    Asks::Everything => "L3",
                    Asks::Endpoints => "L3-eds",
                },
                case: text.clone(),
                resources: case.resources,
                streams: case.streams,
                server,
            };
            lab.measure(&about, async |site| measure(case, kind, site, &about, settle).await).await;
        }
    }
}

/// Two rows: the herd, and its return after the server was killed.
async fn measure(
    case: &Case,
    kind: Kind,
    site: &Site,
    about: &About<'_>,
    settle: Duration,
) -> Result<Vec<Row>, Failure> {
    let content = match case.asks {
        Asks::Everything => Content::Everything,
        Asks::Endpoints => Content::Endpoints,
    };
    let script = |manners, beside| {
        let (variant, asks) = (Variant::Delta, scripts::asks_and_more(content, case.resources, beside));
        Arc::new(Script { variant, asks, manners, returns: Return::Always })
    };
    // What changes is something only the served streams name: the herd is to be told everything once.
    let greeting = if kind == Kind::Socket { Greeting::All } else { Greeting::One };
    let setting = Setting { beside: 1, greeting, ..site.setting(content, case.resources) };
    let server = Served::start(kind, &setting, &site.cores).await?;
    let herd = Herd::new(&server, site, SERVED + case.streams)?;
    let mut meadow = Meadow {
        server: Some(server),
        herd,
        freshness: Freshness::new(case.resources + 1, SERVED, SERVED),
        changing: case.resources,
        revision: 0,
        is_ready: vec![false; SERVED + case.streams],
        ready: 0,
    };
    meadow.herd.join(SERVED, &script(Manners::Watches, 1), Duration::ZERO);
    meadow.until(Changes::None, |meadow| meadow.ready == SERVED).await?;
    let cold = meadow.arrival(case, &script(Manners::Accepts, 0), about, settle).await?;
    let again = meadow.kill_and_return(kind, &setting, site, about, settle).await?;
    Ok(vec![cold, again])
}

/// Whether resources change meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    None,
    Going,
}

/// A server and all its streams. The served ones come first.
struct Meadow {
    server: Option<Served>,
    herd: Herd,
    freshness: Freshness,
    /// The number of what changes.
    changing: usize,
    revision: usize,
    is_ready: Vec<bool>,
    /// How many of them are.
    ready: usize,
}

impl Meadow {
    fn server(&mut self) -> Result<&mut Served, Failure> {
        self.server.as_mut().ok_or_else(|| "the server was killed".into())
    }

    /// A while with the served streams alone; then the herd comes.
    async fn arrival(
        &mut self,
        case: &Case,
        script: &Arc<Script>,
        about: &About<'_>,
        settle: Duration,
    ) -> Result<Row, Failure> {
        let goal = case.idle_changes;
        self.until(Changes::Going, |meadow| meadow.revision >= goal).await?;
        self.until(Changes::None, |meadow| meadow.freshness.outstanding() == 0).await?;
        let mut idle = self.freshness.take_waits();
        idle.sort_unstable();

        let (before, _) = self.server()?.at_rest().await?;
        let (read_before, load_before) = (self.herd.reading(), own_cpu_s());
        let begun = Instant::now();
        self.herd.join(case.streams, script, WITHIN);
        let everybody = self.is_ready.len();
        let complete = self.until(Changes::Going, |meadow| meadow.ready == everybody).await?;
        let load = own_cpu_s() - load_before;
        self.until(Changes::None, |meadow| meadow.freshness.outstanding() == 0).await?;
        let mut busy = self.freshness.take_waits();
        sleep(settle).await;
        let (after, _) = self.server()?.at_rest().await?;
        let read = self.herd.reading().since(read_before);
        Ok(Row::new(about, [&before, &after], read.received)
            .waits(&mut busy)
            .with("complete s", (complete - begun).as_secs_f64())
            .with("CPU ms/stream", (after.cpu_s() - before.cpu_s()) * 1e3 / case.streams as f64)
            .with("load CPU s", load)
            .with("peak/settled RSS", after.peak_rss_mib() / after.rss_mib())
            .with("idle ACK p50 ms", quantile_ms(&idle, 0.5).unwrap_or(f64::NAN))
            .with("idle ACK p99 ms", quantile_ms(&idle, 0.99).unwrap_or(f64::NAN))
            .with("refused", read.refused as f64)
            .with("lost", read.lost as f64))
    }

    /// The server is killed, a new one takes its port, and everybody comes back.
    async fn kill_and_return(
        &mut self,
        kind: Kind,
        setting: &Setting,
        site: &Site,
        about: &About<'_>,
        settle: Duration,
    ) -> Result<Row, Failure> {
        // What was told before the kill says nothing of what comes after it.
        while let Some(told) = self.herd.heard_already() {
            self.note(told);
        }
        let (read_before, load_before) = (self.herd.reading(), own_cpu_s());
        let everybody = self.is_ready.len();
        (0..everybody).for_each(|stream| self.mark(stream, false));
        let server = self.server.take().ok_or("the server was killed before")?;
        let setting = Setting { port: server.address.port(), ..setting.clone() };
        let killed = Instant::now();
        server.kill().await?;
        let mut server = Served::start(kind, &setting, &site.cores).await?;
        let listening = killed.elapsed();
        let complete = self.until(Changes::None, |meadow| meadow.ready == everybody).await?;
        let load = own_cpu_s() - load_before;
        sleep(settle).await;
        let (after, _) = server.at_rest().await?;
        let read = self.herd.reading().since(read_before);
        let about = About { case: format!("{} after kill -9", about.case), ..about.clone() };
        Ok(Row::new(&about, [&Default::default(), &after], read.received)
            .with("complete s", (complete - killed).as_secs_f64())
            .with("CPU ms/stream", after.cpu_s() * 1e3 / everybody as f64)
            .with("load CPU s", load)
            .with("peak/settled RSS", after.peak_rss_mib() / after.rss_mib())
            .with("listening again s", listening.as_secs_f64())
            .with("refused", read.refused as f64)
            .with("lost", read.lost as f64))
    }

    /// Notes whether a stream has everything.
    fn mark(&mut self, stream: usize, has_everything: bool) {
        if let Some(is_ready) = self.is_ready.get_mut(stream)
            && *is_ready != has_everything
        {
            *is_ready = has_everything;
            self.ready = if has_everything { self.ready + 1 } else { self.ready - 1 };
        }
    }

    /// Listens, and makes changes if there are to be, until something is so; gives the time of what made it so.
    async fn until(&mut self, changes: Changes, is_done: impl Fn(&Meadow) -> bool) -> Result<Instant, Failure> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        while !is_done(self) {
            tokio::select! {
                told = self.herd.hear() => last = self.note(told?).unwrap_or(last),
                _ = ticks.tick(), if changes == Changes::Going => {
                    self.revision += 1;
                    let (revision, changing) = (self.revision, self.changing);
                    self.freshness.changed(changing, revision, Instant::now());
                    self.server()?.change(revision, changing).await?;
                }
            }
        }
        Ok(last)
    }

    fn note(&mut self, told: Told) -> Option<Instant> {
        match told {
            Told::Ready { stream, at } => {
                self.mark(stream, true);
                Some(at)
            }
            Told::Left { stream, .. } => {
                self.mark(stream, false);
                None
            }
            Told::Accepted { stream, at, revised, .. } => {
                self.freshness.accepted(stream, &revised, at);
                None
            }
            Told::CutOff { .. } => None,
        }
    }
}
