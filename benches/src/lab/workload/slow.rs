//! L7: one stream stops reading; what the others notice, what it costs, and when it is cut off.

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
use crate::lab::wire::Variant;
use crate::stand::Failure;

struct Case {
    resources: usize,
    streams: usize,
    per_second: usize,
    seconds: usize,
}

const FULL: Case = Case { resources: 100, streams: 1_000, per_second: 10, seconds: 120 };
const SMALL: Case = Case { resources: 100, streams: 100, per_second: 10, seconds: 50 };
const SMOKE: Case = Case { resources: 20, streams: 10, per_second: 10, seconds: 1 };

/// How long the last change may take to be everywhere.
const DRAIN: Duration = Duration::from_secs(60);

/// How many streams connect at once.
const AT_ONCE: usize = 16;

pub(super) async fn run(lab: &mut Lab) {
    let case = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    for (server, kind) in lab.servers(&[Kind::Tonic, Kind::Socket], Peer::Takes) {
        for stalled in [0, 1] {
            let about = About {
                workload: "L7",
                case: format!("R={} P={}, {stalled} stalled", case.resources, case.streams),
                resources: case.resources,
                streams: case.streams,
                server,
            };
            lab.measure(&about, async |site| Ok(vec![measure(&case, stalled, kind, site, &about).await?])).await;
        }
    }
}

async fn measure(case: &Case, stalled: usize, kind: Kind, site: &Site, about: &About<'_>) -> Result<Row, Failure> {
    let setting = Setting { novelty: Novelty::Made, ..site.setting(Content::Endpoints, case.resources) };
    let mut server = Served::start(kind, &setting, &site.cores).await?;
    let mut herd = Herd::new(&server, site, case.streams)?;
    let script = |manners| {
        let asks = scripts::asks_of(kind, Content::Endpoints, case.resources);
        let (variant, returns) = (Variant::Delta, Return::UntilReady);
        Arc::new(Script { variant, asks, manners, returns })
    };
    let others = case.streams - stalled;
    herd.admit(others, &script(Manners::Watches), AT_ONCE).await?;
    herd.admit(stalled, &script(Manners::Stalls), 1).await?;
    let stalled_at = Instant::now();
    let (before, _) = server.at_rest().await?;
    let read_before = herd.reading();
    let mut freshness = Freshness::new(case.resources, others, others);
    let changes = case.per_second * case.seconds;
    let begun = Instant::now();
    let due = |revision: usize| begun + Duration::from_secs(1).mul_f64(revision as f64 / case.per_second as f64);
    let (mut revision, mut cut_off, mut last_change) = (0, None, begun);
    while revision < changes || freshness.outstanding() > 0 {
        tokio::select! {
            told = herd.hear() => match told? {
                Told::Accepted { stream, at, revised, .. } => freshness.accepted(stream, &revised, at),
                Told::CutOff { at } => cut_off = Some(at - stalled_at),
                _ => {}
            },
            () = sleep_until(due(revision + 1).into()), if revision < changes => {
                revision += 1;
                let number = mixed(revision as u64) as usize % case.resources;
                last_change = Instant::now();
                freshness.changed(number, revision, last_change);
                server.change(revision, number).await?;
            }
            () = sleep_until((last_change + DRAIN).into()), if revision == changes => {
                return Err(format!("{} changes are not accepted", freshness.outstanding()).into());
            }
        }
    }
    let (after, _) = server.at_rest().await?;
    let row = Row::new(about, [&before, &after], herd.reading().since(read_before).received)
        .waits(&mut freshness.take_waits())
        .with("changes", changes as f64)
        .with("stalled", stalled as f64)
        .with("RSS growth MiB", after.rss_mib() - before.rss_mib());
    Ok(match cut_off {
        Some(after) => row.with("cut off after s", after.as_secs_f64()),
        None => row,
    })
}
