//! The command line.

mod objects;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;

use chancery_testkit::{EnvoyVersion, Variant};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use objects::{AskedForm, Explain, PlanChanges, Translate, Translating, Validate};
pub(crate) use serve::Serve;

/// What a wrong command line ends with, as `sysexits.h` has it: 1 and 2 mean something else here.
pub(crate) const WRONG_USAGE: u8 = 64;

/// A control plane for Envoy: Gateway API YAML, or Envoy's own resources, served to proxies over xDS.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Chancery {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all is well; 1 something failed, or problems were found; \
2 there are changes (plan --exit-code); 64 the command line is wrong.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a directory to proxies, and follow its changes.
    Serve(Box<Serve>),
    /// Show the conditions of all objects, and what each proxy has acknowledged and refused.
    Status(Status),
    /// Check a directory without serving it.
    Validate(Validate),
    /// Show what a directory of Gateway API objects comes to for each proxy.
    Translate(Translate),
    /// Tell which route, policies and backends a request meets, and why.
    Explain(Explain),
    /// Tell what a change of a directory would change for proxies, and what it risks.
    Plan(PlanChanges),
    /// Print an Envoy bootstrap that points at a server.
    Bootstrap(Bootstrap),
    /// Show the whole thing: objects, a control plane, real Envoys, requests, edits.
    Demo(Demo),
    /// Become another program that ends with the process that started it.
    #[command(hide = true)]
    Leash(Leash),
}

/// A running `chancery serve`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the server answered; 1 it did not; 64 the command line is wrong.")]
pub(crate) struct Status {
    /// The admin address of a running `chancery serve`.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADMIN)]
    pub(crate) admin: SocketAddr,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// What an Envoy needs to know to find its server.
#[derive(Debug, Args)]
pub(crate) struct Bootstrap {
    /// The Gateway the proxy is for: NAMESPACE/NAME. Sets both --node and --cluster.
    #[arg(long, value_name = "NAMESPACE/NAME", conflicts_with_all = ["node", "cluster"])]
    pub(crate) gateway: Option<GatewayName>,
    /// Who the proxy says it is.
    #[arg(long, value_name = "ID", default_value = "proxy")]
    pub(crate) node: String,
    /// Which cluster of proxies it says it belongs to: NAMESPACE/NAME of a Gateway, or the name of a GatewayClass
    /// whose Gateways share proxies.
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

/// A demonstration.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the story came to its end; 1 a step failed; 64 the command line is wrong.")]
pub(crate) struct Demo {
    /// Show Envoy resources from files instead of Gateway API objects.
    #[arg(long)]
    pub(crate) xds: bool,
    /// Keep everything running at the end, for you to edit the files. The default on a terminal.
    #[arg(long)]
    pub(crate) stay: bool,
    /// Which Envoy: 1.36 to 1.40. Installed into .tools/ when it is not there.
    #[arg(long, value_name = "VERSION", default_value = "1.40")]
    pub(crate) envoy: EnvoyVersion,
    /// The variant of the protocol (with --xds).
    #[arg(long, value_enum, default_value_t, requires = "xds")]
    pub(crate) variant: Dialect,
}

/// What runs on a leash.
#[derive(Debug, Args)]
pub(crate) struct Leash {
    /// The process it belongs to.
    #[arg(long)]
    pub(crate) parent: u32,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<PathBuf>,
}

pub(crate) const DEFAULT_ADMIN: &str = "127.0.0.1:18001";

/// The namespace and name of a Gateway: `shop/web`; without a namespace it is `default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GatewayName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl std::str::FromStr for GatewayName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, name) = text.split_once('/').unwrap_or(("default", text));
        match namespace.is_empty() || name.is_empty() || name.contains('/') {
            true => Err(format!("{text:?} is not NAMESPACE/NAME, such as shop/web")),
            false => Ok(GatewayName { namespace: namespace.to_owned(), name: name.to_owned() }),
        }
    }
}

impl std::fmt::Display for GatewayName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

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
