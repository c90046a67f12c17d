//! Resources out of a few lines of YAML, and what they make of a request.

use std::net::SocketAddr;

use chancery_explain::{Config, Entry, Explanation, Outcome, Problem, Request};
use chancery_protocol::{Resource, TypeUrl};
use chancery_resource::read_message;

pub(crate) const ADDRESS: &str = "10.0.0.1:80";

pub(crate) fn resource(type_url: &TypeUrl, yaml: &str) -> Resource {
    let draft = read_message(type_url.as_str(), "test.yaml", yaml);
    draft.unwrap_or_else(|errors| panic!("{errors:?} in\n{yaml}")).encode().expect("a resource")
}

/// A listener on port 80 with these fields of a connection manager, in YAML on one line.
pub(crate) fn listener(manager: &str) -> Resource {
    resource(
        &TypeUrl::LISTENER,
        &format!(
            "name: web\naddress: {{socket_address: {{address: 0.0.0.0, port_value: 80}}}}\nfilter_chains:\n- filters:\n  - name: \
             http\n    typed_config: {{'@type': \
             type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, \
             stat_prefix: web, {manager}}}\n"
        ),
    )
}

/// One virtual host for all, with these routes.
pub(crate) fn of_routes(routes: &str) -> (Config, Vec<Problem>) {
    let hosts = format!("[{{name: all, domains: ['*'], routes: [{routes}]}}]");
    Config::from_resources([&listener(&format!("route_config: {{name: table, virtual_hosts: {hosts}}}"))])
}

pub(crate) fn get(authority: &str, path: &str) -> Request {
    Request::get(Entry::Address(ADDRESS.parse::<SocketAddr>().expect("an address")), authority, path)
}

/// Whether a route with this match takes the request; why not.
pub(crate) fn matched(condition: &str, request: &Request) -> Result<(), String> {
    let (config, _) = of_routes(&format!("{{match: {condition}, direct_response: {{status: 200}}}}"));
    let explanation = config.explain(request);
    match explanation.outcome {
        Outcome::DirectResponse { .. } => Ok(()),
        Outcome::Undetermined { reason } => Err(reason),
        _ => Err(explanation.trace.rejected.last().map(|rejected| rejected.reason.clone()).unwrap_or_default()),
    }
}

/// What a route for everything with this action makes of a request.
pub(crate) fn acted(action: &str, request: &Request) -> Explanation {
    of_routes(&format!("{{match: {{prefix: /}}, {action}}}")).0.explain(request)
}
