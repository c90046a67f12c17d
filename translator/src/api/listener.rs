//! Listeners, of Gateways and ListenerSets.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::common::{AllowedRoutes, ParentRef, SecretRef};
use super::meta::Metadata;
use super::open::open_enum;
use super::status::ListenerSetStatus;

open_enum! {
    /// What a listener speaks.
    Protocol {
        /// HTTP in plain text.
        Http = "HTTP",
        /// HTTP over TLS that ends here.
        Https = "HTTPS",
        /// TLS, told apart by server name.
        Tls = "TLS",
        /// Plain connections.
        Tcp = "TCP",
        /// Datagrams.
        Udp = "UDP",
    }
}

open_enum! {
    /// Where TLS ends.
    TlsMode {
        /// Here.
        Terminate = "Terminate",
        /// At the backend.
        Passthrough = "Passthrough",
    }
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Listener {
    pub name: Arc<str>,
    /// The host names it answers for. Absent or empty: any.
    #[serde(default)]
    pub hostname: Option<Arc<str>>,
    #[serde(default)]
    pub port: i32,
    pub protocol: Protocol,
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    #[serde(default)]
    pub allowed_routes: Option<AllowedRoutes>,
}

/// The TLS settings of a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ListenerTls {
    /// Default: `Terminate`.
    pub mode: Option<TlsMode>,
    pub certificate_refs: Vec<SecretRef>,
    pub options: BTreeMap<String, String>,
}

/// Listeners added to a Gateway by somebody else.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs)]
pub struct ListenerSet {
    pub metadata: Metadata,
    pub spec: ListenerSetSpec,
    #[serde(default)]
    pub status: ListenerSetStatus,
}

/// What a ListenerSet says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ListenerSetSpec {
    pub parent_ref: ParentRef,
    #[serde(default)]
    pub listeners: Vec<Listener>,
}
