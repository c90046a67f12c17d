//! ReferenceGrant and BackendTLSPolicy.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::common::ObjectReference;
use super::meta::Metadata;
use super::status::PolicyStatus;

/// Lets objects of other namespaces refer to objects of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct ReferenceGrant {
    pub metadata: Metadata,
    pub spec: ReferenceGrantSpec,
}

/// What a ReferenceGrant says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct ReferenceGrantSpec {
    pub from: Vec<ReferenceGrantFrom>,
    pub to: Vec<ReferenceGrantTo>,
}

/// Who may refer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct ReferenceGrantFrom {
    #[serde(default)]
    pub group: Arc<str>,
    pub kind: Arc<str>,
    pub namespace: Arc<str>,
}

/// To what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct ReferenceGrantTo {
    #[serde(default)]
    pub group: Arc<str>,
    pub kind: Arc<str>,
    #[serde(default)]
    pub name: Option<Arc<str>>,
}

/// TLS towards the backends of a Service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct BackendTlsPolicy {
    pub metadata: Metadata,
    pub spec: BackendTlsPolicySpec,
    #[serde(default)]
    pub status: PolicyStatus,
}

/// What a BackendTLSPolicy says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct BackendTlsPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<PolicyTarget>,
    pub validation: BackendTlsValidation,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// What a policy is attached to: an object of its own namespace, or a section of one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PolicyTarget {
    #[serde(default)]
    pub group: Arc<str>,
    pub kind: Arc<str>,
    pub name: Arc<str>,
    /// For a Service: the name of a port.
    #[serde(default)]
    pub section_name: Option<Arc<str>>,
}

/// How a backend proves who it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct BackendTlsValidation {
    pub ca_certificate_refs: Vec<ObjectReference>,
    #[serde(rename = "wellKnownCACertificates")]
    pub well_known_ca_certificates: Option<String>,
    pub hostname: String,
    pub subject_alt_names: Vec<SubjectAltName>,
}

/// A name a certificate may carry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct SubjectAltName {
    /// `Hostname` or `URI`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub hostname: Option<String>,
    #[serde(default)]
    pub uri: Option<String>,
}
