//! `chancery serve`: a directory, served until somebody stops it.

mod telling;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chancery_cache::Secrets;
use chancery_core::{ByCertificate, ClientCertificates, InsecureAllowEveryone, Material, Tls};
use tokio::net::TcpListener;

use crate::admission::Admission;
use crate::command::Serve;
use crate::doors::{Plaintext, Plan, Sockets};
use crate::gateway_api::{GatewayPlane, Serving};
use crate::narrator::Narrator;
use crate::plane::Plane;
use crate::runner::Runner;
use crate::voice::Voice;
use crate::{Failure, gateway_api, stop};

pub(crate) async fn run(arguments: Serve) -> Result<ExitCode, Failure> {
    check(&arguments)?;
    let plan = Plan {
        admission: admission(&arguments),
        tls: tls(&arguments)?,
        plaintext: if arguments.insecure_plaintext { Plaintext::Anywhere } else { Plaintext::Loopback },
        narrator: Narrator::new(Voice::Aloud),
        drain_window: Duration::from_secs(arguments.drain),
    };
    let sockets =
        Sockets { xds: bind(arguments.listen, "--listen").await?, admin: bind(arguments.admin, "--admin").await? };
    match (&arguments.gateway_api, &arguments.xds) {
        (Some(root), _) => gateway_api_objects(root, &arguments, sockets, plan).await,
        (None, Some(root)) => envoy_resources(root, &arguments, sockets, plan).await,
        (None, None) => Err("say what to serve: --gateway-api DIR or --xds DIR".into()),
    }
}

async fn gateway_api_objects(
    root: &Path,
    arguments: &Serve,
    sockets: Sockets,
    plan: Plan,
) -> Result<ExitCode, Failure> {
    let security = security(&plan);
    let runner = match arguments.run_envoy {
        true => Some(Runner::new(envoy(arguments).await?, arguments.proxy_files.clone(), Voice::Aloud)?),
        false => None,
    };
    let serving = Serving {
        options: gateway_api::options(&arguments.translating),
        runner,
        status_file: arguments.status_file.clone(),
        voice: Voice::Aloud,
    };
    let plane = GatewayPlane::start(root, sockets, serving, plan).await?;
    Voice::Aloud.say(format!("serving {} on {} ({security})", root.display(), plane.address));
    Voice::Aloud.say(format!("status:  chancery status --admin {}", plane.admin));
    let telling = tokio::spawn(telling::of_addresses(plane.current.clone()));
    if arguments.watch_status {
        tokio::spawn(telling::of_standing(plane.deliveries(), plane.teller()));
    }
    let stopped = until_stopped(plane.stop()).await;
    telling.abort();
    stopped
}

async fn envoy_resources(root: &Path, arguments: &Serve, sockets: Sockets, plan: Plan) -> Result<ExitCode, Failure> {
    let security = security(&plan);
    let secrets = if arguments.share_secrets { Secrets::Always } else { Secrets::default() };
    let plane = Plane::start(root, sockets, secrets, plan).await?;
    Voice::Aloud.say(format!("serving {} on {} ({security})", root.display(), plane.address));
    Voice::Aloud.say(format!("status:  chancery status --admin {}", plane.admin));
    if arguments.watch_status {
        tokio::spawn(telling::of_standing(plane.cache.delivery(), plane.teller()));
    }
    let telling = tokio::spawn(telling::of_files(plane.reports.clone()));
    let stopped = until_stopped(plane.stop()).await;
    telling.abort();
    stopped
}

async fn until_stopped(stopping: impl Future<Output = Result<(), Failure>>) -> Result<ExitCode, Failure> {
    stop::asked().await;
    Voice::Aloud.say("stopping: connections are told to go; stop again to cut them off");
    tokio::select! {
        stopped = stopping => stopped.map(|()| ExitCode::SUCCESS),
        () = stop::asked() => Ok(ExitCode::SUCCESS),
    }
}

/// The Envoy to run.
async fn envoy(arguments: &Serve) -> Result<PathBuf, Failure> {
    if let Some(path) = &arguments.envoy_path {
        return match path.is_file() {
            true => Ok(path.clone()),
            false => Err(format!("--envoy-path {}: there is no such file", path.display()).into()),
        };
    }
    let version = arguments.envoy;
    Ok(tokio::task::spawn_blocking(move || chancery_testkit::provision(version)).await??)
}

fn security(plan: &Plan) -> &'static str {
    if plan.tls.is_some() { "TLS" } else { "plain text" }
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
