//! L1: what one change of one resource costs, with many resources and many streams.

use super::{Lab, Peer, Size};
use crate::lab::Experiment;
use crate::lab::fan_out::ALLOCATED_PER_CHANGE;
use crate::lab::row::About;
use crate::lab::setting::Kind;

/// How much more a change may allocate among ten times the resources; names get longer.
const SHAPE: f64 = 1.1;

struct Case {
    resources: usize,
    streams: usize,
    sotw: bool,
    changes: usize,
    /// How many changes a peer makes, which may take seconds for one.
    peer_changes: usize,
    interval_ms: u64,
}

const fn delta(resources: usize, streams: usize, changes: usize, peer_changes: usize, interval_ms: u64) -> Case {
    Case { resources, streams, sotw: false, changes, peer_changes, interval_ms }
}

const fn sotw(resources: usize, streams: usize, changes: usize, interval_ms: u64) -> Case {
    Case { resources, streams, sotw: true, changes, peer_changes: changes / 3, interval_ms }
}

const FULL: &[Case] = &[
    delta(10, 100, 60, 60, 100),
    delta(100, 100, 60, 60, 100),
    delta(1_000, 100, 60, 30, 100),
    delta(10_000, 100, 60, 8, 100),
    delta(100_000, 100, 60, 2, 100),
    delta(1_000, 10, 60, 60, 100),
    delta(10, 1_000, 60, 30, 200),
    delta(1_000, 1_000, 60, 8, 200),
    delta(10_000, 1_000, 60, 3, 200),
    sotw(1_000, 100, 60, 100),
];

const SMALL: &[Case] = &[
    delta(10, 50, 20, 20, 50),
    delta(1_000, 50, 20, 10, 50),
    delta(10_000, 50, 20, 3, 50),
    delta(1_000, 10, 20, 10, 50),
    delta(1_000, 200, 20, 5, 50),
    sotw(200, 20, 20, 50),
];

const SMOKE: &[Case] = &[delta(100, 10, 15, 5, 10), delta(1_000, 10, 15, 5, 10), sotw(100, 5, 6, 10)];

pub(super) async fn run(lab: &mut Lab) {
    let cases = match lab.size {
        Size::Smoke => SMOKE,
        Size::Small => SMALL,
        Size::Full => FULL,
    };
    let begun = lab.rows.len();
    for case in cases {
        for (server, kind) in lab.servers(&[Kind::Tonic, Kind::Socket], Peer::Takes) {
            let variant = if case.sotw { " SotW" } else { "" };
            let about = About {
                workload: "L1",
                case: format!("R={} P={}{variant}", case.resources, case.streams),
                resources: case.resources,
                streams: case.streams,
                server,
            };
            let changes = lab.pace.changes(kind, case.changes, case.peer_changes);
            let experiment = Experiment {
                resources: case.resources,
                streams: case.streams,
                stalled: 0,
                changes,
                interval_ms: lab.pace.interval_ms(case.interval_ms),
                server_threads: 1,
                sotw: case.sotw,
            };
            lab.measure(&about, async |site| Ok(vec![experiment.run(server, kind, site).await?.row(&about, changes)]))
                .await;
        }
    }
    if lab.size == Size::Smoke {
        keeps_shape(lab, begun);
    }
}

/// A change allocates as much among ten times the resources: unlike times, that is the same on every machine.
fn keeps_shape(lab: &mut Lab, begun: usize) {
    let own = lab.rows.iter().skip(begun).filter(|row| row.server == "chancery");
    let mut allocated = own.filter_map(|row| row.figure(ALLOCATED_PER_CHANGE));
    let (Some(few), Some(many)) = (allocated.next(), allocated.next()) else { return };
    let ratio = many / few;
    drop(allocated);
    eprintln!("allocated per change: {ratio:.3} times as much among ten times the resources (at most {SHAPE})");
    if ratio > SHAPE {
        lab.fail(format!("L1: a change allocates {ratio:.3} times as much among ten times the resources"));
    }
}
