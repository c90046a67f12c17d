//! Backends and what else is referred to: the core kinds as `k8s-openapi` has them, and ServiceImport.

use std::sync::Arc;

use serde::Deserialize;

use super::meta::Metadata;
use super::open::open_enum;

pub use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
pub use k8s_openapi::api::discovery::v1::EndpointSlice;

/// A service of several clusters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct ServiceImport {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ServiceImportSpec,
}

/// What a ServiceImport says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct ServiceImportSpec {
    #[serde(rename = "type")]
    pub kind: Option<ServiceImportType>,
    pub ips: Vec<String>,
    pub ports: Vec<ServiceImportPort>,
}

open_enum! {
    /// Whether the imported service has an address of its own.
    ServiceImportType {
        /// It has.
        ClusterSetIP = "ClusterSetIP",
        /// It has not.
        Headless = "Headless",
    }
}

/// A port of a ServiceImport.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ServiceImportPort {
    pub name: Option<Arc<str>>,
    pub port: i32,
    pub protocol: Option<String>,
    pub app_protocol: Option<String>,
}

/// Authorities that are trusted in the whole cluster.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct ClusterTrustBundle {
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: ClusterTrustBundleSpec,
}

/// What a ClusterTrustBundle says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ClusterTrustBundleSpec {
    pub signer_name: Option<String>,
    /// PEM.
    pub trust_bundle: String,
}
