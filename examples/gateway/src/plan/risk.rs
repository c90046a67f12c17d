//! What a change of one resource risks: what Envoy does when it gets it.

use std::collections::BTreeSet;

use chancery_protocol::TypeUrl;
use serde::Serialize;
use serde_json::Value;

use crate::rendered::RenderedResource;

/// What may happen to connections and requests, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Risk {
    /// Nothing.
    None,
    /// New requests go to other endpoints.
    Endpoints,
    /// New requests are routed otherwise.
    Routes,
    /// New handshakes use another certificate.
    Secrets,
    /// Something has to be warm before it is used, and connections to backends are made anew.
    WarmUp,
    /// A listener changes in place: connections of the filter chains that changed are drained.
    ListenerInPlace,
    /// A listener is replaced or removed: its connections are drained.
    ListenerDrain,
}

impl Risk {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Risk::None => "no-op",
            Risk::Endpoints => "endpoints only",
            Risk::Routes => "route only",
            Risk::Secrets => "certificate only",
            Risk::WarmUp => "warm-up",
            Risk::ListenerInPlace => "listener in place",
            Risk::ListenerDrain => "listener drain",
        }
    }
}

type Assessment = (Risk, &'static str);

pub(super) fn of_addition(new: &RenderedResource) -> Assessment {
    match kind(new) {
        Kind::Endpoints => (Risk::Endpoints, "come with a new cluster, or requests find backends"),
        Kind::Routes => (Risk::Routes, "used by a listener once it is there"),
        Kind::Secret => (Risk::Secrets, "fetched by whatever names it"),
        Kind::Cluster => (Risk::WarmUp, "warmed before a route uses it"),
        Kind::Listener => (Risk::WarmUp, "warmed before it accepts connections"),
        Kind::Other => (Risk::WarmUp, "a proxy gets it for the first time"),
    }
}

pub(super) fn of_change(old: &RenderedResource, new: &RenderedResource) -> Assessment {
    match kind(new) {
        Kind::Endpoints => (Risk::Endpoints, "new requests go to the new endpoints"),
        Kind::Routes => (Risk::Routes, "new requests are routed by it; no connection is touched"),
        Kind::Secret => (Risk::Secrets, "new handshakes use it; open connections stay"),
        Kind::Cluster => {
            (Risk::WarmUp, "the new one is warmed, then takes over; connections to its backends are made anew")
        }
        Kind::Listener if only_chains_differ(&old.body, &new.body) && tables(&old.body) != tables(&new.body) => (
            Risk::ListenerInPlace,
            "takes its routes from other route tables, or has them in another form; connections of those chains are drained",
        ),
        Kind::Listener if only_chains_differ(&old.body, &new.body) => {
            (Risk::ListenerInPlace, "only connections of filter chains that changed are drained")
        }
        Kind::Listener => (Risk::ListenerDrain, "a new listener takes over; all connections of the old are drained"),
        Kind::Other => (Risk::WarmUp, "replaced"),
    }
}

pub(super) fn of_removal(old: &RenderedResource) -> Assessment {
    match kind(old) {
        Kind::Endpoints => (Risk::Endpoints, "go with their cluster"),
        Kind::Routes => (Risk::Routes, "no listener uses it any more"),
        Kind::Secret => (Risk::Secrets, "nothing names it any more"),
        Kind::Cluster => (Risk::Routes, "removed once no route uses it"),
        Kind::Listener => (Risk::ListenerDrain, "stops accepting; its connections are drained"),
        Kind::Other => (Risk::WarmUp, "removed"),
    }
}

enum Kind {
    Endpoints,
    Routes,
    Secret,
    Cluster,
    Listener,
    Other,
}

fn kind(resource: &RenderedResource) -> Kind {
    match resource.type_url.as_str() {
        url if url == TypeUrl::ENDPOINTS.as_str() => Kind::Endpoints,
        url if url == TypeUrl::ROUTE.as_str()
            || url == TypeUrl::VIRTUAL_HOST.as_str()
            || url == TypeUrl::SCOPED_ROUTE.as_str() =>
        {
            Kind::Routes
        }
        url if url == TypeUrl::SECRET.as_str() => Kind::Secret,
        url if url == TypeUrl::CLUSTER.as_str() => Kind::Cluster,
        url if url == TypeUrl::LISTENER.as_str() => Kind::Listener,
        _ => Kind::Other,
    }
}

/// The route tables a listener has its routes from.
fn tables(listener: &Value) -> BTreeSet<&str> {
    match listener {
        Value::Array(values) => values.iter().flat_map(tables).collect(),
        Value::Object(fields) => {
            let own = [
                fields.get("rds").map(|rds| &rds["route_config_name"]),
                fields.get("scoped_routes").map(|it| &it["name"]),
            ];
            let own = own.into_iter().flatten().filter_map(Value::as_str);
            own.chain(fields.values().flat_map(tables)).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Envoy changes a TCP listener in place when nothing but its filter chains differs.
fn only_chains_differ(old: &Value, new: &Value) -> bool {
    let without_chains = |listener: &Value| {
        let mut rest = listener.as_object().cloned().unwrap_or_default();
        for chains in ["filter_chains", "filter_chain_matcher", "default_filter_chain"] {
            rest.remove(chains);
        }
        rest
    };
    let is_udp = |listener: &Value| listener["address"]["socket_address"]["protocol"] == "UDP";
    !is_udp(old) && !is_udp(new) && without_chains(old) == without_chains(new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listener(body: Value) -> RenderedResource {
        RenderedResource {
            type_url: TypeUrl::LISTENER.to_string(),
            name: "tcp/127.0.0.1/80".into(),
            version: body.to_string(),
            origins: Vec::new(),
            body,
        }
    }

    #[test]
    fn a_listener_whose_chains_alone_differ_is_changed_in_place() {
        let chains = |name: &str| listener(json!({ "address": {}, "filter_chains": [{ "name": name }] }));
        assert_eq!(of_change(&chains("a"), &chains("b")).0, Risk::ListenerInPlace);
        let other = listener(json!({ "address": {}, "filter_chains": [{ "name": "a" }], "tcp_backlog_size": 7 }));
        assert_eq!(of_change(&chains("a"), &other).0, Risk::ListenerDrain);
        let datagrams = |name: &str| {
            let address = json!({ "socket_address": { "protocol": "UDP" } });
            listener(json!({ "address": address, "filter_chains": [{ "name": name }] }))
        };
        assert_eq!(of_change(&datagrams("a"), &datagrams("b")).0, Risk::ListenerDrain);
    }

    #[test]
    fn risks_are_in_the_order_of_what_they_cost() {
        assert!(Risk::None < Risk::Endpoints && Risk::Endpoints < Risk::Routes && Risk::Routes < Risk::WarmUp);
        assert!(Risk::WarmUp < Risk::ListenerInPlace && Risk::ListenerInPlace < Risk::ListenerDrain);
    }
}
