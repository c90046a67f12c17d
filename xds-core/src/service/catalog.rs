//! Envoy's discovery services: which method serves which types, in which form.

use chancery_protocol::{Services, TypeUrl};

use crate::bodies::Form;

/// Envoy's name of each service, and the type it serves; the aggregated one serves all.
const SERVICES: [(&str, &str, Option<TypeUrl>); 11] = [
    ("envoy.service.discovery.v3.AggregatedDiscoveryService", "AggregatedResources", None),
    ("envoy.service.listener.v3.ListenerDiscoveryService", "Listeners", Some(TypeUrl::LISTENER)),
    ("envoy.service.route.v3.RouteDiscoveryService", "Routes", Some(TypeUrl::ROUTE)),
    ("envoy.service.route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes", Some(TypeUrl::SCOPED_ROUTE)),
    ("envoy.service.route.v3.VirtualHostDiscoveryService", "VirtualHosts", Some(TypeUrl::VIRTUAL_HOST)),
    ("envoy.service.cluster.v3.ClusterDiscoveryService", "Clusters", Some(TypeUrl::CLUSTER)),
    ("envoy.service.endpoint.v3.EndpointDiscoveryService", "Endpoints", Some(TypeUrl::ENDPOINTS)),
    (
        "envoy.service.endpoint.v3.LocalityEndpointDiscoveryService",
        "LocalityEndpoints",
        Some(TypeUrl::LOCALITY_ENDPOINTS),
    ),
    ("envoy.service.secret.v3.SecretDiscoveryService", "Secrets", Some(TypeUrl::SECRET)),
    ("envoy.service.extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs", Some(TypeUrl::EXTENSION_CONFIG)),
    ("envoy.service.runtime.v3.RuntimeDiscoveryService", "Runtime", Some(TypeUrl::RUNTIME)),
];

/// The names of the services, for mounting them.
pub(crate) fn service_names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(service, _, _)| *service)
}

/// One streaming method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) form: Form,
    pub(crate) services: Services,
}

/// The method at this path; `None` for any other, unary `Fetch` and the state-of-the-world form of types that have none
/// (P9) among them.
pub(crate) fn method(path: &str) -> Option<Method> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let (_, noun, served) = SERVICES.iter().find(|(name, _, _)| *name == service)?;
    let form = match method.strip_suffix(noun)? {
        "Stream" => Form::Sotw,
        "Delta" => Form::Delta,
        _ => return None,
    };
    match served {
        None => Some(Method { form, services: Services::Aggregated }),
        Some(served) if form == Form::Sotw && served.traits().delta_only => None,
        Some(served) => Some(Method { form, services: Services::Single(served.clone()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p9_virtual_hosts_and_locality_endpoints_are_served_in_delta_form_only() {
        assert!(method("/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts").is_some());
        assert!(method("/envoy.service.route.v3.VirtualHostDiscoveryService/StreamVirtualHosts").is_none());
        assert!(method("/envoy.service.endpoint.v3.LocalityEndpointDiscoveryService/DeltaLocalityEndpoints").is_some());
        assert!(
            method("/envoy.service.endpoint.v3.LocalityEndpointDiscoveryService/StreamLocalityEndpoints").is_none()
        );
    }

    #[test]
    fn unary_and_unknown_methods_are_not_served() {
        for path in [
            "/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters",
            "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamListeners",
            "/envoy.service.cluster.v3.ClusterDiscoveryService/",
            "/envoy.service.cluster.v2.ClusterDiscoveryService/StreamClusters",
            "/",
            "",
        ] {
            assert_eq!(method(path), None, "{path}");
        }
    }
}
