//! Which fields of Envoy's messages name another resource.

use chancery_protocol::TypeUrl;

use crate::schema::{Schema, ShapeId};

/// A field number on the way to a nested value.
pub(super) type Step = u32;

/// What a message of one type may name.
pub(super) enum Rule {
    /// This text field names a resource.
    Names { field: Step, type_url: TypeUrl },
    /// The text at `name` (or else at `or_name`) names a resource, if the `ConfigSource` at `source` is the same server.
    Sourced { name: Vec<Step>, or_name: Vec<Step>, source: Vec<Step>, only_if: Option<(Step, u64)>, type_url: TypeUrl },
    /// What this field holds names resources only if the `ConfigSource` at `source` is the same server.
    Gate { field: Step, source: Vec<Step> },
}

/// A configuration source, and the clusters it is reached through, are the peer's bootstrap's business.
pub(super) const SOURCES: [&str; 2] = ["envoy.config.core.v3.ConfigSource", "envoy.config.core.v3.ApiConfigSource"];

const HCM: &str = "envoy.extensions.filters.network.http_connection_manager.v3";

/// Fields that hold the name of a cluster.
pub(super) const CLUSTERS: &[(&str, &str)] = &[
    ("envoy.config.core.v3.GrpcService.EnvoyGrpc", "cluster_name"),
    ("envoy.config.core.v3.HttpUri", "cluster"),
    ("envoy.config.route.v3.RouteAction", "cluster"),
    ("envoy.config.route.v3.RouteAction.RequestMirrorPolicy", "cluster"),
    ("envoy.config.route.v3.WeightedCluster.ClusterWeight", "name"),
    ("envoy.config.trace.v3.DatadogConfig", "collector_cluster"),
    ("envoy.config.trace.v3.LightstepConfig", "collector_cluster"),
    ("envoy.config.trace.v3.ZipkinConfig", "collector_cluster"),
    ("envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig", "cluster"),
    ("envoy.extensions.clusters.aggregate.v3.ClusterConfig", "clusters"),
    ("envoy.extensions.clusters.composite.v3.ClusterConfig.ClusterEntry", "name"),
    ("envoy.extensions.clusters.mcp_multicluster.v3.ClusterConfig.McpCluster", "cluster"),
    ("envoy.extensions.filters.http.gcp_authn.v3.GcpAuthnFilterConfig", "cluster"),
    ("envoy.extensions.filters.http.mcp_router.v3.McpRouter.McpCluster", "cluster"),
    ("envoy.extensions.filters.network.dubbo_proxy.v3.RouteAction", "cluster"),
    ("envoy.extensions.filters.network.generic_proxy.action.v3.RouteAction", "cluster"),
    ("envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.PrefixRoutes.Route", "cluster"),
    ("envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.PrefixRoutes.Route.ReadCommandPolicy", "cluster"),
    ("envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.PrefixRoutes.Route.RequestMirrorPolicy", "cluster"),
    ("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster"),
    ("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight", "name"),
    ("envoy.extensions.filters.network.thrift_proxy.v3.RouteAction", "cluster"),
    ("envoy.extensions.filters.network.thrift_proxy.v3.RouteAction.RequestMirrorPolicy", "cluster"),
    ("envoy.extensions.filters.network.thrift_proxy.v3.WeightedCluster.ClusterWeight", "name"),
    ("envoy.extensions.filters.udp.udp_proxy.v3.Route", "cluster"),
    ("envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig", "cluster"),
    ("envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig", "default_cluster"),
    ("envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction", "cluster"),
    ("envoy.extensions.tracers.fluentd.v3.FluentdConfig", "cluster"),
];

/// A message, the path of the name, the path of its `ConfigSource`, and the type named.
pub(super) const SOURCED: &[(&str, &str, &str, &str)] = &[
    (
        "envoy.extensions.filters.network.http_connection_manager.v3.Rds",
        "route_config_name",
        "config_source",
        "envoy.config.route.v3.RouteConfiguration",
    ),
    (
        "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
        "name",
        "sds_config",
        "envoy.extensions.transport_sockets.tls.v3.Secret",
    ),
    // Virtual hosts are asked for by the name of the route configuration they belong to.
    ("envoy.config.route.v3.RouteConfiguration", "name", "vhds.config_source", "envoy.config.route.v3.VirtualHost"),
    (
        "envoy.extensions.clusters.aggregate.v3.AggregateClusterResource",
        "resource_name",
        "config_source",
        "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
    ),
    (
        "envoy.extensions.filters.network.thrift_proxy.v3.Trds",
        "route_config_name",
        "config_source",
        "envoy.extensions.filters.network.thrift_proxy.v3.RouteConfiguration",
    ),
    (
        "envoy.extensions.filters.network.generic_proxy.v3.GenericRds",
        "route_config_name",
        "config_source",
        "envoy.extensions.filters.network.generic_proxy.v3.RouteConfiguration",
    ),
    (
        "envoy.extensions.filters.network.dubbo_proxy.v3.Drds",
        "route_config_name",
        "config_source",
        "envoy.extensions.filters.network.dubbo_proxy.v3.MultipleRouteConfiguration",
    ),
];

/// Every rule, with the type of message it is for. Rules for messages or fields this API version lacks are left out.
pub(super) fn table() -> Vec<(ShapeId, Rule)> {
    let clusters = CLUSTERS.iter().filter_map(|(message, field)| {
        let rule = Rule::Names { field: path(message, field)?.pop()?, type_url: TypeUrl::CLUSTER };
        Some((find(message)?, rule))
    });
    let sourced = SOURCED.iter().filter_map(|(message, name, source, named)| {
        let rule = Rule::Sourced {
            name: path(message, name)?,
            or_name: Vec::new(),
            source: path(message, source)?,
            only_if: None,
            type_url: TypeUrl::of_message(named),
        };
        Some((find(message)?, rule))
    });
    clusters.chain(sourced).chain(discovered_filters()).chain(endpoints()).chain(scoped_routes()).collect()
}

/// A cluster of type EDS names its endpoints by `service_name`, or by its own name.
fn endpoints() -> Option<(ShapeId, Rule)> {
    const EDS: u64 = 3;
    let cluster = "envoy.config.cluster.v3.Cluster";
    let rule = Rule::Sourced {
        name: path(cluster, "eds_cluster_config.service_name")?,
        or_name: path(cluster, "name")?,
        source: path(cluster, "eds_cluster_config.eds_config")?,
        only_if: Some((path(cluster, "type")?.pop()?, EDS)),
        type_url: TypeUrl::ENDPOINTS,
    };
    Some((find(cluster)?, rule))
}

/// A scoped route names a route configuration. Where it is written into the listener, the listener says from where the
/// route configuration comes; where it is a resource of its own, from the same server.
fn scoped_routes() -> impl Iterator<Item = (ShapeId, Rule)> {
    let scope = "envoy.config.route.v3.ScopedRouteConfiguration";
    let names = || {
        let field = path(scope, "route_configuration_name")?.pop()?;
        Some((find(scope)?, Rule::Names { field, type_url: TypeUrl::ROUTE }))
    };
    let routes = format!("{HCM}.ScopedRoutes");
    let gate = || {
        let field = path(&routes, "scoped_route_configurations_list")?.pop()?;
        Some((find(&routes)?, Rule::Gate { field, source: path(&routes, "rds_config_source")? }))
    };
    names().into_iter().chain(gate())
}

/// Wherever a filter may be discovered, its configuration is asked for by the filter's name.
fn discovered_filters() -> Vec<(ShapeId, Rule)> {
    let schema = Schema::get();
    let Some(discovery) = find("envoy.config.core.v3.ExtensionConfigSource") else { return Vec::new() };
    let mut rules = Vec::new();
    for id in schema.ids() {
        let message = schema.shape(id).descriptor.full_name();
        for field in schema.shape(id).fields().iter().filter(|field| field.is_message(discovery)) {
            let source = path("envoy.config.core.v3.ExtensionConfigSource", "config_source");
            if let (Some(name), Some(source)) = (path(message, "name"), source) {
                let source = [vec![field.number], source].concat();
                let type_url = TypeUrl::EXTENSION_CONFIG;
                rules.push((id, Rule::Sourced { name, or_name: Vec::new(), source, only_if: None, type_url }));
            }
        }
    }
    rules
}

fn find(message: &str) -> Option<ShapeId> {
    Schema::get().find(message)
}

/// The numbers of a dotted path of fields.
fn path(message: &str, fields: &str) -> Option<Vec<Step>> {
    let mut message = Some(Schema::get().shape(find(message)?).descriptor.clone());
    fields
        .split('.')
        .map(|name| {
            let field = message.as_ref()?.get_field_by_name(name)?;
            message = field.kind().as_message().cloned();
            Some(field.number())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_about_a_field_that_exists() {
        for (message, field) in CLUSTERS {
            assert!(path(message, field).is_some(), "{message}.{field}");
        }
        for (message, name, source, named) in SOURCED {
            assert!(path(message, name).is_some(), "{message}.{name}");
            assert!(path(message, source).is_some(), "{message}.{source}");
            assert!(find(named).is_some(), "{named}");
        }
        assert!(endpoints().is_some());
        assert_eq!(scoped_routes().count(), 2);
        assert!(discovered_filters().len() >= 6, "only {} kinds of discovered filters", discovered_filters().len());
        assert!(SOURCES.iter().all(|name| find(name).is_some()));
    }
}
