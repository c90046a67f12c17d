//! L2: many changes a second, more than anybody wants to be told one by one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::{Lab, Peer, Size};
use crate::lab::chance::mixed;
use crate::lab::client::{Manners, Return, Script, Told};
use crate::lab::freshness::Freshness;
use crate::lab::herd::Herd;
use crate::lab::row::{About, Row};
use crate::lab::scripts;
use crate::lab::served::Served;
use crate::lab::setting::{Content, Kind, Novelty, Setting};
use crate::lab::site::Site;
use crate::lab::usage::own_cpu_s;
use crate::lab::wire::Variant;
use crate::stand::Failure;

struct Case {
    resources: usize,
    streams: usize,
    per_second: usize,
    seconds: usize,
}

const FULL: Case = Case { resources: 1_000, streams: 1_000, per_second: 100, seconds: 60 };
const SMALL: Case = Case { resources: 1_000, streams: 100, per_second: 100, seconds: 10 };
const SMOKE: Case = Case { resources: 50, streams: 10, per_second: 50, seconds: 1 };

/// How many streams' staleness is noted.
const WITNESSES: usize = 8;

/// How long the last change may take to be everywhere.
const DRAIN: Duration = Duration::from_secs(180);

/// How many streams connect at once.
const AT_ONCE: usize = 16;

pub(super) async fn run(lab: &mut Lab) {
    let case = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    for (server, kind) in lab.servers(&[Kind::Tonic, Kind::Socket], Peer::Takes) {
        let about = About {
            workload: "L2",
            case: format!(
                "R={} P={}, {} changes/s for {} s",
                case.resources, case.streams, case.per_second, case.seconds
            ),
            resources: case.resources,
            streams: case.streams,
            server,
        };
        lab.measure(&about, async |site| Ok(vec![measure(&case, kind, site, &about).await?])).await;
    }
}

async fn measure(case: &Case, kind: Kind, site: &Site, about: &About<'_>) -> Result<Row, Failure> {
    let setting = Setting { novelty: Novelty::Made, ..site.setting(Content::Endpoints, case.resources) };
    let mut server = Served::start(kind, &setting, &site.cores).await?;
    let mut herd = Herd::new(&server, site, case.streams)?;
    let asks = scripts::asks_of(kind, Content::Endpoints, case.resources);
    let (variant, returns) = (Variant::Delta, Return::UntilReady);
    let script = Script { variant, asks, manners: Manners::Watches, returns };
    herd.admit(case.streams, &Arc::new(script), AT_ONCE).await?;
    let (before, _) = server.at_rest().await?;
    let (read_before, load_before) = (herd.reading(), own_cpu_s());
    let mut freshness = Freshness::new(case.resources, case.streams, WITNESSES);
    let changes = case.per_second * case.seconds;
    let begun = Instant::now();
    let due = |revision: usize| begun + Duration::from_secs(1).mul_f64(revision as f64 / case.per_second as f64);
    let (mut revision, mut last_change, mut last_told) = (0, begun, begun);
    let drained = loop {
        let is_over = revision == changes;
        if is_over && freshness.outstanding() == 0 {
            break true;
        }
        tokio::select! {
            told = herd.hear() => {
                if let Told::Accepted { stream, at, revised, .. } = told? {
                    freshness.accepted(stream, &revised, at);
                    last_told = at;
                }
            }
            () = sleep_until(due(revision + 1).into()), if !is_over => {
                revision += 1;
                let number = mixed(revision as u64) as usize % case.resources;
                last_change = Instant::now();
                freshness.changed(number, revision, last_change);
                server.change(revision, number).await?;
            }
            () = sleep_until((last_change + DRAIN).into()), if is_over => break false,
        }
    };
    let load = own_cpu_s() - load_before;
    let took = last_told.max(last_change) - begun;
    let (after, _) = server.at_rest().await?;
    let read = herd.reading().since(read_before);
    let row = Row::new(about, [&before, &after], read.received)
        .waits(&mut freshness.take_waits())
        .with("changes", changes as f64)
        .with("load cores", load / took.as_secs_f64())
        .with("cores", (after.cpu_s() - before.cpu_s()) / took.as_secs_f64())
        .with("responses/stream", read.responses as f64 / case.streams as f64)
        .with("changes/response", (changes * case.streams) as f64 / read.responses as f64);
    let row = match kind.greets_with_one() {
        true => row,
        false => row.with("publications", (after.publications - before.publications) as f64),
    };
    Ok(match drained {
        true => row.with("backlog s", last_told.saturating_duration_since(last_change).as_secs_f64()),
        false => row.with("not accepted in time", freshness.outstanding() as f64),
    })
}
