//! The paths of the discovery services: what a stream is opened on.

use chancery_protocol::TypeUrl;

use crate::Variant;

/// The gRPC method a stream calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// The aggregated discovery service: all types on one stream.
    Aggregated,
    /// The service of this one type.
    Single(TypeUrl),
    /// Any path, `/package.Service/Method`: what no service has too.
    Path(String),
}

impl Method {
    /// The method's path in a variant. `None`: the type has no service of its own in this variant (only the delta
    /// variant has one for virtual hosts and locality endpoints).
    ///
    /// ```
    /// use chancery_protocol::TypeUrl;
    /// use chancery_testkit::{Method, Variant};
    /// let path = Method::Single(TypeUrl::CLUSTER).path(Variant::Delta);
    /// assert_eq!(path.as_deref(), Some("/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters"));
    /// assert_eq!(Method::Single(TypeUrl::VIRTUAL_HOST).path(Variant::Sotw), None);
    /// ```
    pub fn path(&self, variant: Variant) -> Option<String> {
        let verb = match variant {
            Variant::Delta => "Delta",
            Variant::Sotw => "Stream",
        };
        match self {
            Method::Path(path) => Some(path.clone()),
            Method::Aggregated => {
                Some(format!("/envoy.service.discovery.v3.AggregatedDiscoveryService/{verb}AggregatedResources"))
            }
            Method::Single(type_url) if type_url.traits().delta_only && variant == Variant::Sotw => None,
            Method::Single(type_url) => service(type_url).map(|(service, noun)| format!("/{service}/{verb}{noun}")),
        }
    }

    /// The path of the unary method of a type's service, which answers once.
    pub fn fetch(type_url: &TypeUrl) -> Option<Method> {
        let served = !type_url.traits().delta_only;
        let (service, noun) = service(type_url).filter(|_| served)?;
        Some(Method::Path(format!("/{service}/Fetch{noun}")))
    }
}

fn service(type_url: &TypeUrl) -> Option<(&'static str, &'static str)> {
    Some(match type_url.short()? {
        "lds" => ("envoy.service.listener.v3.ListenerDiscoveryService", "Listeners"),
        "cds" => ("envoy.service.cluster.v3.ClusterDiscoveryService", "Clusters"),
        "eds" => ("envoy.service.endpoint.v3.EndpointDiscoveryService", "Endpoints"),
        "leds" => ("envoy.service.endpoint.v3.LocalityEndpointDiscoveryService", "LocalityEndpoints"),
        "rds" => ("envoy.service.route.v3.RouteDiscoveryService", "Routes"),
        "vhds" => ("envoy.service.route.v3.VirtualHostDiscoveryService", "VirtualHosts"),
        "srds" => ("envoy.service.route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes"),
        "sds" => ("envoy.service.secret.v3.SecretDiscoveryService", "Secrets"),
        "rtds" => ("envoy.service.runtime.v3.RuntimeDiscoveryService", "Runtime"),
        "ecds" => ("envoy.service.extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs"),
        _ => return None,
    })
}
