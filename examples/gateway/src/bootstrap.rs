//! `chancery bootstrap`: what an Envoy needs to know to find a server.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::Failure;
use crate::command::{Bootstrap, Output};

pub(crate) fn run(arguments: &Bootstrap) -> Result<ExitCode, Failure> {
    let bootstrap = match arguments.server.parse::<SocketAddr>() {
        Ok(address) => chancery_testkit::Bootstrap::new(address),
        Err(_) => {
            let split = arguments.server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
            let (host, port) = split
                .filter(|(host, _)| !host.is_empty())
                .ok_or_else(|| format!("--server {:?} is not HOST:PORT, such as 127.0.0.1:18000", arguments.server))?;
            chancery_testkit::Bootstrap::with_host(host, port)
        }
    };
    // Which Gateway a proxy serves, it says as its cluster.
    let (node, cluster) = match &arguments.gateway {
        Some(gateway) => (gateway.to_string(), gateway.to_string()),
        None => (arguments.node.clone(), arguments.cluster.clone()),
    };
    let bootstrap = bootstrap.node(&node, &cluster).variant(arguments.variant.into());
    match arguments.output {
        Output::Json => println!("{}", bootstrap.to_json()),
        Output::Yaml | Output::Table => print!("{}", bootstrap.to_yaml()),
    }
    Ok(ExitCode::SUCCESS)
}
