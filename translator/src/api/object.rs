//! An object of any kind, as it is read.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    BackendTlsPolicy, ClusterTrustBundle, ConfigMap, EndpointSlice, Gateway, GatewayClass, GrpcRoute, HttpRoute, Kind,
    L4Route, ListenerSet, Metadata, Namespace, ObjectId, ReferenceGrant, Secret, Service, ServiceImport,
};

/// An object of any kind.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Object {
    GatewayClass(Arc<GatewayClass>),
    Gateway(Arc<Gateway>),
    ListenerSet(Arc<ListenerSet>),
    HttpRoute(Arc<HttpRoute>),
    GrpcRoute(Arc<GrpcRoute>),
    TlsRoute(Arc<L4Route>),
    TcpRoute(Arc<L4Route>),
    UdpRoute(Arc<L4Route>),
    ReferenceGrant(Arc<ReferenceGrant>),
    BackendTlsPolicy(Arc<BackendTlsPolicy>),
    Service(Arc<Service>),
    ServiceImport(Arc<ServiceImport>),
    EndpointSlice(Arc<EndpointSlice>),
    Secret(Arc<Secret>),
    ConfigMap(Arc<ConfigMap>),
    ClusterTrustBundle(Arc<ClusterTrustBundle>),
    Namespace(Arc<Namespace>),
}

/// A field that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where, like `spec.rules[0].matches[1].path`.
    pub path: String,
    /// What of it.
    pub message: String,
}

/// Why something cannot be read as an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It does not say what it is.
    #[error("not an object: {0} is missing or no text")]
    Unnamed(&'static str),
    /// It is of a kind nobody here reads.
    #[error("{kind} of {api_version} is not a kind that is read")]
    UnknownKind {
        /// Its API group and version.
        api_version: String,
        /// Its kind.
        kind: String,
    },
    /// A field holds what it cannot hold.
    #[error("{path}: {message}")]
    Field {
        /// Where, like `spec.rules[0].backendRefs[1].weight`; empty for the object as a whole.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl Object {
    /// Reads an object of any kind and version, with its defaults; also returns the fields that were passed over because
    /// nobody here knows them (those of the core kinds are not told).
    ///
    /// ```
    /// use chancery_translator::api::{Kind, Object};
    ///
    /// let gateway = serde_json::json!({
    ///     "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"namespace": "shop", "name": "web"},
    ///     "spec": {"gatewayClassName": "chancery", "listenrs": []}
    /// });
    /// let (object, unknown) = Object::read(&gateway)?;
    /// assert_eq!(object.id().to_string(), "Gateway shop/web");
    /// assert_eq!(unknown[0].path, "spec.listenrs");
    /// # Ok::<(), chancery_translator::api::ReadError>(())
    /// ```
    ///
    /// # Errors
    /// When the value is no object of a kind that is read.
    pub fn read(value: &Value) -> Result<(Object, Vec<FieldProblem>), ReadError> {
        let text = |field: &'static str| value.get(field).and_then(Value::as_str).ok_or(ReadError::Unnamed(field));
        let (api_version, kind) = (text("apiVersion")?, text("kind")?);
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let kind = Kind::of(group, kind)
            .ok_or_else(|| ReadError::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() })?;
        Object::read_as(kind, value)
    }

    /// Reads an object that is known to be of this kind.
    ///
    /// # Errors
    /// When the value is no object of the kind.
    pub fn read_as(kind: Kind, value: &Value) -> Result<(Object, Vec<FieldProblem>), ReadError> {
        let mut unknown = Vec::new();
        // An absent field may be written as null.
        let given = without_nulls(value);
        let value = given.as_ref().unwrap_or(value);
        let object = match kind {
            Kind::GatewayClass => Object::GatewayClass(own(value, &mut unknown)?),
            Kind::Gateway => Object::Gateway(own(value, &mut unknown)?),
            Kind::ListenerSet => Object::ListenerSet(own(value, &mut unknown)?),
            Kind::HTTPRoute => Object::HttpRoute(own(value, &mut unknown)?),
            Kind::GRPCRoute => Object::GrpcRoute(own(value, &mut unknown)?),
            Kind::TLSRoute => Object::TlsRoute(own(value, &mut unknown)?),
            Kind::TCPRoute => Object::TcpRoute(own(value, &mut unknown)?),
            Kind::UDPRoute => Object::UdpRoute(own(value, &mut unknown)?),
            Kind::ReferenceGrant => Object::ReferenceGrant(own(value, &mut unknown)?),
            Kind::BackendTLSPolicy => Object::BackendTlsPolicy(own(value, &mut unknown)?),
            Kind::ServiceImport => Object::ServiceImport(own(value, &mut unknown)?),
            Kind::ClusterTrustBundle => Object::ClusterTrustBundle(own(value, &mut unknown)?),
            Kind::Service => Object::Service(core(value)?),
            Kind::EndpointSlice => Object::EndpointSlice(core(value)?),
            Kind::Secret => Object::Secret(core(value)?),
            Kind::ConfigMap => Object::ConfigMap(core(value)?),
            Kind::Namespace => Object::Namespace(core(value)?),
        };
        match object.id().name.is_empty() {
            true => Err(ReadError::Unnamed("metadata.name")),
            false => Ok((object, unknown)),
        }
    }

    /// Which object it is.
    pub fn id(&self) -> ObjectId {
        let own = |kind, metadata: &Metadata| ObjectId {
            kind,
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        };
        let core = |kind, metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
            let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
            ObjectId::new(kind, namespace.unwrap_or_default(), name.unwrap_or_default())
        };
        match self {
            Object::GatewayClass(object) => own(Kind::GatewayClass, &object.metadata),
            Object::Gateway(object) => own(Kind::Gateway, &object.metadata),
            Object::ListenerSet(object) => own(Kind::ListenerSet, &object.metadata),
            Object::HttpRoute(object) => own(Kind::HTTPRoute, &object.metadata),
            Object::GrpcRoute(object) => own(Kind::GRPCRoute, &object.metadata),
            Object::TlsRoute(object) => own(Kind::TLSRoute, &object.metadata),
            Object::TcpRoute(object) => own(Kind::TCPRoute, &object.metadata),
            Object::UdpRoute(object) => own(Kind::UDPRoute, &object.metadata),
            Object::ReferenceGrant(object) => own(Kind::ReferenceGrant, &object.metadata),
            Object::BackendTlsPolicy(object) => own(Kind::BackendTLSPolicy, &object.metadata),
            Object::ServiceImport(object) => own(Kind::ServiceImport, &object.metadata),
            Object::ClusterTrustBundle(object) => own(Kind::ClusterTrustBundle, &object.metadata),
            Object::Service(object) => core(Kind::Service, &object.metadata),
            Object::EndpointSlice(object) => core(Kind::EndpointSlice, &object.metadata),
            Object::Secret(object) => core(Kind::Secret, &object.metadata),
            Object::ConfigMap(object) => core(Kind::ConfigMap, &object.metadata),
            Object::Namespace(object) => core(Kind::Namespace, &object.metadata),
        }
    }
}

/// The value without members that are null, if there are any.
fn without_nulls(value: &Value) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let changed: Vec<_> = members.values().map(without_nulls).collect();
            if !members.values().any(Value::is_null) && changed.iter().all(Option::is_none) {
                return None;
            }
            let kept = members.iter().zip(changed).filter(|((_, value), _)| !value.is_null());
            let kept = kept.map(|((key, value), changed)| (key.clone(), changed.unwrap_or_else(|| value.clone())));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => {
            let changed: Vec<_> = items.iter().map(without_nulls).collect();
            if changed.iter().all(Option::is_none) {
                return None;
            }
            let items = items.iter().zip(changed).map(|(item, changed)| changed.unwrap_or_else(|| item.clone()));
            Some(Value::Array(items.collect()))
        }
        _ => None,
    }
}

/// Reads one of our own types, and tells what of the value it does not know.
fn own<T: DeserializeOwned>(value: &Value, unknown: &mut Vec<FieldProblem>) -> Result<Arc<T>, ReadError> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| {
        let path = bracketed(&path.to_string());
        if !is_common(&path) {
            unknown.push(FieldProblem { path, message: "is not a field".to_owned() });
        }
    });
    read.map(Arc::new).map_err(|error: serde_json::Error| ReadError::Field {
        path: match track.path().to_string() {
            whole if whole == "." => String::new(),
            path => path,
        },
        message: error.to_string(),
    })
}

fn core<T: DeserializeOwned>(value: &Value) -> Result<Arc<T>, ReadError> {
    serde_path_to_error::deserialize(value)
        .map(Arc::new)
        .map_err(|error| ReadError::Field { path: error.path().to_string(), message: error.inner().to_string() })
}

/// `spec.rules.0.name` as `spec.rules[0].name`. Options appear as `?`.
fn bracketed(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for part in path.split('.').filter(|part| *part != "?") {
        match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => out.extend(["[", part, "]"]),
            false if out.is_empty() => out.push_str(part),
            false => out.extend([".", part]),
        }
    }
    out
}

/// What any object may hold, and no translation needs.
fn is_common(path: &str) -> bool {
    path == "apiVersion" || path == "kind" || path.starts_with("metadata.") || path.starts_with("status")
}
