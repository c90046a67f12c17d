//! What the edit of one host costs in each form of route tables: bytes, CPU of the control plane and of Envoy's main thread, time.

use chancery_benches::edit::{EditCost, Edits};
use chancery_benches::stand::Failure;
use chancery_testkit::EnvoyVersion;
use chancery_translator::TableForm;
use clap::Parser;

/// Edits one host of many, again and again, with a real Envoy, in each form of route tables.
#[derive(Parser)]
struct Arguments {
    /// How many hosts there are. May be repeated.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 5_000, 20_000])]
    hosts: Vec<usize>,
    /// How many edits are timed, and as many again are counted without anybody who asks.
    #[arg(long, default_value_t = 20)]
    edits: usize,
    /// Only this form.
    #[arg(long)]
    form: Option<TableForm>,
    /// Which Envoy.
    #[arg(long, default_value = "1.40")]
    envoy: EnvoyVersion,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[tokio::main(worker_threads = 1)]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let forms: Vec<TableForm> =
        TableForm::ALL.into_iter().filter(|form| arguments.form.is_none_or(|one| one == *form)).collect();
    let mut document = Vec::new();
    for hosts in arguments.hosts {
        let experiment = Edits { hosts, edits: arguments.edits };
        let mut rows = Vec::new();
        for form in &forms {
            rows.push(experiment.measure(arguments.envoy, *form).await?);
        }
        if !arguments.json {
            print(hosts, &rows);
        }
        document.push(serde_json::json!({ "experiment": experiment, "rows": rows }));
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&document)?);
    }
    Ok(())
}

fn print(hosts: usize, rows: &[EditCost]) {
    println!("{hosts} hosts\n");
    println!(
        "| form | bytes/edit | server CPU ms | Envoy main CPU ms | to first answer p50 ms | max ms | Envoy RSS MiB | start ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} | {:.0} |",
            row.form,
            row.bytes,
            row.server_cpu_ms,
            row.envoy_main_cpu_ms,
            row.latency_p50_ms,
            row.latency_max_ms,
            row.envoy_rss_mib,
            row.start_ms
        );
    }
    println!();
}
