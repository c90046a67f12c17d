//! The options of `chancery serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use chancery_testkit::EnvoyVersion;
use clap::{ArgGroup, Args};

use super::{DEFAULT_ADMIN, Translating};

/// What is served, and to whom.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["gateway_api", "xds"]),
    after_help = "Exit codes: 0 it was told to stop; 1 it could not go on; 64 the command line is wrong."
)]
pub(crate) struct Serve {
    /// A directory of Gateway API objects: every .yaml, .yml and .json file below it. Each Gateway is a group of
    /// proxies, which say NAMESPACE/NAME of the Gateway as their node's cluster.
    #[arg(long, visible_alias = "files", value_name = "DIR")]
    pub(crate) gateway_api: Option<PathBuf>,
    /// A directory of Envoy resources: every .yaml, .yml and .json file below it.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["run_envoy", "merge", "status_file", "controller_name", "gateway_class", "route_tables", "former_route_tables", "oldest_envoy"])]
    pub(crate) xds: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) translating: Translating,
    /// Run an Envoy on this machine for each Gateway, as long as there is one; it ends with this process. Each Gateway
    /// gets an address 127.0.x.y of its own. Where ports below 1024 may not be bound, 10000 is added to them.
    #[arg(long)]
    pub(crate) run_envoy: bool,
    /// The Envoy to run. Without it CHANCERY_ENVOY says which; else one is installed into .tools/.
    #[arg(long, value_name = "FILE", requires = "run_envoy")]
    pub(crate) envoy_path: Option<PathBuf>,
    /// The version of the Envoy that is installed: 1.36 to 1.40.
    #[arg(long, value_name = "VERSION", default_value = "1.40")]
    pub(crate) envoy: EnvoyVersion,
    /// Where the bootstraps and logs of these Envoys are kept. Without it, in a directory that goes with this process.
    #[arg(long, value_name = "DIR", requires = "run_envoy")]
    pub(crate) proxy_files: Option<PathBuf>,
    /// Write the statuses of all objects into this file whenever they change: as JSON when its name ends with .json, else
    /// as YAML. It must not be within the directory that is read.
    #[arg(long, value_name = "FILE")]
    pub(crate) status_file: Option<PathBuf>,
    /// Where proxies connect.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18000")]
    pub(crate) listen: SocketAddr,
    /// Where `chancery status` asks; must be a loopback address.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADMIN)]
    pub(crate) admin: SocketAddr,
    /// The server's certificate chain (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The authorities (PEM) whose clients are let in; every client must then show a certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Let in only clients whose certificate carries this URI (SPIFFE ID) or DNS name. May be repeated.
    #[arg(long, value_name = "NAME", requires = "client_ca")]
    pub(crate) allow: Vec<String>,
    /// Serve other machines in plain text, to whoever connects. Private keys can then be read on the way.
    #[arg(long)]
    pub(crate) insecure_plaintext: bool,
    /// Serve every secret of the directory by its name. Without it only those are served that a resource of the directory
    /// names with a source of `ads` or `self`.
    #[arg(long)]
    pub(crate) share_secrets: bool,
    /// Print the table of `chancery status` whenever it changes.
    #[arg(long)]
    pub(crate) watch_status: bool,
    /// Over how many seconds connections are told to go when the server stops.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) drain: u64,
}
