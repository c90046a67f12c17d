//! What each proxy is to serve, as documents: without private keys, but with the version of each resource, so that two of
//! them can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use chancery_protocol::{Resource, TypeUrl};
use chancery_resource::{Secrets, to_json};
use chancery_translator::api::{Kind, ObjectId};
use chancery_translator::{Bind, Options, Proxies, ProxyResources, RouteTables, Translation, Usable};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::standing::in_words;

/// By proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rendered {
    pub(crate) proxies: BTreeMap<String, RenderedProxy>,
}

/// What a server serves, and the options it comes from: with them, what a directory comes to can be compared with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) rendered: Rendered,
    pub(crate) controller_name: String,
    pub(crate) assumed_classes: BTreeSet<String>,
    pub(crate) merged: bool,
    /// The address of each Gateway, by `namespace/name`.
    pub(crate) addresses: BTreeMap<String, IpAddr>,
    pub(crate) otherwise: IpAddr,
    pub(crate) privileged_port_offset: u16,
    /// Whether Gateways may ask for loopback addresses alone.
    pub(crate) loopback_only: bool,
    /// The form of each Gateway's route tables, by `namespace/name`; under no name that of all others.
    pub(crate) route_tables: BTreeMap<String, String>,
    /// The form all tables had before.
    pub(crate) former_route_tables: Option<String>,
    /// The oldest Envoy that is served: `1.36`.
    pub(crate) oldest_envoy: String,
}

impl Served {
    /// A translation and its options.
    pub(crate) fn of(translation: &Translation, options: &Options) -> Served {
        let Bind { addresses, otherwise, privileged_port_offset, usable } = &options.bind;
        let addresses = addresses.iter().map(|(id, address)| (format!("{}/{}", id.namespace, id.name), *address));
        Served {
            rendered: Rendered::of(translation),
            controller_name: options.controller_name.clone(),
            assumed_classes: options.assumed_classes.clone(),
            merged: options.proxies == Proxies::PerClass,
            addresses: addresses.collect(),
            otherwise: *otherwise,
            privileged_port_offset: *privileged_port_offset,
            loopback_only: *usable == Usable::Loopback,
            route_tables: forms(&options.route_tables),
            former_route_tables: options.route_tables.former.map(|form| form.to_string()),
            oldest_envoy: options.envoy_floor.to_string(),
        }
    }

    fn route_tables(&self) -> RouteTables {
        let former = self.former_route_tables.as_ref().and_then(|form| form.parse().ok());
        let mut tables = RouteTables { former, ..RouteTables::default() };
        for (name, form) in &self.route_tables {
            let form = form.parse().unwrap_or_default();
            match name.split_once('/') {
                Some((namespace, name)) => {
                    tables.gateways.insert(ObjectId::new(Kind::Gateway, namespace, name), form);
                }
                None => tables.otherwise = form,
            }
        }
        tables
    }

    /// The options, but for what proxies said.
    pub(crate) fn options(&self) -> Options {
        let id = |name: &String| {
            let (namespace, name) = name.split_once('/').unwrap_or_default();
            ObjectId::new(Kind::Gateway, namespace, name)
        };
        Options {
            controller_name: self.controller_name.clone(),
            assumed_classes: self.assumed_classes.clone(),
            proxies: if self.merged { Proxies::PerClass } else { Proxies::PerGateway },
            bind: Bind {
                addresses: self.addresses.iter().map(|(name, address)| (id(name), *address)).collect(),
                otherwise: self.otherwise,
                privileged_port_offset: self.privileged_port_offset,
                usable: if self.loopback_only { Usable::Loopback } else { Usable::Any },
            },
            route_tables: self.route_tables(),
            envoy_floor: self.oldest_envoy.parse().unwrap_or_default(),
            ..Options::default()
        }
    }
}

/// Forms as text, by the names of Gateways; under no name that of all others.
fn forms(tables: &RouteTables) -> BTreeMap<String, String> {
    let named = tables.gateways.iter().map(|(id, form)| (format!("{}/{}", id.namespace, id.name), form.to_string()));
    named.chain([(String::new(), tables.otherwise.to_string())]).collect()
}

/// Of one proxy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RenderedProxy {
    /// The Gateways it serves.
    pub(crate) gateways: Vec<String>,
    /// Its resources, by type and name.
    pub(crate) resources: Vec<RenderedResource>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RenderedResource {
    /// The type's URL.
    pub(crate) type_url: String,
    /// Its name.
    pub(crate) name: String,
    /// Its version: the same for the same content, private keys included.
    pub(crate) version: String,
    /// The objects and fields it comes from.
    pub(crate) origins: Vec<String>,
    /// What it says, with private keys left out.
    pub(crate) body: Value,
}

impl Rendered {
    /// All of it.
    pub(crate) fn of(translation: &Translation) -> Rendered {
        let proxies = translation.proxies.iter();
        Rendered {
            proxies: proxies.map(|(proxy, resources)| (proxy.to_string(), RenderedProxy::of(resources))).collect(),
        }
    }
}

impl RenderedProxy {
    fn of(proxy: &ProxyResources) -> RenderedProxy {
        RenderedProxy {
            gateways: proxy.gateways.iter().map(ToString::to_string).collect(),
            resources: proxy.resources.iter().map(|resource| of_resource(proxy, resource)).collect(),
        }
    }

    /// The resources by type, in words: `listeners`, `clusters`.
    pub(crate) fn by_type(&self) -> BTreeMap<String, Vec<&RenderedResource>> {
        let mut types: BTreeMap<String, Vec<&RenderedResource>> = BTreeMap::new();
        for resource in &self.resources {
            types.entry(resource.kind().replace(' ', "_")).or_default().push(resource);
        }
        types
    }

    /// Envoy shows virtual hosts that are sent by themselves in their route configuration.
    fn put_hosts(&self, routes: &mut [Value]) {
        let hosts = self.resources.iter().filter(|one| one.type_url == TypeUrl::VIRTUAL_HOST.as_str());
        let mut by_table: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for host in hosts {
            let table = host.name.rsplit_once('/').map_or("", |(table, _)| table);
            by_table.entry(table).or_default().push(host.body.clone());
        }
        for route in routes {
            let hosts = route["route_config"]["name"].as_str().and_then(|name| by_table.remove(name));
            if let Some(hosts) = hosts {
                route["route_config"]["virtual_hosts"] = hosts.into();
            }
        }
    }

    /// In the form of Envoy's `/config_dump`.
    pub(crate) fn config_dump(&self) -> Value {
        let of = |type_url: TypeUrl, entry: fn(&RenderedResource, Value) -> Value| -> Vec<Value> {
            let mine = self.resources.iter().filter(|resource| resource.type_url == type_url.as_str());
            mine.map(|resource| entry(resource, resource.typed_body())).collect()
        };
        let dump = |kind: &str, field: &str, entries: Vec<Value>| {
            let mut dump = Map::new();
            dump.insert("@type".to_owned(), format!("type.googleapis.com/envoy.admin.v3.{kind}").into());
            dump.insert(field.to_owned(), entries.into());
            Value::Object(dump)
        };
        let clusters = of(TypeUrl::CLUSTER, |one, body| json!({ "version_info": one.version, "cluster": body }));
        let endpoints =
            of(TypeUrl::ENDPOINTS, |one, body| json!({ "version_info": one.version, "endpoint_config": body }));
        let listeners = of(
            TypeUrl::LISTENER,
            |one, body| json!({ "name": one.name, "active_state": { "version_info": one.version, "listener": body } }),
        );
        let scopes = of(
            TypeUrl::SCOPED_ROUTE,
            |one, body| json!({ "name": one.name, "version_info": one.version, "scoped_route_configs": [body] }),
        );
        let mut routes = of(TypeUrl::ROUTE, |one, body| json!({ "version_info": one.version, "route_config": body }));
        self.put_hosts(&mut routes);
        let secrets =
            of(TypeUrl::SECRET, |one, body| json!({ "name": one.name, "version_info": one.version, "secret": body }));
        json!({ "configs": [
            dump("ClustersConfigDump", "dynamic_active_clusters", clusters),
            dump("EndpointsConfigDump", "dynamic_endpoint_configs", endpoints),
            dump("ListenersConfigDump", "dynamic_listeners", listeners),
            dump("RoutesConfigDump", "dynamic_route_configs", routes),
            dump("ScopedRoutesConfigDump", "dynamic_scoped_route_configs", scopes),
            dump("SecretsConfigDump", "dynamic_active_secrets", secrets),
        ]})
    }
}

impl RenderedResource {
    /// The type, in words: `clusters`.
    pub(crate) fn kind(&self) -> String {
        in_words(&TypeUrl::parse(&self.type_url))
    }

    fn typed_body(&self) -> Value {
        let mut body = Map::new();
        body.insert("@type".to_owned(), self.type_url.clone().into());
        body.extend(self.body.as_object().cloned().unwrap_or_default());
        Value::Object(body)
    }
}

fn of_resource(proxy: &ProxyResources, resource: &Resource) -> RenderedResource {
    let (type_url, name) = (resource.type_url(), resource.name());
    let provenance = proxy.provenance.get(&(type_url.clone(), name.clone()));
    let body = to_json(type_url.as_str(), resource.body(), Secrets::Redacted);
    RenderedResource {
        type_url: type_url.to_string(),
        name: name.to_string(),
        version: resource.version().to_string(),
        origins: provenance.map(|known| known.origins.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        body: body.unwrap_or_else(|error| error.to_string().into()),
    }
}
