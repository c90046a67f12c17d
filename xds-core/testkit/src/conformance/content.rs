//! What a transcript's resources are on the wire: the smallest Envoy message with that name, that label and those
//! references.

use chancery_protocol::TypeUrl;
use chancery_protocol::sim::play::type_named;
use chancery_protocol::sim::transcript::Edit;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType, EdsClusterConfig};
use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::data_source::Specifier;
use envoy_types::pb::envoy::config::core::v3::{
    AggregatedConfigSource, ApiVersion, ConfigSource, DataSource, Locality, TypedExtensionConfig,
};
use envoy_types::pb::envoy::config::endpoint::v3::{ClusterLoadAssignment, LocalityLbEndpoints};
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::scoped_route_configuration::key::fragment;
use envoy_types::pb::envoy::config::route::v3::scoped_route_configuration::{Key, key::Fragment};
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteAction, RouteConfiguration, RouteMatch, ScopedRouteConfiguration, Vhds, VirtualHost,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{HttpConnectionManager, Rds};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::secret::Type as SecretType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{GenericSecret, Secret};
use envoy_types::pb::envoy::service::runtime::v3::Runtime;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Any, StringValue, Struct, Value};
use envoy_types::util::pack_any;
use prost::{Message, Name};

/// The Envoy message that stands for a published resource. `None` for a removal, and for a type whose resources no
/// transcript can name on the wire (anything but the types with a short name, and locality endpoints).
///
/// The references to clusters, endpoints, route configurations and virtual hosts are real ones, from the aggregated
/// stream. A resource to be made larger (`bytes=N`) has blanks after its label.
pub fn content(edit: &Edit) -> Option<Any> {
    let name = edit.name.clone();
    let mut text = edit.label.clone()?;
    text.push_str(&" ".repeat(edit.bytes.saturating_sub(text.len())));
    let named = |type_name: &str| {
        let wanted: Vec<String> =
            edit.references.iter().filter(|(of, _)| of == type_name).map(|(_, name)| name.clone()).collect();
        wanted
    };
    let any = match type_named(&edit.type_name).short()? {
        "cds" => pack_any(cluster(name, text, named("eds").pop())),
        "eds" => pack_any(endpoints(name, text)),
        "lds" => pack_any(listener(name, text, named("rds").pop())),
        "rds" => pack_any(routes(name, text, &named("cds"), !named("vhds").is_empty())),
        "srds" => pack_any(scope(name, text, named("rds").pop())),
        "vhds" => pack_any(VirtualHost { name, request_headers_to_remove: vec![text], ..Default::default() }),
        "sds" => pack_any(secret(name, text)),
        "rtds" => pack_any(runtime(name, text)),
        "ecds" => {
            let typed_config = Some(pack_any(StringValue { value: text }));
            pack_any(TypedExtensionConfig { name, typed_config })
        }
        _ => return None,
    };
    Some(any)
}

/// The name and label of a resource made by [`content`]. `None`: it is not one.
pub fn label(any: &Any) -> Option<(String, String)> {
    let (name, text) = match TypeUrl::parse(&any.type_url).short()? {
        "cds" => decoded::<Cluster>(any).map(|it| (it.name, it.alt_stat_name))?,
        "eds" => {
            let it = decoded::<ClusterLoadAssignment>(any)?;
            (it.cluster_name, it.endpoints.into_iter().next()?.locality?.zone)
        }
        "lds" => decoded::<Listener>(any).map(|it| (it.name, it.stat_prefix))?,
        "rds" => {
            decoded::<RouteConfiguration>(any).map(|mut it| (it.name, first(&mut it.request_headers_to_remove)))?
        }
        "srds" => {
            let it = decoded::<ScopedRouteConfiguration>(any)?;
            let fragment::Type::StringKey(text) = it.key?.fragments.into_iter().next()?.r#type?;
            (it.name, text)
        }
        "vhds" => decoded::<VirtualHost>(any).map(|mut it| (it.name, first(&mut it.request_headers_to_remove)))?,
        "sds" => {
            let it = decoded::<Secret>(any)?;
            let SecretType::GenericSecret(GenericSecret { secret: Some(source), .. }) = it.r#type? else { return None };
            let Specifier::InlineString(text) = source.specifier? else { return None };
            (it.name, text)
        }
        "rtds" => {
            let it = decoded::<Runtime>(any)?;
            let Kind::StringValue(text) = it.layer?.fields.remove("label")?.kind? else { return None };
            (it.name, text)
        }
        "ecds" => {
            let it = decoded::<TypedExtensionConfig>(any)?;
            (it.name, decoded::<StringValue>(&it.typed_config?)?.value)
        }
        _ => return None,
    };
    Some((name, text.trim_end().to_owned()))
}

fn decoded<M: Message + Name + Default>(any: &Any) -> Option<M> {
    let of = any.type_url.rsplit('/').next()?;
    (of == M::full_name()).then(|| M::decode(any.value.as_slice()).ok())?
}

fn first(texts: &mut Vec<String>) -> String {
    match texts.is_empty() {
        true => String::new(),
        false => texts.swap_remove(0),
    }
}

fn aggregated() -> Option<ConfigSource> {
    Some(ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource::default())),
        ..Default::default()
    })
}

fn cluster(name: String, text: String, endpoints: Option<String>) -> Cluster {
    let by_endpoints = endpoints.map(|service_name| EdsClusterConfig { eds_config: aggregated(), service_name });
    let kind = if by_endpoints.is_some() { DiscoveryType::Eds } else { DiscoveryType::Static };
    Cluster {
        name,
        alt_stat_name: text,
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind.into())),
        eds_cluster_config: by_endpoints,
        ..Default::default()
    }
}

fn endpoints(cluster_name: String, text: String) -> ClusterLoadAssignment {
    let locality = Some(Locality { zone: text, ..Default::default() });
    let endpoints = vec![LocalityLbEndpoints { locality, ..Default::default() }];
    ClusterLoadAssignment { cluster_name, endpoints, ..Default::default() }
}

fn listener(name: String, text: String, routes: Option<String>) -> Listener {
    let chain = routes.map(|route_config_name| {
        let manager = HttpConnectionManager {
            stat_prefix: "web".to_owned(),
            route_specifier: Some(RouteSpecifier::Rds(Rds { config_source: aggregated(), route_config_name })),
            ..Default::default()
        };
        let config_type = Some(ConfigType::TypedConfig(pack_any(manager)));
        let filter = Filter { name: "envoy.filters.network.http_connection_manager".to_owned(), config_type };
        FilterChain { filters: vec![filter], ..Default::default() }
    });
    Listener { name, stat_prefix: text, filter_chains: chain.into_iter().collect(), ..Default::default() }
}

fn routes(name: String, text: String, clusters: &[String], by_virtual_hosts: bool) -> RouteConfiguration {
    let route = |cluster: &String| Route {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix(format!("/{cluster}"))),
            ..Default::default()
        }),
        action: Some(Action::Route(RouteAction {
            cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.clone())),
            ..Default::default()
        })),
        ..Default::default()
    };
    let host = VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes: clusters.iter().map(route).collect(),
        ..Default::default()
    };
    RouteConfiguration {
        name,
        request_headers_to_remove: vec![text],
        virtual_hosts: if clusters.is_empty() { Vec::new() } else { vec![host] },
        vhds: by_virtual_hosts.then(|| Vhds { config_source: aggregated() }),
        ..Default::default()
    }
}

fn scope(name: String, text: String, routes: Option<String>) -> ScopedRouteConfiguration {
    let fragments = vec![Fragment { r#type: Some(fragment::Type::StringKey(text)) }];
    ScopedRouteConfiguration {
        name,
        route_configuration_name: routes.unwrap_or_default(),
        key: Some(Key { fragments }),
        ..Default::default()
    }
}

fn secret(name: String, text: String) -> Secret {
    let source = DataSource { specifier: Some(Specifier::InlineString(text)), ..Default::default() };
    let generic = GenericSecret { secret: Some(source), ..Default::default() };
    Secret { name, r#type: Some(SecretType::GenericSecret(generic)) }
}

fn runtime(name: String, text: String) -> Runtime {
    let value = Value { kind: Some(Kind::StringValue(text)) };
    Runtime { name, layer: Some(Struct { fields: [("label".to_owned(), value)].into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_every_type_is_read_back() {
        for type_name in ["cds", "eds", "lds", "rds", "srds", "vhds", "sds", "rtds", "ecds"] {
            let (type_name, name) = (type_name.to_owned(), "n".to_owned());
            let edit = Edit { type_name, name, label: Some("v1".to_owned()), bytes: 100, ..Edit::default() };
            let any = content(&edit).expect("content");
            assert!(any.value.len() >= 100);
            assert_eq!(label(&any), Some(("n".to_owned(), "v1".to_owned())), "{}", edit.type_name);
        }
    }
}
