//! How a client stays with the backend it was sent to first.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{self, ObjectId};
use crate::ir::{Cluster, Destination, EndpointName, PathMatch, Session, SessionStore};
use crate::names;
use crate::provenance::Origin;

use super::backends::Backend;
use super::duration;
use super::slices::EndpointSource;

/// What a rule's session persistence comes to; the path of a cookie is filled in by [`at_path`]. Also returns what of it
/// cannot be had.
pub(crate) fn read(written: &api::SessionPersistence, default_name: &str) -> (Session, Vec<(&'static str, String)>) {
    let mut faults = Vec::new();
    if written.idle_timeout.is_some() {
        faults.push(("idleTimeout", "is not supported: a proxy keeps no record of its clients".to_owned()));
    }
    let absolute = match written.absolute_timeout.as_deref().map(duration::parse) {
        Some(Ok(timeout)) => Some(timeout),
        Some(Err(fault)) => {
            faults.push(("absoluteTimeout", fault));
            None
        }
        None => None,
    };
    let permanent =
        written.cookie_config.as_ref().and_then(|config| config.lifetime_type.as_deref()) == Some("Permanent");
    let store = match written.kind.as_deref() {
        Some("Header") => SessionStore::Header,
        Some("Cookie") | None => cookie(permanent.then_some(absolute).flatten()),
        Some(other) => {
            faults.push(("type", format!("{other} is not one of Cookie, Header")));
            cookie(None)
        }
    };
    let name = written.session_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| default_name.to_owned());
    (Session { name, store }, faults)
}

fn cookie(lifetime: Option<Duration>) -> SessionStore {
    SessionStore::Cookie { path: String::new(), lifetime }
}

/// The session for requests that matched this path: a cookie is valid for what the match is sure to contain.
pub(crate) fn at_path(session: &Session, path: &PathMatch) -> Session {
    let SessionStore::Cookie { lifetime, .. } = &session.store else { return session.clone() };
    let path = match path {
        PathMatch::Any => "/".to_owned(),
        PathMatch::Exact(path) | PathMatch::Prefix(path) => path.clone(),
        PathMatch::Regex(expression) => literal_prefix(expression),
    };
    Session { name: session.name.clone(), store: SessionStore::Cookie { path, lifetime: *lifetime } }
}

/// The whole segments an expression begins with, before anything that is special.
fn literal_prefix(expression: &str) -> String {
    let literal: String =
        expression.chars().take_while(|one| one.is_ascii_alphanumeric() || "/-_~".contains(*one)).collect();
    match literal.rfind('/') {
        Some(end) if end > 0 => literal[..end].to_owned(),
        _ => "/".to_owned(),
    }
}

/// The backends of a rule as one: a client stays with an endpoint across all of them, which it could not if they were several
/// clusters. `None` where they are not reached alike, or one is not reached by address.
pub(crate) fn together(
    route: &ObjectId,
    rule: &[&str],
    origin: &Origin,
    backends: &[(Arc<Backend>, u32)],
) -> Option<Backend> {
    let (first, _) = backends.first()?;
    let alike = |other: &Cluster| other.protocol == first.cluster.protocol && other.tls == first.cluster.tls;
    let by_address = |other: &Cluster| matches!(other.destination, Destination::Endpoints(_));
    if !backends.iter().all(|(backend, _)| alike(&backend.cluster) && by_address(&backend.cluster)) {
        return None;
    }
    // Gateways that share a proxy may show different certificates.
    let shown = first.cluster.tls.as_ref().and_then(|tls| tls.client_certificate.as_ref());
    let parts: Vec<&str> = rule.iter().copied().chain(shown.map(|secret| &*secret.0)).collect();
    let name = names::rule_backends(route.kind.lower(), &route.namespace, &route.name, &parts);
    let endpoint_name = EndpointName(name.clone());
    let localities = backends.iter().flat_map(|(backend, weight)| {
        let ports = backend.endpoints.iter().flat_map(|source| &source.localities);
        ports.map(|(_, _, port)| (backend.cluster.name.0.clone(), *weight, port.clone()))
    });
    let mut origins = vec![origin.clone()];
    origins.extend(backends.iter().flat_map(|(backend, _)| backend.cluster.origins.iter().cloned()));
    let endpoints = EndpointSource {
        name: endpoint_name.clone(),
        localities: localities.collect(),
        origins: origins.clone(),
        tells_slices: false,
    };
    let cluster = Cluster {
        name: crate::ir::ClusterName(name),
        destination: Destination::Endpoints(endpoint_name),
        protocol: first.cluster.protocol,
        tls: first.cluster.tls.clone(),
        sticky: true,
        origins,
    };
    let secrets = backends.iter().flat_map(|(backend, _)| backend.secrets.iter().cloned()).collect();
    Some(Backend { cluster, endpoints: Some(endpoints), secrets })
}
