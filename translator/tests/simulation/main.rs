//! Everything that is fast, beside everything that is plain: edits of Gateway API objects, all the way to what clients hold.
//!
//! Each seed is a random world, and clients of two of its proxies on the virtual network of the engine's simulator: state of the
//! world and delta, with delays, lost connections, refusals and slow readers. An edit goes through the kept translation, as a
//! patch into a cache, and from the cache's views through sessions and the bodies that streams share to the bytes of the wire.
//! At every step
//!
//! - what is published is compared with a whole translation of the world, resource for resource, and the statuses with its
//!   statuses (`naive`);
//! - each response is compared with one that is encoded for its stream alone, and no body crosses grant classes (`wire`);
//! - the simulator's oracle watches make before break, and that nothing old or never published is sent. When everything has come to
//!   rest, each client holds what it should, and nothing else.
//!
//! A failure names its seed: `CHANCERY_SIM_SEED=N` runs that one alone and prints every message. `CHANCERY_SIM_WORLDS` says how many
//! worlds are run, `CHANCERY_SIM_FIRST` which is the first.

mod fixed;
mod naive;
mod plane;
mod scratch;
mod wire;
#[path = "../worlds/mod.rs"]
mod worlds;

use std::collections::BTreeMap;

use chancery_protocol::sim::{Offence, Plan, Tally, run_with};
use plane::{Plane, Reached};
use wire::{Carried, Wire};
use worlds::from_environment;
use worlds::objects::Objects;

const WORLDS: u64 = 200;
const CLIENTS: usize = 8;

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        delta: false,
        steps: 600,
        clients: CLIENTS,
        bad_once_in: 0,
        loss_once_in: [0, 60, 250][(seed % 3) as usize],
        stalled: usize::from(seed.is_multiple_of(4)),
        trace: from_environment("CHANCERY_SIM_SEED").is_some(),
    }
}

/// What one seed came to.
#[derive(Debug, Default)]
struct Outcome {
    tally: Tally,
    reached: Reached,
    carried: Carried,
}

fn simulate(seed: u64, objects: &Objects) -> Outcome {
    let plan = plan(seed);
    let run = || {
        let mut plane = Plane::new(seed, plan.clients, objects)?;
        let kept_bytes = [0, 1 << 16, 1 << 24][(seed / 3 % 3) as usize];
        let mut wire = Wire::new(plane.callers(), kept_bytes);
        let tally = run_with(&plan, &mut plane, &mut wire)?;
        Ok(Outcome { tally, reached: plane.reached, carried: wire.carried })
    };
    run().unwrap_or_else(|offence: Offence| {
        panic!(
            "seed {seed}: {offence}\n{plan:?}\nreplay: CHANCERY_SIM_SEED={seed} cargo test -p chancery-translator --test simulation -- \
             --nocapture"
        )
    })
}

#[test]
fn what_is_kept_and_shared_is_what_would_be_made_anew() {
    let objects = Objects::new();
    if let Some(seed) = from_environment("CHANCERY_SIM_SEED") {
        println!("{:?}", simulate(seed, &objects));
        return;
    }
    let first = from_environment("CHANCERY_SIM_FIRST").unwrap_or(0);
    let worlds = from_environment("CHANCERY_SIM_WORLDS").unwrap_or(WORLDS);
    let workers = 2;
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let work = |worker| {
            let seeds = (first..first + worlds).filter(move |seed| seed % workers == worker);
            seeds.map(|seed| simulate(seed, &objects)).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    report(&outcomes);
    if worlds >= WORLDS {
        check(&outcomes);
    }
}

fn report(outcomes: &[Outcome]) {
    let sum = |count: fn(&Outcome) -> u64| outcomes.iter().map(count).sum::<u64>();
    println!(
        "{} worlds: {} steps, {} changes, {} responses, {} refused, {} connections lost, {} waits ended by deadline, {} blind \
         reconnects",
        outcomes.len(),
        sum(|one| one.tally.steps),
        sum(|one| one.tally.published),
        sum(|one| one.tally.responses.iter().sum()),
        sum(|one| one.tally.refused),
        sum(|one| one.tally.lost),
        sum(|one| one.tally.overdue),
        sum(|one| one.tally.blind),
    );
    println!(
        "{} resources compared, {} patched, {} of them removed, {} proxies gone; {:?}",
        sum(|one| one.reached.compared as u64),
        sum(|one| one.reached.published as u64),
        sum(|one| one.reached.removed as u64),
        sum(|one| one.reached.parted as u64),
        by_type(outcomes),
    );
    println!(
        "{} bodies shared, {} equal and kept apart, {} resources with TTL, {} heartbeats, {} removals told, {} resumed",
        sum(|one| one.carried.shared as u64),
        sum(|one| one.carried.kept_apart as u64),
        sum(|one| one.carried.with_ttl as u64),
        sum(|one| one.carried.heartbeats as u64),
        sum(|one| one.carried.removed as u64),
        sum(|one| one.carried.resumed as u64),
    );
}

fn by_type(outcomes: &[Outcome]) -> BTreeMap<&str, usize> {
    let mut all = BTreeMap::new();
    for (type_url, count) in outcomes.iter().flat_map(|one| &one.carried.responses) {
        *all.entry(type_url.as_str()).or_default() += count;
    }
    all
}

/// A simulation in which hardly anything happens would find nothing.
fn check(outcomes: &[Outcome]) {
    let sum = |count: fn(&Outcome) -> u64| outcomes.iter().map(count).sum::<u64>();
    let responses = by_type(outcomes);
    for type_url in ["cds", "eds", "lds", "rds", "sds", "srds", "vhds"] {
        assert!(
            responses.get(type_url).is_some_and(|count| *count > 50),
            "too few {type_url} were sent: {responses:?}"
        );
    }
    assert!(sum(|one| one.reached.removed as u64) > 500, "patches took too little away");
    assert!(sum(|one| one.carried.shared as u64) > 1_000, "too few bodies were shared");
    assert!(sum(|one| one.carried.kept_apart as u64) > 1_000, "too few bodies could have crossed classes");
    assert!(sum(|one| one.carried.with_ttl as u64) > 1_000, "too few resources had a time to live");
    assert!(sum(|one| one.tally.refused) > 100 && sum(|one| one.tally.lost) > 100, "the network was too kind");
}

fn offence<T>(invariant: &'static str, what: String) -> Result<T, Offence> {
    Err(Offence { invariant, what })
}
