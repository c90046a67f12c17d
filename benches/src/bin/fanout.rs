//! The fan-out lab: what one change of one resource costs a server with many streams, beside a bare tonic server.

use std::alloc::System;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chancery_benches::lab::{Cores, Experiment, FanOut, Kind, Site, go_control_plane, serve};
use chancery_benches::plot::{Line, plot};
use chancery_benches::stand::Failure;
use clap::{Parser, Subcommand, ValueEnum};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what servers allocate.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How much more a change may allocate among ten times the resources; names get longer.
const SHAPE: f64 = 1.1;

/// The resources and streams of a sweep: one of them grows, the other is that of the experiment or 1,000 resources.
const RESOURCES: [usize; 4] = [10, 100, 1_000, 10_000];
const STREAMS: [usize; 3] = [10, 100, 500];

/// Replaces one resource again and again, and measures the server until the last stream has accepted each change.
///
/// Runs Chancery, a plain tonic server, bare sockets, with `--peers` go-control-plane, and Chancery again. With `--stalled`, Chancery with and without stalled streams.
#[derive(Parser)]
struct Arguments {
    /// Resources, all of them named by every stream.
    #[arg(short = 'R', long, default_value_t = 10_000)]
    resources: usize,
    /// Streams, each on its own connection.
    #[arg(short = 'P', long, default_value_t = 100)]
    streams: usize,
    /// Streams that stop reading.
    #[arg(long, default_value_t = 0)]
    stalled: usize,
    /// How many times a resource is replaced.
    #[arg(short, long, default_value_t = 60)]
    changes: usize,
    /// From one change to the next, in milliseconds.
    #[arg(short, long, default_value_t = 100)]
    interval_ms: u64,
    /// Worker threads of the server.
    #[arg(long, default_value_t = 1)]
    server_threads: usize,
    /// A table for people, or JSON.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Fails when Chancery takes more than this many times the CPU of the floor.
    #[arg(long)]
    at_most: Option<f64>,
    /// Beside the floors, runs the peers that can be built here; those that cannot are named, with the reason.
    #[arg(long)]
    peers: bool,
    /// Runs at several numbers of resources and of streams, and writes tables as JSON and plots as SVG to this folder.
    #[arg(long, value_name = "FOLDER")]
    sweep: Option<PathBuf>,
    /// Small numbers, to see that everything works.
    #[arg(long)]
    smoke: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// The server process; started by the lab.
    #[command(hide = true)]
    Serve { kind: Kind, setting: String },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

fn main() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse();
    if let Some(Role::Serve { kind, setting }) = &arguments.role {
        serve(*kind, setting)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut experiment = Experiment {
        resources: arguments.resources,
        streams: arguments.streams,
        stalled: arguments.stalled,
        changes: arguments.changes,
        interval_ms: arguments.interval_ms,
        server_threads: arguments.server_threads,
        sotw: false,
    };
    if arguments.smoke {
        experiment = Experiment { resources: 200, streams: 20, changes: 20, interval_ms: 10, ..experiment };
    }
    let site = Site::plain(Cores::Anywhere { reason: "`fanout` leaves that to the system; `lab` pins".to_owned() });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        if let Some(folder) = &arguments.sweep {
            sweep(&arguments, &experiment, &site, folder).await
        } else if experiment.stalled > 0 {
            stall(&arguments, &experiment, &site).await
        } else {
            fan_out(&arguments, &experiment, &site).await
        }
    })
}

async fn run(experiment: &Experiment, label: &str, kind: Kind, site: &Site) -> Result<FanOut, Failure> {
    eprintln!("R={} P={}: {label}", experiment.resources, experiment.streams);
    experiment.run(label, kind, site).await
}

/// Chancery, the floors and the peers that can be had, Chancery again.
async fn fan_out(arguments: &Arguments, experiment: &Experiment, site: &Site) -> Result<ExitCode, Failure> {
    let mut rows = vec![
        run(experiment, "chancery", Kind::Chancery, site).await?,
        run(experiment, "tonic floor", Kind::Tonic, site).await?,
        run(experiment, "socket floor", Kind::Socket, site).await?,
    ];
    if arguments.peers {
        match go_control_plane() {
            Ok(_) => rows.push(run(experiment, "go-control-plane", Kind::GoControlPlane, site).await?),
            Err(reason) => eprintln!("!!! SKIPPED go-control-plane: {reason}"),
        }
    }
    rows.push(run(experiment, "chancery again", Kind::Chancery, site).await?);
    let own: Vec<f64> =
        rows.iter().filter(|row| row.label.starts_with("chancery")).map(|row| row.cpu_ms_per_change).collect();
    let own = own.iter().sum::<f64>() / own.len() as f64;
    print(arguments.output, experiment, &rows)?;
    for row in rows.iter().filter(|row| !row.label.starts_with("chancery")) {
        eprintln!("server CPU per change: {:.3} times that of {}", own / row.cpu_ms_per_change, row.label);
    }
    let floor = rows.iter().find(|row| row.label == "tonic floor").map_or(f64::NAN, |row| row.cpu_ms_per_change);
    let within = arguments.at_most.is_none_or(|limit| own / floor <= limit);
    let in_shape = !arguments.smoke || keeps_shape(experiment, site, &rows[0]).await?;
    Ok(if within && in_shape { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a change allocates as much among ten times the resources: unlike times, that is the same on every machine.
async fn keeps_shape(experiment: &Experiment, site: &Site, few: &FanOut) -> Result<bool, Failure> {
    let larger = Experiment { resources: experiment.resources * 10, ..experiment.clone() };
    let many = run(&larger, "chancery", Kind::Chancery, site).await?;
    let ratio = many.allocated_per_change / few.allocated_per_change;
    eprintln!("allocated per change: {ratio:.3} times as much among ten times the resources (at most {SHAPE})");
    Ok(ratio <= SHAPE)
}

/// Fan-out at several sizes, as JSON and as plots.
async fn sweep(
    arguments: &Arguments,
    experiment: &Experiment,
    site: &Site,
    folder: &Path,
) -> Result<ExitCode, Failure> {
    let mut kinds = vec![("chancery", Kind::Chancery), ("tonic floor", Kind::Tonic), ("socket floor", Kind::Socket)];
    match go_control_plane() {
        Ok(_) if arguments.peers => kinds.push(("go-control-plane", Kind::GoControlPlane)),
        Ok(_) => {}
        Err(reason) => eprintln!("!!! SKIPPED go-control-plane: {reason}"),
    }
    std::fs::create_dir_all(folder)?;
    let by_resources = RESOURCES.map(|resources| Experiment { resources, ..experiment.clone() });
    let by_streams = STREAMS.map(|streams| Experiment { streams, resources: 1_000, ..experiment.clone() });
    let mut document = Vec::new();
    for (axis, experiments, size) in [
        ("R", &by_resources[..], (|one: &Experiment| one.resources) as fn(&Experiment) -> usize),
        ("P", &by_streams[..], |one: &Experiment| one.streams),
    ] {
        let mut lines: Vec<Line> = kinds.iter().map(|(label, _)| Line::new(label)).collect();
        for experiment in experiments {
            let mut rows = Vec::new();
            for ((label, kind), line) in kinds.iter().zip(&mut lines) {
                let row = run(experiment, label, *kind, site).await?;
                line.points.push((size(experiment) as f64, row.cpu_ms_per_change));
                rows.push(row);
            }
            print(Output::Table, experiment, &rows)?;
            println!();
            document.push(serde_json::json!({ "experiment": experiment, "rows": rows }));
        }
        let title = format!("Server CPU per change against {axis}");
        plot(&folder.join(format!("cpu-by-{axis}.svg")), &title, axis, "ms", &lines)?;
    }
    std::fs::write(folder.join("fanout.json"), serde_json::to_string_pretty(&document)? + "\n")?;
    Ok(ExitCode::SUCCESS)
}

/// The others must not notice: as many polls and responses, and no memory to speak of.
async fn stall(arguments: &Arguments, experiment: &Experiment, site: &Site) -> Result<ExitCode, Failure> {
    let free = Experiment { stalled: 0, ..experiment.clone() };
    let rows = [
        run(&free, "nobody stalls", Kind::Chancery, site).await?,
        run(experiment, &format!("{} stalled", experiment.stalled), Kind::Chancery, site).await?,
    ];
    print(arguments.output, experiment, &rows)?;
    let [free, stalled] = &rows;
    let expected = free.responses * (experiment.streams - experiment.stalled) as u64 / experiment.streams as u64;
    let same_responses = stalled.responses == expected;
    let more_polls = stalled.polls_of_rest as f64 / free.polls_of_rest as f64;
    let grown = stalled.rss_growth_mib - free.rss_growth_mib;
    eprintln!(
        "of the others: {} responses ({expected} expected), {more_polls:.3} times the polls; memory: {grown:+.1} MiB",
        stalled.responses
    );
    let unnoticed = same_responses && (0.9..1.1).contains(&more_polls) && grown < 4.0;
    Ok(if unnoticed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(output: Output, experiment: &Experiment, rows: &[FanOut]) -> Result<(), Failure> {
    if output == Output::Json {
        let document = serde_json::json!({ "experiment": experiment, "rows": rows });
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    let Experiment { resources, streams, changes, interval_ms, .. } = experiment;
    println!("R={resources} P={streams}, {changes} changes, one every {interval_ms} ms\n");
    println!(
        "| server | CPU/change ms | sent/change B | allocated/change B | last ACK p50 ms | p99 ms | RSS MiB | peak RSS MiB | \
         CPU to connect ms | polls |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        println!(
            "| {} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} | {} |",
            row.label,
            row.cpu_ms_per_change,
            row.bytes_per_change,
            row.allocated_per_change,
            row.last_ack_p50_ms,
            row.last_ack_p99_ms,
            row.rss_mib,
            row.peak_rss_mib,
            row.cpu_ms_to_connect,
            row.polls_of_rest
        );
    }
    Ok(())
}
