//! Route tables and their virtual hosts.

use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};

use super::{metadata, route, values};
use crate::ir::{self, RouteTable};
use crate::options::Options;
use crate::provenance::Origin;

pub(super) fn message(table: &RouteTable, options: &Options) -> RouteConfiguration {
    let mut hosts: Vec<&ir::VirtualHost> = table.hosts.iter().collect();
    hosts.sort_by(|one, other| one.domain.cmp(&other.domain));
    RouteConfiguration {
        name: table.name.0.to_string(),
        virtual_hosts: hosts.into_iter().map(|host| virtual_host(table, host, options)).collect(),
        validate_clusters: values::truth(false),
        ignore_port_in_host_matching: true,
        most_specific_header_mutations_wins: true,
        ..RouteConfiguration::default()
    }
}

fn virtual_host(table: &RouteTable, host: &ir::VirtualHost, options: &Options) -> VirtualHost {
    VirtualHost {
        name: host_name(table, host),
        domains: vec![host.domain.to_string()],
        routes: host.routes.iter().map(|one| route::message(one, options)).collect(),
        metadata: metadata::of(&host.origins, options),
        ..VirtualHost::default()
    }
}

/// Beginning with the table's name, as a virtual host that is sent by itself has to.
fn host_name(table: &RouteTable, host: &ir::VirtualHost) -> String {
    format!("{}/{}", table.name.0, host.domain)
}

/// Where the virtual hosts and routes come from.
pub(super) fn parts(table: &RouteTable) -> Vec<(String, Vec<Origin>)> {
    let mut parts: Vec<(String, Vec<Origin>)> = Vec::new();
    for host in &table.hosts {
        parts.push((host_name(table, host), host.origins.clone()));
        parts.extend(host.routes.iter().map(|route| (route.name.to_string(), route.origins.clone())));
    }
    // A route of several hosts is one part: it comes from one place.
    parts.sort();
    parts.dedup();
    parts
}
