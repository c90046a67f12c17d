//! `chancery serve`: a directory, served until somebody stops it.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::{Secrets, SnapshotCache};
use chancery_core::{ByCertificate, ClientCertificates, InsecureAllowEveryone, Material, Tls};
use chancery_directory::Report;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admission::Admission;
use crate::command::Serve;
use crate::narrator::Narrator;
use crate::plane::{Plaintext, Plan, Plane};
use crate::standing::{Standing, in_words};
use crate::{Failure, stop, table};

pub(crate) async fn run(arguments: Serve) -> Result<ExitCode, Failure> {
    check(&arguments)?;
    let plan = Plan {
        admission: admission(&arguments),
        tls: tls(&arguments)?,
        plaintext: if arguments.insecure_plaintext { Plaintext::Anywhere } else { Plaintext::Loopback },
        secrets: if arguments.share_secrets { Secrets::Always } else { Secrets::default() },
        narrator: Narrator::default(),
        drain_window: Duration::from_secs(arguments.drain),
    };
    let security = if plan.tls.is_some() { "TLS" } else { "plain text" };
    let listener = bind(arguments.listen, "--listen").await?;
    let admin = bind(arguments.admin, "--admin").await?;
    let plane = Plane::start(&arguments.xds, listener, admin, plan).await?;
    println!("serving {} on {} ({security})", arguments.xds.display(), plane.address);
    println!("status:  chancery status --admin {}", plane.admin);
    if arguments.watch_status {
        tokio::spawn(tell_of_status(plane.cache.clone(), plane.reports.clone()));
    }
    let telling = tokio::spawn(tell_of_files(plane.reports.clone()));
    stop::asked().await;
    println!("stopping: connections are told to go; stop again to cut them off");
    let stopped = tokio::select! {
        stopped = plane.stop() => stopped,
        () = stop::asked() => Ok(()),
    };
    telling.abort();
    stopped.map(|()| ExitCode::SUCCESS)
}

/// Whoever reads the resources reads private keys: other machines must prove who they are, unless told otherwise.
fn check(arguments: &Serve) -> Result<(), Failure> {
    if !arguments.admin.ip().is_loopback() {
        return Err(format!("--admin {} is not a loopback address: the page is not protected", arguments.admin).into());
    }
    let proven = arguments.tls_cert.is_some() && arguments.client_ca.is_some();
    if arguments.listen.ip().is_loopback() || proven || arguments.insecure_plaintext {
        return Ok(());
    }
    Err(format!(
        "--listen {} can be reached from other machines, and what is served may hold private keys: \
         give --tls-cert, --tls-key and --client-ca, or say --insecure-plaintext",
        arguments.listen
    )
    .into())
}

fn admission(arguments: &Serve) -> Admission {
    match (&arguments.client_ca, arguments.allow.as_slice()) {
        (None, _) => Admission::Everyone(InsecureAllowEveryone),
        (Some(_), []) => Admission::Verified,
        (Some(_), names) => Admission::Named(ByCertificate::new(names)),
    }
}

fn tls(arguments: &Serve) -> Result<Option<Tls>, Failure> {
    let (Some(certificate), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) else { return Ok(None) };
    let read = |path: &Path| fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let clients = match &arguments.client_ca {
        Some(authorities) => ClientCertificates::Required { authorities_pem: read(authorities)? },
        None => ClientCertificates::NotAsked,
    };
    let material = Material { certificates_pem: read(certificate)?, key_pem: read(key)?, clients };
    Ok(Some(Tls::new(&material)?))
}

async fn bind(address: std::net::SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("cannot listen on {address} ({option}): {error}; choose another address").into())
}

/// Prints what every reading of the directory found, and each problem once.
async fn tell_of_files(mut reports: watch::Receiver<Arc<Report>>) {
    let mut last = Arc::<Report>::default();
    loop {
        let report = reports.borrow_and_update().clone();
        println!("{}", summary(&report));
        for problem in report.problems.iter().filter(|problem| !last.problems.contains(problem)) {
            println!("  {problem}");
        }
        if report.problems.is_empty() && !last.problems.is_empty() {
            println!("  all files are good again");
        }
        for dangling in report.dangling.iter().filter(|dangling| !last.dangling.contains(dangling)) {
            println!("  note: {dangling}");
        }
        last = report;
        if reports.changed().await.is_err() {
            return;
        }
    }
}

fn summary(report: &Report) -> String {
    let counts: Vec<String> =
        report.resources.iter().map(|(type_url, count)| format!("{count} {}", in_words(type_url))).collect();
    let counts = if counts.is_empty() { "no resources".to_owned() } else { counts.join(", ") };
    let changes = report.counts;
    format!(
        "[files] {counts} from {} files: {} added, {} changed, {} removed",
        report.files, changes.added, changes.changed, changes.removed
    )
}

/// Prints the table whenever it differs from the one before.
async fn tell_of_status(cache: SnapshotCache, reports: watch::Receiver<Arc<Report>>) {
    let mut deliveries = cache.delivery();
    let mut last = String::new();
    loop {
        deliveries.changed().await;
        // Replies come in bursts; only what they lead to is of interest.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let report = reports.borrow().clone();
        let now = table::render(&Standing::of(&deliveries, &report));
        if now != last {
            println!("\n{now}");
            last = now;
        }
    }
}
