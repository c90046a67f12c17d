//! The lab: workloads L1 to L8 against Chancery, floors and a peer in one run; and a herd for any other xDS server.

use std::alloc::System;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chancery_benches::edge;
use chancery_benches::lab::{Attach, AttachTls, Cores, Kind, Lab, Pace, Row, Site, Size, Workload, serve, table};
use chancery_benches::made;
use chancery_benches::stand::Failure;
use chancery_protocol::TypeUrl;
use clap::{Args, Parser, Subcommand, ValueEnum};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what servers allocate.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Runs the workloads L1 to L8: Chancery, floors, with `--peers` go-control-plane, and Chancery again.
///
/// Ends with a failure when a promise is not kept or a row could not be measured. What is skipped is said, with the reason.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Only these workloads, as in `L3,L6`.
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Only rows with this in the name of their case, as in `R=1000 P=100 SotW`.
    #[arg(long)]
    rows: Option<String>,
    /// The time from one change to the next in L1 and L5, in milliseconds, where it is not to be that of the size.
    #[arg(long)]
    interval: Option<u64>,
    /// How many changes in L1 and L5, where they are not to be those of the size. Peers make as many as ever.
    #[arg(long)]
    changes: Option<NonZeroUsize>,
    /// How large everything is.
    #[arg(long, value_enum, default_value_t = Size::Small)]
    size: Size,
    /// Mutual TLS on all connections, with certificates made for the run.
    #[arg(long)]
    tls: bool,
    /// Beside the floors, the peers that can be built here.
    #[arg(long)]
    peers: bool,
    /// Tables for people, or JSON.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Writes lab.json and plots as SVG to this folder, after every row anew.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The core all threads of a server are pinned to.
    #[arg(long, default_value_t = 0)]
    server_cpu: usize,
    /// The core the load is pinned to.
    #[arg(long, default_value_t = 1)]
    client_cpu: usize,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// The server process; started by the lab.
    #[command(hide = true)]
    Serve { kind: Kind, setting: String },
    /// Attaches streams to any xDS server, and tells what they receive.
    Attach(Box<Attaching>),
}

#[derive(Args)]
struct Attaching {
    /// The server, as host:port.
    address: String,
    /// Streams, each on its own connection.
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// Over how many seconds the streams connect.
    #[arg(long, default_value_t = 0.0)]
    within: f64,
    /// What is asked for: CDS, EDS, LDS, RDS, SRDS, VHDS, SDS, ECDS, RTDS, or a type URL.
    #[arg(long = "type", default_value = "EDS")]
    type_name: String,
    /// Asks for the names in this file, one a line.
    #[arg(long)]
    names: Option<PathBuf>,
    /// Asks for this many names as the lab's own servers have them.
    #[arg(long, conflicts_with = "names")]
    resources: Option<usize>,
    /// Asks for everything.
    #[arg(long, conflicts_with_all = ["names", "resources"])]
    wildcard: bool,
    /// State of the world instead of delta.
    #[arg(long)]
    sotw: bool,
    /// TLS; needs --ca.
    #[arg(long, requires = "ca")]
    tls: bool,
    /// The authority that signed the server's certificate (PEM).
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The certificate the streams show (PEM).
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// How many seconds the streams stay.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// The id of the node the streams say they are.
    #[arg(long, default_value = "herd")]
    node: String,
    /// The cluster of that node.
    #[arg(long, default_value = "lab")]
    cluster: String,
    /// Lines for people, or JSON.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
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
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        match &arguments.role {
            Some(Role::Attach(attaching)) => attach(attaching).await,
            _ => measure(&arguments).await,
        }
    })
}

async fn measure(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let cores = Cores::pin(arguments.server_cpu, arguments.client_cpu);
    let site = if arguments.tls { Site::tls(cores)? } else { Site::plain(cores) };
    let mut lab = Lab::new(site, arguments.size, arguments.peers)
        .rows_with(arguments.rows.clone())
        .pace(Pace { interval_ms: arguments.interval, changes: arguments.changes.map(NonZeroUsize::get) })
        .writes_to(arguments.folder.clone());
    let workloads = if arguments.only.is_empty() { Workload::value_variants() } else { &arguments.only };
    lab.run(workloads).await;
    match arguments.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&lab)?),
        Output::Table => {
            println!("{}", lab.conditions);
            for workload in workloads {
                let rows: Vec<&Row> = lab.rows.iter().filter(|row| row.workload == workload.number()).collect();
                if !rows.is_empty() {
                    println!("\n{}: {}\n\n{}", workload.number(), workload.title(), table(&rows));
                }
            }
        }
    }
    lab.skipped.iter().for_each(|what| eprintln!("!!! SKIPPED {what}"));
    lab.failures.iter().for_each(|what| eprintln!("!!! FAILED {what}"));
    Ok(if lab.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn attach(attaching: &Attaching) -> Result<ExitCode, Failure> {
    let type_url = type_url(&attaching.type_name)?;
    let names = match (&attaching.names, attaching.resources) {
        (Some(file), _) => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        (None, Some(count)) if type_url == TypeUrl::VIRTUAL_HOST => (0..count).map(edge::host_name).collect(),
        (None, Some(count)) => (0..count).map(made::name).collect(),
        (None, None) if attaching.wildcard => Vec::new(),
        (None, None) => return Err("say what to ask for: --names FILE, --resources R, or --wildcard".into()),
    };
    let tls = attaching.tls.then(|| AttachTls {
        authority: attaching.ca.clone(),
        certificate: attaching.cert.clone(),
        key: attaching.key.clone(),
    });
    let attached = Attach {
        address: attaching.address.clone(),
        streams: attaching.streams,
        within: Duration::from_secs_f64(attaching.within),
        type_url,
        names,
        sotw: attaching.sotw,
        tls,
        stay: Duration::from_secs_f64(attaching.seconds),
        node: attaching.node.clone(),
        cluster: attaching.cluster.clone(),
    }
    .run()
    .await?;
    let document = serde_json::to_value(&attached)?;
    match (attaching.output, document.as_object()) {
        (Output::Table, Some(fields)) => fields.iter().for_each(|(name, value)| println!("{name:>20}  {value}")),
        _ => println!("{}", serde_json::to_string_pretty(&document)?),
    }
    let is_complete = attached.complete_streams == attaching.streams;
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn type_url(name: &str) -> Result<TypeUrl, Failure> {
    let short = [
        ("CDS", TypeUrl::CLUSTER),
        ("EDS", TypeUrl::ENDPOINTS),
        ("LDS", TypeUrl::LISTENER),
        ("RDS", TypeUrl::ROUTE),
        ("SRDS", TypeUrl::SCOPED_ROUTE),
        ("VHDS", TypeUrl::VIRTUAL_HOST),
        ("SDS", TypeUrl::SECRET),
        ("ECDS", TypeUrl::EXTENSION_CONFIG),
        ("RTDS", TypeUrl::RUNTIME),
    ];
    match short.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, type_url)) => Ok(type_url),
        None if name.contains('/') => Ok(TypeUrl::parse(name)),
        None => Err(format!("{name} is no type of xDS: say CDS, EDS, LDS, ..., or a type URL").into()),
    }
}
