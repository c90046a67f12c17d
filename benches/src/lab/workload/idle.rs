//! L6: what idle streams keep in memory, and what each name costs each stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Lab, Peer, Size};
use crate::lab::client::{Manners, Return, Script};
use crate::lab::herd::Herd;
use crate::lab::row::{About, Row};
use crate::lab::scripts;
use crate::lab::served::Served;
use crate::lab::setting::{Content, Kind};
use crate::lab::site::Site;
use crate::lab::wire::Variant;
use crate::stand::Failure;

struct Case {
    streams: usize,
    /// Few names and many: what is between them is the slope.
    resources: [usize; 2],
    idle: Duration,
}

const FULL: Case = Case { streams: 10_000, resources: [10, 1_000], idle: Duration::from_secs(60) };
const SMALL: Case = Case { streams: 1_000, resources: [10, 500], idle: Duration::from_secs(5) };
const SMOKE: Case = Case { streams: 30, resources: [10, 200], idle: Duration::from_millis(300) };

/// How many streams connect at once.
const AT_ONCE: usize = 50;

/// What rows call the figure the slope is made of.
const PER_STREAM: &str = "RSS B/stream";

/// What rows call what a stream keeps allocated: unlike resident memory, the same on every machine, of one build profile.
const KEPT: &str = "kept B/stream";

/// How many times what it keeps on the bare tonic server a stream may keep, its session and what is known of its
/// deliveries included.
const MOST_KEPT: f64 = 1.0;

pub(super) async fn run(lab: &mut Lab) {
    let case = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    let begun = lab.rows.len();
    for (server, kind) in lab.servers(&[Kind::Tonic, Kind::Socket], Peer::Takes) {
        let mut few: Option<(usize, f64)> = None;
        for resources in case.resources {
            let about = About {
                workload: "L6",
                case: format!("R={resources} P={}", case.streams),
                resources,
                streams: case.streams,
                server,
            };
            let row = lab.measure(&about, async |site| Ok(vec![measure(&case, kind, site, &about).await?])).await;
            let Some(row) = row.and_then(|at| lab.rows.get_mut(at)) else { continue };
            let Some(per_stream) = row.figure(PER_STREAM) else { continue };
            if let Some((fewer, before)) = few {
                row.figures.push(("RSS B/(stream, name)", (per_stream - before) / (resources - fewer) as f64));
            }
            few = Some((resources, per_stream));
        }
    }
    keeps_little(lab, begun);
}

/// A stream keeps no more than on a server that knows nothing of its streams, with few names and with many.
fn keeps_little(lab: &mut Lab, begun: usize) {
    let rows = || lab.rows.iter().skip(begun);
    let mut failures = Vec::new();
    for own in rows().filter(|row| row.server.starts_with("chancery")) {
        let same = |row: &&Row| row.server == Kind::Tonic.label() && row.resources == own.resources;
        let Some(floor) = rows().find(same) else { continue };
        match (own.figure(KEPT), floor.figure(KEPT)) {
            (Some(kept), Some(floor)) if kept <= MOST_KEPT * floor => {
                eprintln!(
                    "{}: an idle stream keeps {:.3} times what the floor's does (at most {MOST_KEPT})",
                    own.case,
                    kept / floor
                );
            }
            (kept, floor) => {
                failures.push(format!("L6 {}: an idle stream keeps {kept:?} bytes, on the floor {floor:?}", own.case))
            }
        }
    }
    failures.into_iter().for_each(|failure| lab.fail(failure));
}

async fn measure(case: &Case, kind: Kind, site: &Site, about: &About<'_>) -> Result<Row, Failure> {
    let content = Content::Endpoints;
    let mut server = Served::start(kind, &site.setting(content, about.resources), &site.cores).await?;
    let mut herd = Herd::new(&server, site, case.streams)?;
    let asks = scripts::asks_of(kind, content, about.resources);
    let (empty, _) = server.at_rest().await?;
    let variant = Variant::Delta;
    let script = Script { variant, asks, manners: Manners::Accepts, returns: Return::UntilReady };
    let begun = Instant::now();
    herd.admit(case.streams, &Arc::new(script), AT_ONCE).await?;
    let took = begun.elapsed();
    let (before, _) = server.at_rest().await?;
    let read_before = herd.reading();
    sleep(case.idle).await;
    let after = server.usage().await?;
    let per_stream = (after.rss_mib() - empty.rss_mib()) * 1024.0 * 1024.0 / case.streams as f64;
    let mut row = Row::new(about, [&before, &after], herd.reading().since(read_before).received)
        .with("idle s", case.idle.as_secs_f64())
        .with("connected within s", took.as_secs_f64())
        .with("CPU s to connect", before.cpu_s() - empty.cpu_s())
        .with("RSS MiB without streams", empty.rss_mib())
        .with("peak B/stream", (after.peak_rss_mib() - empty.rss_mib()) * 1024.0 * 1024.0 / case.streams as f64)
        .with(PER_STREAM, per_stream);
    if after.kept_bytes > 0 {
        let kept = after.kept_bytes.saturating_sub(empty.kept_bytes);
        row = row.with(KEPT, kept as f64 / case.streams as f64);
    }
    Ok(row)
}
