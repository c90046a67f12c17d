//! Listeners and their chains: what answers on a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Protocol, TlsMode};
use crate::attach::AttachedListener;
use crate::ir::{Forward, Http, Listener, PlainChain, SecretItem, Termination, TlsAction, TlsChain};
use crate::names;

use super::backends::{Backend, never};
use super::placed::{Placed, RoutesOf};
use super::plan::{Member, SocketPlan};

/// What a listener or table needs beside itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Needs {
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) secrets: Vec<SecretItem>,
}

/// What answers on a socket, if anything does, and what that needs. Only sockets that are not HTTP ask for their routes.
pub(crate) fn lower(plan: &SocketPlan, routes: &dyn RoutesOf) -> (Option<Listener>, Needs) {
    let mut writer = ListenerWriter { plan, routes, needs: Needs::default() };
    let listener = writer.listener();
    (listener, writer.needs)
}

/// Whether what answers on a socket depends on the routes of its listeners.
pub(crate) fn depends_on_routes(plan: &SocketPlan) -> bool {
    match plan.protocol() {
        Some(Protocol::Http) => false,
        Some(Protocol::Https | Protocol::Tls) => {
            plan.members.iter().any(|member| member.listener().listener.protocol != Protocol::Https)
        }
        _ => true,
    }
}

fn plain_http(plan: &SocketPlan) -> Http {
    let form = plan.plain_form();
    Http { routes: names::plain_routes(&plan.socket, form), form }
}

struct ListenerWriter<'a> {
    plan: &'a SocketPlan,
    routes: &'a dyn RoutesOf,
    needs: Needs,
}

impl<'a> ListenerWriter<'a> {
    fn listener(&mut self) -> Option<Listener> {
        let plan = self.plan;
        let first = plan.first()?;
        let (mut plain, mut tls) = (None, Vec::new());
        match plan.protocol()? {
            Protocol::Http if plan.is_served() => {
                plain = Some(PlainChain::Http(plain_http(plan)));
            }
            Protocol::Https | Protocol::Tls => tls = self.tls(),
            Protocol::Tcp | Protocol::Udp if plan.is_served() => plain = Some(PlainChain::Forward(self.forward(first))),
            _ => return None,
        }
        (plain.is_some() || !tls.is_empty()).then(|| Listener {
            socket: plan.socket.clone(),
            spec_port: plan.spec_port,
            further_addresses: plan.further_addresses.clone(),
            plain,
            tls,
            origins: plan.members.iter().map(|member| member.listener().origin()).collect(),
        })
    }

    fn routes_of(&self, member: &Member) -> Vec<Placed<'a>> {
        match member.listener().is_served() {
            true => self.routes.routes_of(member.at),
            false => Vec::new(),
        }
    }

    fn tls(&mut self) -> Vec<TlsChain> {
        let plan = self.plan;
        let mut chains: BTreeMap<Option<Arc<str>>, TlsChain> = BTreeMap::new();
        for (at, member) in plan.members.iter().enumerate() {
            let made = match member.listener().listener.protocol {
                Protocol::Https => vec![self.https(at, member.listener())],
                _ => self.tls_routes(at, member),
            };
            for chain in made {
                chains.entry(chain.server_name.clone()).or_insert(chain);
            }
        }
        // A chain for every other name that only closes says nothing: without it the connection is closed as well.
        let idle = |chain: &TlsChain| chain.server_name.is_none() && chain.action == TlsAction::Close;
        let alone = chains.len() == 1;
        chains.into_values().filter(|chain| alone || !idle(chain)).collect()
    }

    fn https(&mut self, at: usize, listener: &AttachedListener) -> TlsChain {
        let server_name = listener.host.server_name();
        let origins = vec![listener.origin()];
        if !listener.is_served() {
            return TlsChain { server_name, action: TlsAction::Close, origins };
        }
        let form = self.plan.tls_form(at);
        let routes = names::tls_routes(&self.plan.socket, server_name.as_deref(), form);
        let termination = self.termination(listener, &["h2", "http/1.1"]);
        TlsChain { server_name, action: TlsAction::Https(termination, Http { routes, form }), origins }
    }

    fn termination(&mut self, listener: &AttachedListener, application_protocols: &[&'static str]) -> Termination {
        self.needs.secrets.extend(listener.certificates.iter().chain(&listener.authorities).cloned());
        Termination {
            certificates: listener.certificates.iter().map(|item| item.name.clone()).collect(),
            application_protocols: application_protocols.to_vec(),
            clients: listener.clients.clone(),
        }
    }

    /// A chain for each name of the routes; the listener's own name is closed where no route has it.
    fn tls_routes(&mut self, at: usize, member: &Member) -> Vec<TlsChain> {
        let listener = member.listener();
        let siblings = &self.plan.siblings;
        let mut chains: BTreeMap<Option<Arc<str>>, TlsChain> = BTreeMap::new();
        for placed in self.routes_of(member) {
            let Some(forward) = &placed.route.forward else { continue };
            let names = placed.hosts.iter().filter(|host| siblings.answers(at, host)).map(|host| host.server_name());
            // The oldest route has a name.
            let free: Vec<_> = names.filter(|name| !chains.contains_key(name)).collect();
            if !free.is_empty() {
                self.needs.backends.extend(placed.route.needs.iter().cloned());
            }
            for server_name in free {
                let action = match listener.mode() {
                    TlsMode::Passthrough => TlsAction::Passthrough(forward.clone()),
                    _ => TlsAction::Terminate(self.termination(listener, &[]), forward.clone()),
                };
                let mut origins = vec![listener.origin()];
                origins.extend(forward.origins.iter().cloned());
                chains.insert(server_name.clone(), TlsChain { server_name, action, origins });
            }
        }
        let own = listener.host.server_name();
        let closed =
            || TlsChain { server_name: own.clone(), action: TlsAction::Close, origins: vec![listener.origin()] };
        chains.entry(own.clone()).or_insert_with(closed);
        chains.into_values().collect()
    }

    /// Where the connections of a TCP or UDP listener go: to the oldest route, or nowhere.
    fn forward(&mut self, member: &Member) -> Forward {
        let nowhere = || Forward { clusters: vec![(never(), 1)], origins: vec![member.listener().origin()] };
        let Some(oldest) = self.routes_of(member).first().copied() else { return nowhere() };
        self.needs.backends.extend(oldest.route.needs.iter().cloned());
        oldest.route.forward.clone().unwrap_or_else(nowhere)
    }
}
