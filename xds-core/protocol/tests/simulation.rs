//! Millions of random steps: changes, delays, lost connections, refusals, slow readers, with an oracle watching.
//!
//! `CHANCERY_SIM_SEED` replays one seed; `CHANCERY_SIM_STEPS` sets how many steps are taken in all.

use chancery_protocol::sim::{Plan, Tally, run};

const STEPS: u64 = 10_500_000;

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        delta: seed.is_multiple_of(2),
        steps: 1_500,
        clients: 2,
        bad_once_in: [0, 40, 8][(seed / 2 % 3) as usize],
        loss_once_in: [0, 150, 600][(seed / 6 % 3) as usize],
        stalled: 0,
        trace: number("CHANCERY_SIM_SEED").is_some(),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn simulate(seed: u64) -> Tally {
    let plan = plan(seed);
    run(&plan).unwrap_or_else(|offence| {
        panic!(
            "{offence}\n{plan:?}\nreplay: CHANCERY_SIM_SEED={seed} cargo test -p chancery-protocol --test simulation random"
        )
    })
}

#[test]
fn random_histories_keep_every_promise() {
    if let Some(seed) = number("CHANCERY_SIM_SEED") {
        println!("{:?}", simulate(seed));
        return;
    }
    let goal = number("CHANCERY_SIM_STEPS").unwrap_or(STEPS);
    let first = number("CHANCERY_SIM_FIRST").unwrap_or(1);
    let workers = 2;
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut total = Tally::default();
                    let mut seed = first + worker;
                    while total.steps < goal / workers {
                        let tally = simulate(seed);
                        total.steps += tally.steps;
                        total.published += tally.published;
                        total.refused += tally.refused;
                        total.lost += tally.lost;
                        total.overdue += tally.overdue;
                        total.blind += tally.blind;
                        total.responses.push(tally.responses.iter().sum());
                        seed += workers;
                    }
                    total
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |count: fn(&Tally) -> u64| tallies.iter().map(count).sum::<u64>();
    let (steps, published, refused) = (sum(|t| t.steps), sum(|t| t.published), sum(|t| t.refused));
    let (lost, overdue, blind) = (sum(|t| t.lost), sum(|t| t.overdue), sum(|t| t.blind));
    let responses = sum(|t| t.responses.iter().sum());
    println!(
        "{steps} steps: {published} changes, {responses} responses, {refused} refused, {lost} connections lost, \
         {overdue} waits ended by deadline, {blind} blind reconnects"
    );
    assert!(steps >= goal, "{steps} steps are not enough");
    assert!(responses > steps / 100 && refused > 0 && lost > 0, "the simulation hardly did anything");
}

#[test]
fn a_stalled_client_changes_nothing_for_the_others() {
    let with = Plan { clients: 200, stalled: 1, steps: 300, ..plan(4) };
    let without = Plan { stalled: 0, ..with.clone() };
    let (with, without) = (run(&with).unwrap(), run(&without).unwrap());
    assert_eq!(with.polls[..199], without.polls[..199]);
    assert_eq!(with.responses[..199], without.responses[..199]);
}
