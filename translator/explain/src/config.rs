//! All resources of a proxy, read once, to be asked about many requests.

use std::collections::BTreeMap;

use chancery_protocol::{Resource, TypeUrl};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::listener::v3::Listener as ListenerMessage;
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, ScopedRouteConfiguration, VirtualHost};
use prost::Message;

use crate::chain::Service;
use crate::explanation::{Chain, Explanation, ListenerFound, Outcome};
use crate::listener::Listener;
use crate::manager::Around;
use crate::problem::Problem;
use crate::request::{Request, Transport};
use crate::rules::Rules;
use crate::scopes::Scopes;
use crate::table::Table;
use crate::text::Findings;
use crate::trace::Candidate;
use crate::upstream::Clusters;

/// Resources of a proxy as messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Messages {
    /// Its listeners.
    pub listeners: Vec<ListenerMessage>,
    /// Its route configurations.
    pub route_configurations: Vec<RouteConfiguration>,
    /// Virtual hosts that are resources of their own (VHDS): their names are `route configuration/name`.
    pub virtual_hosts: Vec<(String, VirtualHost)>,
    /// Its scopes (SRDS).
    pub scoped_routes: Vec<ScopedRouteConfiguration>,
    /// Its clusters.
    pub clusters: Vec<Cluster>,
    /// The endpoints of its clusters.
    pub endpoints: Vec<ClusterLoadAssignment>,
}

/// What a proxy was given, ready to be asked. Made once, in which all regular expressions are compiled; asking is pure.
#[derive(Debug, Clone, Default)]
pub struct Config {
    listeners: Vec<Listener>,
    tables: BTreeMap<String, Table>,
    scopes: Scopes,
    clusters: Clusters,
    rules: Rules,
}

impl Config {
    /// Reads resources. Types that have no part in the way of a request (secrets, runtime) are passed over. What cannot be
    /// read is told, and everything else is there.
    pub fn from_resources<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> (Config, Vec<Problem>) {
        let (mut messages, mut problems) = (Messages::default(), Vec::new());
        for resource in resources {
            let type_url = resource.type_url();
            if *type_url == TypeUrl::LISTENER {
                messages.listeners.extend(decoded(resource, &mut problems));
            } else if *type_url == TypeUrl::ROUTE {
                messages.route_configurations.extend(decoded(resource, &mut problems));
            } else if *type_url == TypeUrl::VIRTUAL_HOST {
                let host = decoded(resource, &mut problems);
                messages.virtual_hosts.extend(host.map(|host| (resource.name().to_string(), host)));
            } else if *type_url == TypeUrl::SCOPED_ROUTE {
                messages.scoped_routes.extend(decoded(resource, &mut problems));
            } else if *type_url == TypeUrl::CLUSTER {
                messages.clusters.extend(decoded(resource, &mut problems));
            } else if *type_url == TypeUrl::ENDPOINTS {
                messages.endpoints.extend(decoded(resource, &mut problems));
            }
        }
        let (config, more) = Config::from_messages(&messages);
        problems.extend(more);
        (config, problems)
    }

    /// Reads messages.
    pub fn from_messages(messages: &Messages) -> (Config, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut findings = Findings { place: String::new(), problems: &mut problems };
        let listeners = messages.listeners.iter().map(|listener| Listener::new(listener, &mut findings)).collect();
        let mut discovered: BTreeMap<&str, Vec<&VirtualHost>> = BTreeMap::new();
        for (name, host) in &messages.virtual_hosts {
            let table = name.rsplit_once('/').map_or(name.as_str(), |(table, _)| table);
            discovered.entry(table).or_default().push(host);
        }
        let tables = messages.route_configurations.iter().map(|message| {
            let own = discovered.get(message.name.as_str()).filter(|_| message.vhds.is_some());
            let discovered = own.cloned().unwrap_or_default();
            (message.name.clone(), Table::new(message, &discovered, &mut findings))
        });
        let tables = tables.collect();
        let clusters = Clusters::new(&messages.clusters, &messages.endpoints);
        let scopes = Scopes::new(&messages.scoped_routes);
        (Config { listeners, tables, scopes, clusters, rules: Rules::default() }, problems)
    }

    /// The same for proxies of another release: the newest is assumed.
    pub fn with_rules(mut self, rules: Rules) -> Config {
        self.rules = rules;
        self
    }

    /// What becomes of a request, and why.
    pub fn explain(&self, request: &Request) -> Explanation {
        let mut explanation = Explanation::beginning();
        let mut best = None;
        for (position, listener) in self.listeners.iter().enumerate() {
            match (listener.fit(&request.entry), best) {
                (Err(reason), _) => {
                    explanation.trace.reject(Candidate::Listener, &listener.name, position, reason);
                }
                (Ok(fit), Some((_, other))) if fit <= other => {
                    explanation.notes.push(format!("the listener {:?} fits, too", listener.name));
                }
                (Ok(fit), _) => best = Some((position, fit)),
            }
        }
        let Some(listener) = best.and_then(|(position, _)| self.listeners.get(position)) else {
            return explanation.ending(Outcome::Refused { reason: "no listener is there".into() });
        };
        explanation.listener = Some(ListenerFound { name: listener.name.clone() });
        let unknown = listener.unknown.clone().or_else(|| listener.lacks(request).map(str::to_owned));
        if let Some(reason) = unknown {
            return explanation.ending(Outcome::Undetermined { reason });
        }
        let Some((position, chain)) = listener.chain(request, &mut explanation.trace) else {
            let reason = "no filter chain of the listener takes this connection: it is closed".into();
            return explanation.ending(Outcome::Refused { reason });
        };
        explanation.filter_chain = Some(Chain { name: chain.name.clone(), position });
        explanation.notes.extend(chain.notes.iter().cloned());
        match (&chain.service, &request.transport, chain.has_transport_socket) {
            (_, Transport::Plaintext, true) => {
                let reason = "the filter chain speaks TLS, and the connection is in plain text".into();
                explanation.ending(Outcome::Refused { reason })
            }
            (Service::Http(_), Transport::Tls { .. }, false) => {
                let reason = "the filter chain speaks plain HTTP, and the connection is TLS".into();
                explanation.ending(Outcome::Refused { reason })
            }
            (Service::Http(manager), _, _) => {
                let around = Around {
                    tables: &self.tables,
                    scopes: &self.scopes,
                    clusters: &self.clusters,
                    local_port: listener.local_port(&request.entry),
                    rules: self.rules,
                };
                manager.explain(request, &around, explanation)
            }
            (Service::Tcp(tcp), _, _) => {
                let outcome = match tcp.pick(request.random, &self.clusters) {
                    Some(to) => Outcome::Tcp { to },
                    None => Outcome::Refused { reason: "the TCP proxy names no cluster".into() },
                };
                explanation.ending(outcome)
            }
            (Service::Unknown(reason), _, _) => {
                let reason = reason.clone();
                explanation.ending(Outcome::Undetermined { reason })
            }
        }
    }
}

fn decoded<M: Message + Default>(resource: &Resource, problems: &mut Vec<Problem>) -> Option<M> {
    match M::decode(resource.body().as_ref()) {
        Ok(message) => Some(message),
        Err(error) => {
            let place = match resource.origin() {
                Some(origin) => format!("{:?} {} ({origin})", resource.type_url(), resource.name()),
                None => format!("{:?} {}", resource.type_url(), resource.name()),
            };
            let type_url = resource.type_url().as_str().to_owned();
            problems.push(Problem::Undecodable { place, type_url, reason: error.to_string() });
            None
        }
    }
}
