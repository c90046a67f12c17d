//! How long an HTTPRoute takes from its file to the first 200: routes added one at a time, idle and under endpoint changes.

use std::path::PathBuf;

use chancery_benches::propagation::{Propagated, Propagation, Times};
use chancery_benches::stand::Failure;
use chancery_translator::TableForm;
use clap::Parser;

/// Adds routes one at a time to a directory that `chancery serve --run-envoy` serves, and asks every 5 ms until each answers.
/// Fails when anything but 404 comes before the first 200.
#[derive(Parser)]
struct Arguments {
    /// How many routes are added.
    #[arg(long, default_value_t = 3_000)]
    routes: usize,
    /// Endpoint changes a second meanwhile. May be repeated.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1_000])]
    churn: Vec<u32>,
    /// How the hosts of route tables are sent. May be repeated.
    #[arg(long, value_delimiter = ',', default_values_t = [TableForm::Whole, TableForm::VirtualHosts])]
    form: Vec<TableForm>,
    /// The program; the one beside this one when it is not given.
    #[arg(long, value_name = "FILE")]
    chancery: Option<PathBuf>,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let chancery = match arguments.chancery {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("chancery"),
    };
    let mut rows = Vec::new();
    for form in &arguments.form {
        for churn in &arguments.churn {
            let (form, chancery) = (form.to_string(), chancery.clone());
            let experiment = Propagation { routes: arguments.routes, churn: *churn, form, chancery };
            eprintln!("{experiment:?}");
            let outcome = experiment.run().await?;
            rows.push((experiment, outcome));
        }
    }
    if arguments.json {
        let rows: Vec<_> =
            rows.iter().map(|(what, came)| serde_json::json!({ "experiment": what, "outcome": came })).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print(&rows);
    }
    let wrong = |outcome: &Propagated| outcome.other_answers.keys().any(|status| *status != 404);
    match rows.iter().any(|(_, outcome)| wrong(outcome)) {
        true => Err("something but 404 was answered before the first 200".into()),
        false => Ok(()),
    }
}

fn print(rows: &[(Propagation, Propagated)]) {
    println!(
        "| form | endpoint changes/s | mean ms | p50 | p99 | max | first tenth mean | p99 | last tenth mean | p99 | other answers | server CPU ms/route |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (experiment, outcome) in rows {
        let Times { mean, p50, p99, max } = &outcome.all;
        println!(
            "| {} | {:.0} | {mean:.1} | {p50:.1} | {p99:.1} | {max:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:?} | {:.1} |",
            experiment.form,
            outcome.churned_per_second,
            outcome.first.mean,
            outcome.first.p99,
            outcome.last.mean,
            outcome.last.p99,
            outcome.other_answers,
            outcome.server_cpu_ms
        );
    }
}
