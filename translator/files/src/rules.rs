//! What the schemas cannot say: the rules between the fields of an object, each a function of its own.
//!
//! They are those a cluster with the definitions of Gateway API v1.6.1 applies, and what a proxy would refuse later
//! (regular expressions).

mod backends;
mod core;
mod filters;
mod gateway;
mod grpc;
mod http;
mod listeners;
mod metadata;
mod parents;
mod policy;
mod redirects;
mod regex;
mod routes;
mod session;
mod tls_route;

use chancery_translator::api::Kind;

use crate::cursor::Cursor;
use crate::findings::Findings;

/// Checks an object against every rule of its kind.
pub(crate) fn check(kind: Kind, root: &Cursor<'_>, findings: &mut Findings) {
    metadata::check(kind, root, findings);
    match kind {
        Kind::EndpointSlice => return core::endpoint_slice(root, findings),
        Kind::Secret => return core::base64_data(root, "data", findings),
        Kind::ConfigMap => return core::base64_data(root, "binaryData", findings),
        _ => {}
    }
    let Some(spec) = root.get("spec") else { return };
    match kind {
        Kind::Gateway => {
            listeners::check(&spec, findings);
            gateway::check(&spec, findings);
        }
        Kind::ListenerSet => listeners::check(&spec, findings),
        Kind::HTTPRoute => {
            routes::check(&spec, findings);
            http::check(&spec, findings);
        }
        Kind::GRPCRoute => {
            routes::check(&spec, findings);
            grpc::check(&spec, findings);
        }
        Kind::TLSRoute => {
            routes::check(&spec, findings);
            tls_route::check(&spec, findings);
        }
        Kind::TCPRoute | Kind::UDPRoute => routes::check(&spec, findings),
        Kind::BackendTLSPolicy => policy::backend_tls(&spec, findings),
        Kind::Service => core::service(&spec, findings),
        _ => {}
    }
}
