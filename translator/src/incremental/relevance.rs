//! Whether a new form of an object can lead to anything new.

use crate::Options;
use crate::api::{Metadata, Object, RouteStatus};

/// Whether two forms of one object come to the same, whatever else there is: they differ in annotations, or in what is said
/// of them, at most.
pub(super) fn alike(options: &Options, one: &Object, other: &Object) -> bool {
    let ours =
        |status: &RouteStatus| status.parents.iter().any(|entry| entry.controller_name == options.controller_name);
    match (one, other) {
        (Object::GatewayClass(a), Object::GatewayClass(b)) => same(&a.metadata, &b.metadata) && a.spec == b.spec,
        (Object::Gateway(a), Object::Gateway(b)) => same(&a.metadata, &b.metadata) && a.spec == b.spec,
        (Object::ListenerSet(a), Object::ListenerSet(b)) => same(&a.metadata, &b.metadata) && a.spec == b.spec,
        (Object::HttpRoute(a), Object::HttpRoute(b)) => {
            same(&a.metadata, &b.metadata) && a.spec == b.spec && ours(&a.status) == ours(&b.status)
        }
        (Object::GrpcRoute(a), Object::GrpcRoute(b)) => {
            same(&a.metadata, &b.metadata) && a.spec == b.spec && ours(&a.status) == ours(&b.status)
        }
        (Object::TlsRoute(a), Object::TlsRoute(b))
        | (Object::TcpRoute(a), Object::TcpRoute(b))
        | (Object::UdpRoute(a), Object::UdpRoute(b)) => {
            same(&a.metadata, &b.metadata) && a.spec == b.spec && ours(&a.status) == ours(&b.status)
        }
        (Object::BackendTlsPolicy(a), Object::BackendTlsPolicy(b)) => {
            let ours = |policy: &crate::api::BackendTlsPolicy| {
                policy.status.ancestors.iter().any(|entry| entry.controller_name == options.controller_name)
            };
            same(&a.metadata, &b.metadata) && a.spec == b.spec && ours(a) == ours(b)
        }
        (Object::ReferenceGrant(a), Object::ReferenceGrant(b)) => a.spec == b.spec,
        (Object::ServiceImport(a), Object::ServiceImport(b)) => a.spec == b.spec,
        (Object::ClusterTrustBundle(a), Object::ClusterTrustBundle(b)) => a.spec == b.spec,
        (Object::Service(a), Object::Service(b)) => a.spec == b.spec,
        (Object::EndpointSlice(a), Object::EndpointSlice(b)) => {
            (&a.metadata.labels, &a.address_type, &a.endpoints, &a.ports)
                == (&b.metadata.labels, &b.address_type, &b.endpoints, &b.ports)
        }
        (Object::Secret(a), Object::Secret(b)) => (&a.data, &a.string_data) == (&b.data, &b.string_data),
        (Object::ConfigMap(a), Object::ConfigMap(b)) => a.data == b.data,
        (Object::Namespace(a), Object::Namespace(b)) => a.metadata.labels == b.metadata.labels,
        _ => false,
    }
}

/// Nothing reads the annotations and labels of what has a specification of ours.
fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.generation, &one.creation_timestamp) == (other.generation, &other.creation_timestamp)
}
