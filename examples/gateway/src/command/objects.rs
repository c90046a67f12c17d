//! The options of the commands that work on Gateway API objects without serving them.

use std::net::SocketAddr;
use std::path::PathBuf;

use chancery_testkit::EnvoyVersion;
use chancery_translator::TableForm;
use clap::Args;

use super::{GatewayName, Output};

/// What decides how objects are translated.
#[derive(Debug, Clone, Args)]
pub(crate) struct Translating {
    /// The controller whose GatewayClasses are served.
    #[arg(long, value_name = "NAME", default_value = "chancery.dev/gateway-controller")]
    pub(crate) controller_name: String,
    /// A class that is served although no GatewayClass object says so. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway_class: Vec<String>,
    /// One proxy for all Gateways of a class, instead of one for each Gateway.
    #[arg(long)]
    pub(crate) merge: bool,
    /// How the hosts of route tables are sent: whole, virtual-hosts (each by itself; needs delta, and --oldest-envoy 1.37) or
    /// scopes (each in a route configuration of its own; needs exact host names on all listeners of a socket). For one Gateway
    /// with its name before it. Another form changes listeners, see `chancery plan`. May be repeated.
    #[arg(long, value_name = "[NAMESPACE/NAME=]FORM")]
    pub(crate) route_tables: Vec<AskedForm>,
    /// The form route tables had before, when it has been changed: they are sent in both until connections that were open then
    /// are gone (Envoy's --drain-time-s, 600 seconds by default). Then leave it out again.
    #[arg(long, value_name = "FORM")]
    pub(crate) former_route_tables: Option<TableForm>,
    /// The oldest Envoy that connects: 1.36 to 1.40. What it cannot do is not used, and older ones are turned away. Without
    /// it: 1.36.
    #[arg(long, value_name = "VERSION")]
    pub(crate) oldest_envoy: Option<EnvoyVersion>,
}

/// A form of route tables, for one Gateway or all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedForm {
    pub(crate) gateway: Option<GatewayName>,
    pub(crate) form: TableForm,
}

impl std::str::FromStr for AskedForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (gateway, form) = match text.split_once('=') {
            Some((gateway, form)) => (Some(gateway.parse()?), form),
            None => (None, text),
        };
        Ok(AskedForm { gateway, form: form.parse()? })
    }
}

/// A check.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all is good; 1 there are problems; 64 the command line is wrong.")]
pub(crate) struct Validate {
    /// The directory of Gateway API objects.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// The directory holds Envoy resources instead.
    #[arg(long)]
    pub(crate) xds: bool,
    /// Also ask a real Envoy what it thinks of the result (`--mode validate`).
    #[arg(long, conflicts_with = "xds")]
    pub(crate) envoy: bool,
    /// Which Envoy is asked: 1.36 to 1.40. Installed into .tools/ when it is not there.
    #[arg(long, value_name = "VERSION", default_value = "1.40")]
    pub(crate) envoy_version: EnvoyVersion,
    #[command(flatten)]
    pub(crate) translating: Translating,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// A translation.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it was translated, whatever problems there are (see validate); 1 the directory \
                        could not be read, or has no such Gateway; 64 the command line is wrong.")]
pub(crate) struct Translate {
    /// The directory of Gateway API objects.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Only the proxy of this Gateway.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) gateway: Option<GatewayName>,
    /// In the form of Envoy's /config_dump, for tools that read those. For one proxy.
    #[arg(long)]
    pub(crate) config_dump: bool,
    /// Also show where each resource comes from.
    #[arg(long, conflicts_with = "config_dump")]
    pub(crate) provenance: bool,
    #[command(flatten)]
    pub(crate) translating: Translating,
    /// How to print it. The table lists the resources; private keys are never shown.
    #[arg(short, long, value_enum, default_value_t = Output::Yaml)]
    pub(crate) output: Output,
}

/// A request, and what is asked about it.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 a route was found; 1 none was, or there is no such Gateway; 64 the command line is wrong."
)]
pub(crate) struct Explain {
    /// The directory of Gateway API objects.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// The Gateway the request comes to. Not needed when there is only one.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) gateway: Option<GatewayName>,
    /// The port of the listener, as the Gateway says it. Not needed when there is only one.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// The method.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,
    /// The host name, as in the Host header.
    #[arg(long, value_name = "NAME")]
    pub(crate) host: String,
    /// The path, with its query.
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
    /// A header. May be repeated.
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// The request comes over TLS, with this server name (SNI).
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    #[command(flatten)]
    pub(crate) translating: Translating,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// A change.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 no change, or no --exit-code; 1 it could not be worked out; 2 there are changes \
                        (with --exit-code); 64 the command line is wrong."
)]
pub(crate) struct PlanChanges {
    /// The directory as it is, and the directory as it shall be; with --server only the latter.
    #[arg(value_name = "DIR", required = true, num_args = 1..=2)]
    pub(crate) directories: Vec<PathBuf>,
    /// Compare with what a running `chancery serve` serves: its admin address. Its options count then, but for
    /// --route-tables and --oldest-envoy, where they are given.
    #[arg(long, value_name = "ADDR")]
    pub(crate) server: Option<SocketAddr>,
    /// Exit with 2 when there are changes.
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) translating: Translating,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}
