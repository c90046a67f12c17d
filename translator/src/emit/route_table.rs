//! Route tables and their virtual hosts, in each of their forms.

use bytes::Bytes;
use chancery_protocol::{Resource, TypeUrl};
use chancery_resource::Draft;
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, Vhds, VirtualHost};

use super::{metadata, route, scope, values};
use crate::ir::{self, RouteTable, RouteTableName};
use crate::names;
use crate::options::Options;
use crate::provenance::Origin;
use crate::route_tables::TableForm;

/// `virtual_hosts`, which follows the name and precedes everything else.
const HOSTS_FIELD: u32 = 2;

/// Everything a table comes to.
pub(super) fn resources(table: &RouteTable, options: &Options) -> Vec<Resource> {
    let mut hosts: Vec<&ir::VirtualHost> = table.hosts.iter().collect();
    hosts.sort_by(|one, other| one.domain.cmp(&other.domain));
    let messages = hosts.into_iter().map(|host| (host, virtual_host(&table.name, host, options)));
    if table.form != TableForm::Whole {
        let encoded = messages.filter_map(|(host, message)| Some((host, Draft::new(&message).ok()?.into_body())));
        let of_hosts = encoded.flat_map(|(host, bytes)| of_host(table.form, &table.name, host, &bytes.into()));
        return of_table(table.form, &table.name, &table.origins).into_iter().chain(of_hosts).collect();
    }
    let mut message = empty(&table.name.0, table.form);
    message.virtual_hosts = messages.map(|(_, message)| message).collect();
    super::resource(&message, &table.origins).into_iter().collect()
}

/// A route configuration without hosts.
fn empty(name: &str, form: TableForm) -> RouteConfiguration {
    RouteConfiguration {
        name: name.to_owned(),
        validate_clusters: values::truth(false),
        ignore_port_in_host_matching: true,
        most_specific_header_mutations_wins: true,
        vhds: (form == TableForm::VirtualHosts).then(|| Vhds { config_source: Some(values::ads()) }),
        request_headers_to_remove: match form {
            TableForm::Scopes => vec![scope::TABLE_HEADER.to_owned()],
            TableForm::Whole | TableForm::VirtualHosts => Vec::new(),
        },
        ..RouteConfiguration::default()
    }
}

fn virtual_host(table: &RouteTableName, host: &ir::VirtualHost, options: &Options) -> VirtualHost {
    VirtualHost {
        name: names::table_host(table, &host.domain),
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

/// A table of hosts that are encoded already, in the order of their domains. Gives what [`resources`] gives for a whole one.
pub(crate) fn assembled<'a>(
    name: &RouteTableName,
    hosts: impl Iterator<Item = &'a Bytes>,
    origins: &[Origin],
) -> Option<Resource> {
    with_hosts(&name.0, TableForm::Whole, hosts, origins)
}

fn with_hosts<'a>(
    name: &str,
    form: TableForm,
    hosts: impl Iterator<Item = &'a Bytes>,
    origins: &[Origin],
) -> Option<Resource> {
    let named = RouteConfiguration { name: name.to_owned(), ..RouteConfiguration::default() };
    let (named, empty) = (Draft::new(&named).ok()?, Draft::new(&empty(name, form)).ok()?);
    let draft = empty.with_repeated(named.body().len(), HOSTS_FIELD, hosts.map(AsRef::as_ref));
    super::told(draft, origins).encode().ok()
}

/// What stands for a table as a whole whose hosts are sent by themselves, if something does.
pub(crate) fn of_table(form: TableForm, name: &RouteTableName, origins: &[Origin]) -> Option<Resource> {
    match form {
        TableForm::VirtualHosts => super::resource(&empty(&name.0, form), origins),
        TableForm::Whole | TableForm::Scopes => None,
    }
}

/// What a host comes to that is sent by itself. Its encoding is that of [`host`].
pub(crate) fn of_host(
    form: TableForm,
    table: &RouteTableName,
    host: &ir::VirtualHost,
    encoded: &Bytes,
) -> Vec<Resource> {
    let made = match form {
        TableForm::Whole => return Vec::new(),
        TableForm::VirtualHosts => {
            let draft = Draft::from_any(TypeUrl::VIRTUAL_HOST.as_str(), encoded).ok();
            vec![draft.and_then(|draft| super::told(draft, &host.origins).encode().ok())]
        }
        TableForm::Scopes => {
            let name = names::table_host(table, &host.domain);
            let table_of_one = with_hosts(&name, form, std::iter::once(encoded), &host.origins);
            vec![super::resource(&scope::message(table, &host.domain), &host.origins), table_of_one]
        }
    };
    made.into_iter().flatten().collect()
}

/// A resource, where it comes from, and where its virtual hosts and routes do.
pub(super) type Sources<'a> = (TypeUrl, String, &'a [Origin], Vec<(String, Vec<Origin>)>);

/// Where everything a table comes to has its parts from.
pub(super) fn sources(table: &RouteTable) -> Vec<Sources<'_>> {
    let name = table.name.0.to_string();
    let of_hosts = |type_url: TypeUrl| {
        table.hosts.iter().map(move |host| {
            (
                type_url.clone(),
                names::table_host(&table.name, &host.domain),
                &*host.origins,
                parts(table, host).collect(),
            )
        })
    };
    match table.form {
        TableForm::Whole => {
            let mut all: Vec<(String, Vec<Origin>)> = table.hosts.iter().flat_map(|host| parts(table, host)).collect();
            // A route of several hosts is one part: it comes from one place.
            all.sort();
            all.dedup();
            vec![(TypeUrl::ROUTE, name, &table.origins, all)]
        }
        TableForm::VirtualHosts => {
            let shell = (TypeUrl::ROUTE, name, &*table.origins, Vec::new());
            std::iter::once(shell).chain(of_hosts(TypeUrl::VIRTUAL_HOST)).collect()
        }
        TableForm::Scopes => {
            let scopes =
                of_hosts(TypeUrl::SCOPED_ROUTE).map(|(url, name, origins, _)| (url, name, origins, Vec::new()));
            scopes.chain(of_hosts(TypeUrl::ROUTE)).collect()
        }
    }
}

/// Where a host and its routes come from.
fn parts<'a>(table: &'a RouteTable, host: &'a ir::VirtualHost) -> impl Iterator<Item = (String, Vec<Origin>)> + 'a {
    let own = (names::table_host(&table.name, &host.domain), host.origins.clone());
    std::iter::once(own).chain(host.routes.iter().map(|route| (route.name.to_string(), route.origins.clone())))
}
