//! What is read: the objects of the Gateway API and the core kinds they refer to, and the statuses that are written.
//!
//! The types are lenient. A field this translator does not know is passed over (and told, by [`Object::read`]), a value an
//! enumeration does not have is kept as `Other` and rejected later for the one object that holds it, and what a server's
//! schema would default is defaulted here.

mod common;
mod condition;
mod filter;
mod gateway;
mod listener;
mod meta;
mod object;
mod open;
mod policy;
mod route;
mod service;
mod status;

pub use common::{
    AllowedRoutes, BackendRef, LabelRequirement, LabelSelector, Namespaces, ObjectReference, ParentRef, RouteGroupKind,
    SecretRef,
};
pub use condition::{Condition, Truth};
pub use filter::{
    Cors, Fraction, Header, HeaderModifier, Mirror, PathModifier, PathModifierType, Redirect, RouteFilter,
    RouteFilterType, UrlRewrite,
};
pub use gateway::{
    AllowedListeners, BackendTls, ClassParameters, FrontendTls, FrontendValidation, Gateway, GatewayAddress,
    GatewayClass, GatewayClassSpec, GatewaySpec, GatewayTls, Infrastructure, PortValidation, TlsConfig, ValidationMode,
};
pub use listener::{Listener, ListenerSet, ListenerSetSpec, ListenerTls, Protocol, TlsMode};
pub use meta::{Kind, Metadata, ObjectId};
pub use object::{FieldProblem, Object, ReadError};
pub use open::{FromNamespaces, LabelOperator};
pub use policy::{
    BackendTlsPolicy, BackendTlsPolicySpec, BackendTlsValidation, PolicyTarget, ReferenceGrant, ReferenceGrantFrom,
    ReferenceGrantSpec, ReferenceGrantTo, SubjectAltName,
};
pub use route::{
    CookieConfig, GrpcMatch, GrpcMethodMatch, GrpcRoute, GrpcRule, HttpMatch, HttpRoute, HttpRule, L4Route, L4Rule,
    PathMatch, PathMatchType, Retry, RouteSpec, SessionPersistence, Timeouts, ValueMatch, ValueMatchType,
};
pub use service::{
    ClusterTrustBundle, ClusterTrustBundleSpec, ConfigMap, EndpointSlice, Namespace, Secret, Service, ServiceImport,
    ServiceImportPort, ServiceImportSpec, ServiceImportType,
};
pub use status::{
    GatewayClassStatus, GatewayStatus, GatewayStatusAddress, ListenerSetStatus, ListenerStatus, PolicyAncestorStatus,
    PolicyStatus, RouteParentStatus, RouteStatus, Status, SupportedFeature,
};

/// The API group of the Gateway API.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
/// The API group of multi-cluster services.
pub const MULTICLUSTER_GROUP: &str = "multicluster.x-k8s.io";
