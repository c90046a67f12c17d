//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use chancery_testkit::{EnvoyVersion, Variant};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// An xDS management server for a directory of Envoy resources.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub(crate) struct Chancery {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a directory of Envoy resources to proxies, and follow its changes.
    Serve(Serve),
    /// Show what each proxy has acknowledged, and what it refused.
    Status(Status),
    /// Check a directory of Envoy resources without serving it. Exits with 1 if anything is wrong.
    Validate(Validate),
    /// Print an Envoy bootstrap that points at a server.
    Bootstrap(Bootstrap),
    /// Show the whole thing: serve an example, start a real Envoy, send requests, change a route.
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The directory: every .yaml, .yml and .json file below it.
    #[arg(long, value_name = "DIR")]
    pub(crate) xds: PathBuf,
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

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The admin address of a running `chancery serve`.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADMIN)]
    pub(crate) admin: SocketAddr,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The directory.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Bootstrap {
    /// Who the proxy says it is.
    #[arg(long, value_name = "ID", default_value = "proxy")]
    pub(crate) node: String,
    /// Which cluster of proxies it says it belongs to.
    #[arg(long, value_name = "NAME", default_value = "chancery")]
    pub(crate) cluster: String,
    /// The server: an address or a host name, with a port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:18000")]
    pub(crate) server: String,
    /// The variant of the protocol.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) variant: Dialect,
    /// How to print it: Envoy reads both.
    #[arg(short, long, value_enum, default_value_t = Output::Yaml)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep everything running at the end, for you to edit the files. The default on a terminal.
    #[arg(long)]
    pub(crate) stay: bool,
    /// Which Envoy: 1.36 to 1.40. Installed into .tools/ when it is not there.
    #[arg(long, value_name = "VERSION", default_value = "1.40")]
    pub(crate) envoy: EnvoyVersion,
    /// The variant of the protocol.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) variant: Dialect,
}

const DEFAULT_ADMIN: &str = "127.0.0.1:18001";

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// A variant of the xDS transport protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Incremental.
    #[default]
    Delta,
    /// State of the world.
    Sotw,
}

impl From<Dialect> for Variant {
    fn from(dialect: Dialect) -> Variant {
        match dialect {
            Dialect::Delta => Variant::Delta,
            Dialect::Sotw => Variant::Sotw,
        }
    }
}
