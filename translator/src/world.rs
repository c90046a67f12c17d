//! Every object there is, by kind and name: what a translation is a function of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{
    BackendTlsPolicy, ClusterTrustBundle, ConfigMap, EndpointSlice, Gateway, GatewayClass, GrpcRoute, HttpRoute, Kind,
    L4Route, ListenerSet, Namespace, Object, ObjectId, ReferenceGrant, Secret, Service, ServiceImport,
};

/// The objects of one kind, by namespace and name.
pub type Objects<T> = BTreeMap<ObjectId, Arc<T>>;

/// Every object there is. Cloning shares them.
///
/// ```
/// use chancery_translator::{World, api::Object};
///
/// let class = serde_json::json!({
///     "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
///     "spec": {"controllerName": "chancery.dev/gateway"}
/// });
/// let mut world = World::default();
/// world.insert(Object::read(&class)?.0);
/// assert_eq!(world.len(), 1);
/// # Ok::<(), chancery_translator::api::ReadError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct World {
    pub gateway_classes: Objects<GatewayClass>,
    pub gateways: Objects<Gateway>,
    pub listener_sets: Objects<ListenerSet>,
    pub http_routes: Objects<HttpRoute>,
    pub grpc_routes: Objects<GrpcRoute>,
    pub tls_routes: Objects<L4Route>,
    pub tcp_routes: Objects<L4Route>,
    pub udp_routes: Objects<L4Route>,
    pub reference_grants: Objects<ReferenceGrant>,
    pub backend_tls_policies: Objects<BackendTlsPolicy>,
    pub services: Objects<Service>,
    pub service_imports: Objects<ServiceImport>,
    pub endpoint_slices: Objects<EndpointSlice>,
    pub secrets: Objects<Secret>,
    pub config_maps: Objects<ConfigMap>,
    pub cluster_trust_bundles: Objects<ClusterTrustBundle>,
    pub namespaces: Objects<Namespace>,
}

/// Runs one expression with the map of a kind, whatever the type of its objects.
macro_rules! with_objects {
    (($($borrow:tt)+) $world:ident, $kind:expr, $objects:ident => $then:expr) => {
        match $kind {
            Kind::GatewayClass => { let $objects = $($borrow)+ $world.gateway_classes; $then }
            Kind::Gateway => { let $objects = $($borrow)+ $world.gateways; $then }
            Kind::ListenerSet => { let $objects = $($borrow)+ $world.listener_sets; $then }
            Kind::HTTPRoute => { let $objects = $($borrow)+ $world.http_routes; $then }
            Kind::GRPCRoute => { let $objects = $($borrow)+ $world.grpc_routes; $then }
            Kind::TLSRoute => { let $objects = $($borrow)+ $world.tls_routes; $then }
            Kind::TCPRoute => { let $objects = $($borrow)+ $world.tcp_routes; $then }
            Kind::UDPRoute => { let $objects = $($borrow)+ $world.udp_routes; $then }
            Kind::ReferenceGrant => { let $objects = $($borrow)+ $world.reference_grants; $then }
            Kind::BackendTLSPolicy => { let $objects = $($borrow)+ $world.backend_tls_policies; $then }
            Kind::Service => { let $objects = $($borrow)+ $world.services; $then }
            Kind::ServiceImport => { let $objects = $($borrow)+ $world.service_imports; $then }
            Kind::EndpointSlice => { let $objects = $($borrow)+ $world.endpoint_slices; $then }
            Kind::Secret => { let $objects = $($borrow)+ $world.secrets; $then }
            Kind::ConfigMap => { let $objects = $($borrow)+ $world.config_maps; $then }
            Kind::ClusterTrustBundle => { let $objects = $($borrow)+ $world.cluster_trust_bundles; $then }
            Kind::Namespace => { let $objects = $($borrow)+ $world.namespaces; $then }
        }
    };
}

impl World {
    /// Puts an object in place, whether or not there is one of that name.
    pub fn insert(&mut self, object: Object) {
        let id = object.id();
        match object {
            Object::GatewayClass(object) => drop(self.gateway_classes.insert(id, object)),
            Object::Gateway(object) => drop(self.gateways.insert(id, object)),
            Object::ListenerSet(object) => drop(self.listener_sets.insert(id, object)),
            Object::HttpRoute(object) => drop(self.http_routes.insert(id, object)),
            Object::GrpcRoute(object) => drop(self.grpc_routes.insert(id, object)),
            Object::TlsRoute(object) => drop(self.tls_routes.insert(id, object)),
            Object::TcpRoute(object) => drop(self.tcp_routes.insert(id, object)),
            Object::UdpRoute(object) => drop(self.udp_routes.insert(id, object)),
            Object::ReferenceGrant(object) => drop(self.reference_grants.insert(id, object)),
            Object::BackendTlsPolicy(object) => drop(self.backend_tls_policies.insert(id, object)),
            Object::Service(object) => drop(self.services.insert(id, object)),
            Object::ServiceImport(object) => drop(self.service_imports.insert(id, object)),
            Object::EndpointSlice(object) => drop(self.endpoint_slices.insert(id, object)),
            Object::Secret(object) => drop(self.secrets.insert(id, object)),
            Object::ConfigMap(object) => drop(self.config_maps.insert(id, object)),
            Object::ClusterTrustBundle(object) => drop(self.cluster_trust_bundles.insert(id, object)),
            Object::Namespace(object) => drop(self.namespaces.insert(id, object)),
        }
    }

    /// The object of this name.
    pub fn get(&self, id: &ObjectId) -> Option<Object> {
        Some(match id.kind {
            Kind::GatewayClass => Object::GatewayClass(Arc::clone(self.gateway_classes.get(id)?)),
            Kind::Gateway => Object::Gateway(Arc::clone(self.gateways.get(id)?)),
            Kind::ListenerSet => Object::ListenerSet(Arc::clone(self.listener_sets.get(id)?)),
            Kind::HTTPRoute => Object::HttpRoute(Arc::clone(self.http_routes.get(id)?)),
            Kind::GRPCRoute => Object::GrpcRoute(Arc::clone(self.grpc_routes.get(id)?)),
            Kind::TLSRoute => Object::TlsRoute(Arc::clone(self.tls_routes.get(id)?)),
            Kind::TCPRoute => Object::TcpRoute(Arc::clone(self.tcp_routes.get(id)?)),
            Kind::UDPRoute => Object::UdpRoute(Arc::clone(self.udp_routes.get(id)?)),
            Kind::ReferenceGrant => Object::ReferenceGrant(Arc::clone(self.reference_grants.get(id)?)),
            Kind::BackendTLSPolicy => Object::BackendTlsPolicy(Arc::clone(self.backend_tls_policies.get(id)?)),
            Kind::Service => Object::Service(Arc::clone(self.services.get(id)?)),
            Kind::ServiceImport => Object::ServiceImport(Arc::clone(self.service_imports.get(id)?)),
            Kind::EndpointSlice => Object::EndpointSlice(Arc::clone(self.endpoint_slices.get(id)?)),
            Kind::Secret => Object::Secret(Arc::clone(self.secrets.get(id)?)),
            Kind::ConfigMap => Object::ConfigMap(Arc::clone(self.config_maps.get(id)?)),
            Kind::ClusterTrustBundle => Object::ClusterTrustBundle(Arc::clone(self.cluster_trust_bundles.get(id)?)),
            Kind::Namespace => Object::Namespace(Arc::clone(self.namespaces.get(id)?)),
        })
    }

    /// The objects of a kind, by name.
    pub fn ids(&self, kind: Kind) -> Vec<ObjectId> {
        with_objects!((&) self, kind, objects => objects.keys().cloned().collect())
    }

    /// Takes an object away; whether there was one.
    pub fn remove(&mut self, id: &ObjectId) -> bool {
        with_objects!((&mut) self, id.kind, objects => objects.remove(id).is_some())
    }

    /// Whether there is such an object.
    pub fn contains(&self, id: &ObjectId) -> bool {
        with_objects!((&) self, id.kind, objects => objects.contains_key(id))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        Kind::ALL.into_iter().map(|kind| with_objects!((&) self, kind, objects => objects.len())).sum()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<Object> for World {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> World {
        let mut world = World::default();
        objects.into_iter().for_each(|object| world.insert(object));
        world
    }
}
