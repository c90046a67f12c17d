//! GatewayClass and Gateway.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::common::{Namespaces, ObjectReference, SecretRef};
use super::listener::Listener;
use super::meta::Metadata;
use super::open::open_enum;
use super::status::{GatewayClassStatus, GatewayStatus};

/// A class of Gateways: who answers for them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct GatewayClass {
    pub metadata: Metadata,
    pub spec: GatewayClassSpec,
    #[serde(default)]
    pub status: GatewayClassStatus,
}

/// What a GatewayClass says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// The controller that answers for the Gateways of the class.
    pub controller_name: String,
    /// Further configuration, in another object.
    #[serde(default)]
    pub parameters_ref: Option<ClassParameters>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
}

/// A reference to an object with parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct ClassParameters {
    #[serde(default)]
    pub group: Arc<str>,
    pub kind: Arc<str>,
    pub name: Arc<str>,
    #[serde(default)]
    pub namespace: Option<Arc<str>>,
}

/// A Gateway.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct Gateway {
    pub metadata: Metadata,
    pub spec: GatewaySpec,
    #[serde(default)]
    pub status: GatewayStatus,
}

/// What a Gateway says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct GatewaySpec {
    #[serde(default)]
    pub gateway_class_name: Arc<str>,
    #[serde(default)]
    pub listeners: Vec<Listener>,
    #[serde(default)]
    pub addresses: Vec<GatewayAddress>,
    #[serde(default)]
    pub infrastructure: Option<Infrastructure>,
    /// Whose ListenerSets may attach. Default: nobody's.
    #[serde(default)]
    pub allowed_listeners: Option<AllowedListeners>,
    #[serde(default)]
    pub tls: Option<GatewayTls>,
    #[serde(default)]
    pub default_scope: Option<String>,
}

/// Whose ListenerSets may attach.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct AllowedListeners {
    pub namespaces: Option<Namespaces>,
}

/// An address a Gateway asks for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GatewayAddress {
    /// `IPAddress` (the default), `Hostname`, or a name with a domain.
    #[serde(rename = "type", default = "ip_address")]
    pub kind: String,
    /// The address. Absent or empty: any of the type.
    #[serde(default)]
    pub value: String,
}

fn ip_address() -> String {
    "IPAddress".to_owned()
}

/// What the proxies of a Gateway carry.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Infrastructure {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub parameters_ref: Option<ObjectReference>,
}

/// TLS settings for a whole Gateway.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GatewayTls {
    /// Towards backends.
    pub backend: Option<BackendTls>,
    /// Towards clients.
    pub frontend: Option<FrontendTls>,
}

/// How a Gateway shows itself to backends.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct BackendTls {
    pub client_certificate_ref: Option<SecretRef>,
}

/// What a Gateway asks of clients.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontendTls {
    /// On every HTTPS port without settings of its own.
    #[serde(rename = "default")]
    pub all: Option<TlsConfig>,
    /// On single ports.
    pub per_port: Vec<PortValidation>,
}

/// What a Gateway asks of the clients of one port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct PortValidation {
    pub port: i32,
    #[serde(default)]
    pub tls: TlsConfig,
}

/// What clients are asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct TlsConfig {
    pub validation: Option<FrontendValidation>,
}

/// How client certificates are validated.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct FrontendValidation {
    pub ca_certificate_refs: Vec<ObjectReference>,
    /// Default: `AllowValidOnly`.
    pub mode: Option<ValidationMode>,
}

open_enum! {
    /// Which clients are let in.
    ValidationMode {
        /// Those with a valid certificate.
        AllowValidOnly = "AllowValidOnly",
        /// All: a certificate is asked for, and may be invalid or absent.
        AllowInsecureFallback = "AllowInsecureFallback",
    }
}
