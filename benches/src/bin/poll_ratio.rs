//! Measures one poll with one change at R = 100 and R = 100,000, and fails when the larger costs more than 1.5 times.
//!
//! The sizes take turns, and medians are compared, so that a busy machine does not decide.

use std::process::ExitCode;

use chancery_benches::stand::{Case, Failure, Stand};
use clap::Parser;

/// Compares the cost of one poll at two sizes.
#[derive(Parser)]
struct Arguments {
    /// The larger number of resources.
    #[arg(long, default_value_t = 100_000)]
    resources: usize,
    /// Polls at each size.
    #[arg(long, default_value_t = 300)]
    polls: usize,
    /// What the ratio may be.
    #[arg(long, default_value_t = 1.5)]
    limit: f64,
}

const SMALL: usize = 100;

fn main() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse();
    let mut code = ExitCode::SUCCESS;
    println!("| poll, 1 change | R={SMALL} | R={} | ratio |\n|---|---|---|---|", arguments.resources);
    for case in Case::ALL {
        let (mut small, mut large) = (Stand::new(case, SMALL)?, Stand::new(case, arguments.resources)?);
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        for _ in 0..arguments.polls {
            of_small.push(small.change_and_poll()?);
            of_large.push(large.change_and_poll()?);
        }
        let median = |times: &mut Vec<std::time::Duration>| {
            times.sort_unstable();
            times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        let (small, large) = (median(&mut of_small), median(&mut of_large));
        let ratio = large / small;
        println!("| {} | {small:.2} µs | {large:.2} µs | {ratio:.2} |", case.label());
        if ratio > arguments.limit {
            eprintln!("{}: {ratio:.2} is more than {}", case.label(), arguments.limit);
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
