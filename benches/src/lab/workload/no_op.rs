//! L8: objects are edited, and nothing of what they say changes: nobody may hear of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_protocol::TypeUrl;
use tokio::time::sleep_until;

use super::{Lab, Size};
use crate::lab::client::{Manners, Return, Script, Told};
use crate::lab::herd::Herd;
use crate::lab::row::{About, Row};
use crate::lab::scripts;
use crate::lab::served::Served;
use crate::lab::setting::{Content, Kind};
use crate::lab::site::Site;
use crate::lab::wire::{Ask, Variant};
use crate::stand::Failure;

struct Case {
    routes: usize,
    streams: usize,
    edits: usize,
    within: Duration,
}

const FULL: Case = Case { routes: 1_000, streams: 100, edits: 5_000, within: Duration::from_secs(60) };
const SMALL: Case = Case { routes: 500, streams: 50, edits: 1_000, within: Duration::from_secs(5) };
const SMOKE: Case = Case { routes: 50, streams: 5, edits: 50, within: Duration::from_millis(500) };

/// How many streams connect at once.
const AT_ONCE: usize = 16;

/// What rows call the figures that are to be 0.
const TO_BE_NOTHING: [&str; 3] = ["response B", "updates not empty", "publications"];

pub(super) async fn run(lab: &mut Lab) {
    let case = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    let servers =
        lab.servers(&[Kind::Tonic, Kind::Socket], super::Peer::Cannot { case: "L8", why: "it translates nothing" });
    for (server, kind) in servers {
        let about = About {
            workload: "L8",
            case: format!("{} routes P={}, {} edits", case.routes, case.streams, case.edits),
            resources: case.routes,
            streams: case.streams,
            server,
        };
        let row = lab.measure(&about, async |site| Ok(vec![measure(&case, kind, site, &about).await?])).await;
        let Some(row) = row.and_then(|at| lab.rows.get(at)) else { continue };
        let heard: Vec<String> = TO_BE_NOTHING
            .iter()
            .filter_map(|name| Some((name, row.figure(name)?)))
            .filter(|(_, value)| *value != 0.0)
            .map(|(name, value)| format!("L8, {server}: {name} {value}, which should be 0"))
            .collect();
        heard.into_iter().for_each(|what| lab.fail(what));
    }
}

async fn measure(case: &Case, kind: Kind, site: &Site, about: &About<'_>) -> Result<Row, Failure> {
    let mut server = Served::start(kind, &site.setting(Content::Shops, case.routes), &site.cores).await?;
    let asks = match kind.greets_with_one() {
        true => scripts::asks_of(kind, Content::Endpoints, case.routes),
        false => asks(&mut server).await?,
    };
    let (variant, returns) = (Variant::Delta, Return::UntilReady);
    let script = Script { variant, asks, manners: Manners::Accepts, returns };
    let mut herd = Herd::new(&server, site, case.streams)?;
    herd.admit(case.streams, &Arc::new(script), AT_ONCE).await?;
    let (before, _) = server.at_rest().await?;
    let read_before = herd.reading();
    let begun = Instant::now();
    for edit in 1..=case.edits {
        sleep_until((begun + case.within.mul_f64(edit as f64 / case.edits as f64)).into()).await;
        server.edit(edit).await?;
    }
    let (after, _) = server.at_rest().await?;
    let read = herd.reading().since(read_before);
    // A change that does say something shows that everybody was listening.
    let changed_at = Instant::now();
    server.change(1, 0).await?;
    let (mut left, mut waits) = (case.streams, Vec::new());
    while left > 0 {
        if let Told::Accepted { at, .. } = herd.hear().await? {
            waits.push(at - changed_at);
            left -= 1;
        }
    }
    if after.updates - before.updates != case.edits as u64 {
        return Err(format!("{} edits were made, not {}", after.updates - before.updates, case.edits).into());
    }
    let row = Row::new(about, [&before, &after], read.received)
        .with("CPU µs/edit", (after.cpu_s() - before.cpu_s()) * 1e6 / case.edits as f64)
        .with("allocated B/edit", (after.allocated_bytes - before.allocated_bytes) as f64 / case.edits as f64)
        .with("response B", read.response_bytes as f64)
        .with("a real change then ms", waits.iter().max().map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3));
    Ok(match kind {
        Kind::Chancery => row
            .with("updates not empty", (after.updates_not_empty - before.updates_not_empty) as f64)
            .with("publications", (after.publications - before.publications) as f64),
        // A floor translates nothing, and publishes nothing.
        _ => row,
    })
}

/// All there is of a translation.
async fn asks(server: &mut Served) -> Result<Vec<Ask>, Failure> {
    let mut asks = Vec::new();
    for type_url in [TypeUrl::CLUSTER, TypeUrl::ENDPOINTS, TypeUrl::LISTENER, TypeUrl::ROUTE] {
        let names = server.names(&type_url).await?;
        if names.is_empty() {
            return Err(format!("the translation has nothing of type {type_url}").into());
        }
        let is_wildcard = type_url == TypeUrl::CLUSTER || type_url == TypeUrl::LISTENER;
        let (expected, names) = (names.len(), if is_wildcard { Vec::new() } else { names });
        asks.push(scripts::ask(Variant::Delta, type_url, names, expected));
    }
    Ok(asks)
}
