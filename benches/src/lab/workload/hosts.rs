//! L5: one host of many changes, in one route table, in a table of its own, or as a resource of its own.

use std::sync::Arc;

use super::{Lab, Peer, Size};
use crate::lab::Experiment;
use crate::lab::client::{Manners, Return, Script};
use crate::lab::row::About;
use crate::lab::scripts;
use crate::lab::setting::{Content, Kind};
use crate::lab::wire::Variant;

struct Case {
    hosts: usize,
    streams: usize,
    changes: usize,
    peer_changes: usize,
    interval_ms: u64,
}

const FULL: &[Case] = &[
    Case { hosts: 100, streams: 100, changes: 30, peer_changes: 30, interval_ms: 200 },
    Case { hosts: 1_000, streams: 100, changes: 30, peer_changes: 20, interval_ms: 500 },
    Case { hosts: 5_000, streams: 100, changes: 20, peer_changes: 10, interval_ms: 1_000 },
    Case { hosts: 20_000, streams: 100, changes: 10, peer_changes: 3, interval_ms: 2_000 },
];

const SMALL: &[Case] = &[
    Case { hosts: 100, streams: 20, changes: 10, peer_changes: 10, interval_ms: 50 },
    Case { hosts: 2_000, streams: 20, changes: 10, peer_changes: 5, interval_ms: 200 },
];

const SMOKE: &[Case] = &[Case { hosts: 50, streams: 5, changes: 5, peer_changes: 3, interval_ms: 20 }];

/// The forms of route tables, and what they are called.
const FORMS: [(Content, &str); 3] =
    [(Content::Table, "monolith"), (Content::Tables, "sharded"), (Content::Hosts, "VHDS")];

pub(super) async fn run(lab: &mut Lab) {
    let cases = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    for case in cases {
        for (content, form) in FORMS {
            let peer = match content {
                Content::Hosts => Peer::Cannot { case: "L5 VHDS", why: "its snapshots hold no virtual hosts" },
                _ => Peer::Takes,
            };
            for (server, kind) in lab.servers(&[Kind::Tonic, Kind::Socket], peer) {
                let about = About {
                    workload: "L5",
                    case: format!("V={} P={} {form}", case.hosts, case.streams),
                    resources: case.hosts,
                    streams: case.streams,
                    server,
                };
                let changes = lab.pace.changes(kind, case.changes, case.peer_changes);
                let experiment = Experiment {
                    resources: case.hosts,
                    streams: case.streams,
                    stalled: 0,
                    changes,
                    interval_ms: lab.pace.interval_ms(case.interval_ms),
                    server_threads: 1,
                    sotw: false,
                };
                let script = script(content, kind, case.hosts);
                lab.measure(&about, async |site| {
                    let setting = site.setting(content, case.hosts);
                    let scripts = [Arc::clone(&script), script];
                    let fanned = experiment.run_with(server, kind, site, &setting, scripts).await?;
                    Ok(vec![fanned.row(&about, changes)])
                })
                .await;
            }
        }
    }
}

fn script(content: Content, kind: Kind, hosts: usize) -> Arc<Script> {
    let asks = match kind.greets_with_one() {
        // It has no clusters, and begins with one table or host.
        true => vec![scripts::ask(Variant::Delta, content.changing(), Vec::new(), 1)],
        false => scripts::asks(content, hosts),
    };
    let (variant, manners) = (Variant::Delta, Manners::Accepts);
    Arc::new(Script { variant, asks, manners, returns: Return::UntilReady })
}
