//! Route tables and their virtual hosts.

use bytes::Bytes;
use chancery_protocol::Resource;
use chancery_resource::Draft;
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};

use super::{metadata, route, values};
use crate::ir::{self, RouteTable, RouteTableName};
use crate::options::Options;
use crate::provenance::Origin;

/// `virtual_hosts`, which follows the name and precedes everything else.
const HOSTS_FIELD: u32 = 2;

pub(super) fn message(table: &RouteTable, options: &Options) -> RouteConfiguration {
    let mut hosts: Vec<&ir::VirtualHost> = table.hosts.iter().collect();
    hosts.sort_by(|one, other| one.domain.cmp(&other.domain));
    let mut message = empty(&table.name);
    message.virtual_hosts = hosts.into_iter().map(|host| virtual_host(&table.name, host, options)).collect();
    message
}

/// A table without hosts.
fn empty(name: &RouteTableName) -> RouteConfiguration {
    RouteConfiguration {
        name: name.0.to_string(),
        validate_clusters: values::truth(false),
        ignore_port_in_host_matching: true,
        most_specific_header_mutations_wins: true,
        ..RouteConfiguration::default()
    }
}

fn virtual_host(table: &RouteTableName, host: &ir::VirtualHost, options: &Options) -> VirtualHost {
    VirtualHost {
        name: host_name(table, host),
        domains: vec![host.domain.to_string()],
        routes: host.routes.iter().map(|one| route::message(one, options)).collect(),
        metadata: metadata::of(&host.origins, options),
        ..VirtualHost::default()
    }
}

/// The canonical encoding of one host of a table.
pub(crate) fn host(table: &RouteTableName, host: &ir::VirtualHost, options: &Options) -> Option<Bytes> {
    let draft = Draft::new(&virtual_host(table, host, options)).ok()?;
    Some(Bytes::from(draft.into_body()))
}

/// A table of hosts that are encoded already, in the order of their domains. Gives what [`message`] comes to.
pub(crate) fn assembled<'a>(
    name: &RouteTableName,
    hosts: impl Iterator<Item = &'a Bytes>,
    origins: &[Origin],
) -> Option<Resource> {
    let named = RouteConfiguration { name: name.0.to_string(), ..RouteConfiguration::default() };
    let (named, empty) = (Draft::new(&named).ok()?, Draft::new(&empty(name)).ok()?);
    let draft = empty.with_repeated(named.body().len(), HOSTS_FIELD, hosts.map(AsRef::as_ref));
    super::told(draft, origins).encode().ok()
}

/// Beginning with the table's name, as a virtual host that is sent by itself has to.
fn host_name(table: &RouteTableName, host: &ir::VirtualHost) -> String {
    format!("{}/{}", table.0, host.domain)
}

/// Where the virtual hosts and routes come from.
pub(super) fn parts(table: &RouteTable) -> Vec<(String, Vec<Origin>)> {
    let mut parts: Vec<(String, Vec<Origin>)> = Vec::new();
    for host in &table.hosts {
        parts.push((host_name(&table.name, host), host.origins.clone()));
        parts.extend(host.routes.iter().map(|route| (route.name.to_string(), route.origins.clone())));
    }
    // A route of several hosts is one part: it comes from one place.
    parts.sort();
    parts.dedup();
    parts
}
