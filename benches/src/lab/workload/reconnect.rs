//! L4: everybody comes back with all it holds, and nothing has changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_protocol::TypeUrl;

use super::{Lab, Peer, Size};
use crate::lab::client::{Manners, Return, Script, Told, learn_held};
use crate::lab::herd::Herd;
use crate::lab::row::{About, Row};
use crate::lab::scripts;
use crate::lab::served::Served;
use crate::lab::server::nth;
use crate::lab::setting::{Content, Greeting, Kind, Setting};
use crate::lab::site::Site;
use crate::lab::wire::{Held, Variant};
use crate::made::Measured;
use crate::stand::Failure;

struct Case {
    resources: usize,
    streams: usize,
}

const FULL: &[Case] = &[Case { resources: 10_000, streams: 1_000 }, Case { resources: 100_000, streams: 1 }];
const SMALL: &[Case] = &[Case { resources: 2_000, streams: 200 }, Case { resources: 100_000, streams: 1 }];
const SMOKE: &[Case] = &[Case { resources: 200, streams: 20 }, Case { resources: 2_000, streams: 1 }];

/// Within which time everybody comes back.
const WITHIN: Duration = Duration::from_secs(1);

/// What rows call the figure that is to be 0.
const SENT: &str = "resources sent";

pub(super) async fn run(lab: &mut Lab) {
    let cases = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    for case in cases {
        for (server, kind) in lab.servers(&[Kind::Tonic, Kind::Socket], Peer::Takes) {
            let about = About {
                workload: "L4",
                case: format!("R={} P={}", case.resources, case.streams),
                resources: case.resources,
                streams: case.streams,
                server: if kind == Kind::Tonic { "decoding floor" } else { server },
            };
            let row = lab.measure(&about, async |site| Ok(vec![measure(case, kind, site, &about).await?])).await;
            let sent = row.and_then(|at| lab.rows.get(at)).and_then(|row| row.figure(SENT));
            if kind == Kind::Chancery && sent.is_some_and(|sent| sent > 0.0) {
                let sent = sent.unwrap_or_default();
                lab.fail(format!("L4 {}, {server}: {sent} resources were sent that were held", about.case));
            }
        }
    }
}

async fn measure(case: &Case, kind: Kind, site: &Site, about: &About<'_>) -> Result<Row, Failure> {
    let setting = Setting { greeting: Greeting::Nothing, ..site.setting(Content::Endpoints, case.resources) };
    let mut server = Served::start(kind, &setting, &site.cores).await?;
    let held = match kind.greets_with_one() {
        true => as_encoded_here(case.resources)?,
        false => learn(&server, site, case.resources).await?,
    };
    let asks = vec![scripts::ask_again(&held)];
    let request_bytes = asks.iter().map(|ask| ask.request.len()).sum::<usize>();
    let variant = Variant::Delta;
    let script = Script { variant, asks, manners: Manners::Accepts, returns: Return::Always };
    let mut herd = Herd::new(&server, site, case.streams)?;
    let (before, _) = server.at_rest().await?;
    let begun = Instant::now();
    herd.join(case.streams, &Arc::new(script), WITHIN);
    let mut ready = 0;
    let (after, rest) = loop {
        while ready < case.streams {
            ready = count(ready, &herd.hear().await?);
        }
        let at_rest = server.at_rest().await?;
        // A stream the server could not take at once is not done.
        while let Some(told) = herd.heard_already() {
            ready = count(ready, &told);
        }
        if ready == case.streams {
            break at_rest;
        }
    };
    let read = herd.reading();
    // A change that everybody gets shows that everybody was there, and that nothing else was on the way.
    server.change(1, nth(1, case.resources)).await?;
    let mut accepted = 0;
    while accepted < case.streams {
        if let Told::Accepted { members, .. } = herd.hear().await? {
            accepted += members;
        }
    }
    Ok(Row::new(about, [&before, &after], read.received)
        .with(SENT, read.members as f64)
        .with("responses", read.responses as f64)
        .with("response B", read.response_bytes as f64)
        .with("request B/stream", request_bytes as f64)
        .with("CPU ms/stream", (after.cpu_s() - before.cpu_s()) * 1e3 / case.streams as f64)
        .with("at rest after s", rest.saturating_duration_since(begun).as_secs_f64())
        .with("refused", read.refused as f64))
}

fn count(ready: usize, told: &Told) -> usize {
    match told {
        Told::Ready { .. } => ready + 1,
        Told::Left { .. } => ready - 1,
        _ => ready,
    }
}

/// What a stream holds that has asked for everything.
async fn learn(server: &Served, site: &Site, resources: usize) -> Result<Vec<Held>, Failure> {
    let names = Content::Endpoints.names(resources);
    let ask = scripts::ask(Variant::Delta, TypeUrl::ENDPOINTS, names, resources);
    let dialer = server.dialer(site)?;
    learn_held(&dialer, &ask).await
}

/// The same, for a server that sends nothing.
fn as_encoded_here(resources: usize) -> Result<Vec<Held>, Failure> {
    let held = |number| {
        let resource = Measured::Endpoints.resource(number, 0)?;
        Ok(Held { name: resource.name().as_str().to_owned(), version: resource.version().as_str().to_owned() })
    };
    (0..resources).map(held).collect()
}
