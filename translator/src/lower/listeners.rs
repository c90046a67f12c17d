//! Sockets and their chains: every listener of a proxy at its place, with the routes attached to it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::Options;
use crate::api::{ObjectId, Protocol, TlsMode};
use crate::attach::{AttachedListener, Gateways, ParentVerdict, Routes};
use crate::host::Host;
use crate::ir::{Forward, Http, Listener, PlainChain, Proxy, RouteTable, Socket, Termination, TlsAction, TlsChain};
use crate::key::ProxyId;
use crate::names;

use super::backends::never;
use super::hosts::Siblings;
use super::inventory::Inventory;
use super::redirect::Entrance;
use super::rules::LoweredRoute;
use super::tables::TableWriter;

/// A route on a listener: its place by age, what it comes to, and the host names both have.
struct Placed<'a> {
    age: usize,
    route: &'a LoweredRoute,
    hosts: Vec<Host>,
}

/// The routes of each listener, by the places of the Gateway and the listener; the oldest first.
type PlacedByListener<'a> = HashMap<(usize, usize), Vec<Placed<'a>>>;

/// A listener, with where it is.
#[derive(Clone, Copy)]
struct Member<'a> {
    at: (usize, usize),
    listener: &'a AttachedListener<'a>,
}

/// What every proxy serves.
pub(crate) fn lower(
    options: &Options,
    gateways: &Gateways<'_>,
    routes: &Routes<'_>,
    lowered: &[Vec<LoweredRoute>],
) -> BTreeMap<ProxyId, (Vec<ObjectId>, Proxy)> {
    let placed = place(routes, lowered);
    let mut members: BTreeMap<ProxyId, Vec<usize>> = BTreeMap::new();
    for (at, gateway) in gateways.all.iter().enumerate().filter(|(_, gateway)| gateway.is_served()) {
        members.entry(gateway.proxy.clone()).or_default().push(at);
    }
    members
        .into_iter()
        .map(|(proxy, members)| {
            let ids = members.iter().map(|at| gateways.all[*at].id.clone()).collect();
            (proxy, (ids, lower_proxy(options, gateways, &members, &placed)))
        })
        .collect()
}

fn place<'a>(routes: &Routes<'_>, lowered: &'a [Vec<LoweredRoute>]) -> PlacedByListener<'a> {
    let mut placed: PlacedByListener<'a> = HashMap::new();
    for (age, (route, lowered)) in routes.all.iter().zip(lowered).enumerate() {
        for (parent, lowered) in route.parents.iter().zip(lowered) {
            if parent.verdict != ParentVerdict::Accepted {
                continue;
            }
            for (listener, hosts) in &parent.listeners {
                let of = placed.entry((parent.gateway, *listener)).or_default();
                match of.last_mut().filter(|last| last.age == age) {
                    // A second reference to the same listener adds nothing but perhaps hosts.
                    Some(last) => hosts.iter().for_each(|host| {
                        if !last.hosts.contains(host) {
                            last.hosts.push(host.clone());
                        }
                    }),
                    None => of.push(Placed { age, route: lowered, hosts: hosts.clone() }),
                }
            }
        }
    }
    placed
}

type SocketMembers<'a> = (u16, Vec<IpAddr>, Vec<Member<'a>>);

fn lower_proxy(options: &Options, gateways: &Gateways<'_>, members: &[usize], placed: &PlacedByListener<'_>) -> Proxy {
    let mut sockets: BTreeMap<Socket, SocketMembers<'_>> = BTreeMap::new();
    for at in members {
        let gateway = &gateways.all[*at];
        let Some((first, further)) = gateway.addresses.split_first() else { continue };
        for (index, listener) in gateway.listeners.iter().enumerate() {
            if listener.conflict.is_some() || listener.port == 0 {
                continue;
            }
            let port = options.bind.port(listener.port);
            let socket = Socket { address: *first, port, transport: listener.transport() };
            let entry = sockets.entry(socket).or_insert_with(|| (listener.port, further.to_vec(), Vec::new()));
            entry.2.push(Member { at: (*at, index), listener });
        }
    }
    let mut writer = ProxyWriter { placed, proxy: Proxy::default(), inventory: Inventory::default() };
    for (socket, (spec_port, further, members)) in sockets {
        writer.socket(socket, spec_port, further, &members);
    }
    let ProxyWriter { mut proxy, inventory, .. } = writer;
    (proxy.clusters, proxy.endpoints, proxy.secrets) = inventory.into_parts();
    proxy
}

struct ProxyWriter<'a> {
    placed: &'a PlacedByListener<'a>,
    proxy: Proxy,
    inventory: Inventory,
}

impl<'a> ProxyWriter<'a> {
    fn socket(&mut self, socket: Socket, spec_port: u16, further_addresses: Vec<IpAddr>, members: &[Member<'_>]) {
        let Some(first) = members.iter().find(|member| member.listener.is_served()).or_else(|| members.first()) else {
            return;
        };
        let origins: Vec<_> = members.iter().map(|member| member.listener.origin()).collect();
        let (mut plain, mut tls) = (None, Vec::new());
        let served = members.iter().any(|member| member.listener.is_served());
        match first.listener.listener.protocol {
            Protocol::Http if served => plain = Some(self.plain_http(&socket, spec_port, members)),
            Protocol::Https | Protocol::Tls => tls = self.tls(&socket, spec_port, members),
            Protocol::Tcp | Protocol::Udp if served => plain = Some(PlainChain::Forward(self.forward(first))),
            _ => return,
        }
        if plain.is_some() || !tls.is_empty() {
            self.proxy.listeners.push(Listener { socket, spec_port, further_addresses, plain, tls, origins });
        }
    }

    fn routes_of(&self, member: &Member<'_>) -> &'a [Placed<'a>] {
        match member.listener.is_served() {
            true => self.placed.get(&member.at).map_or(&[], Vec::as_slice),
            false => &[],
        }
    }

    fn need(&mut self, route: &LoweredRoute) {
        route.needs.iter().for_each(|backend| self.inventory.add(backend));
    }

    fn plain_http(&mut self, socket: &Socket, spec_port: u16, members: &[Member<'_>]) -> PlainChain {
        let siblings = Siblings::new(members.iter().map(|member| member.listener.host.clone()).collect());
        let entrance = Entrance { scheme: "http", port: spec_port };
        let mut table = TableWriter::default();
        for (at, member) in members.iter().enumerate() {
            self.fill(&mut table, &siblings, at, member, entrance);
        }
        let name = names::plain_routes(socket);
        let origins = members.iter().map(|member| member.listener.origin()).collect();
        self.push_table(table.finish(name.clone(), origins));
        PlainChain::Http(Http { routes: name })
    }

    /// The hosts of one listener: its own, with or without routes, and those of its routes that no sibling says more about.
    fn fill(
        &mut self,
        table: &mut TableWriter<'a>,
        siblings: &Siblings,
        at: usize,
        member: &Member<'_>,
        entrance: Entrance,
    ) {
        table.host(&member.listener.host, &member.listener.origin());
        for placed in self.routes_of(member) {
            let mut anywhere = false;
            for host in placed.hosts.iter().filter(|host| siblings.answers(at, host)) {
                table.route(host, placed.age, placed.route, entrance);
                anywhere = true;
            }
            if anywhere {
                self.need(placed.route);
            }
        }
    }

    fn push_table(&mut self, table: RouteTable) {
        self.proxy.route_tables.push(table);
    }

    fn tls(&mut self, socket: &Socket, spec_port: u16, members: &[Member<'_>]) -> Vec<TlsChain> {
        let siblings = Siblings::new(members.iter().map(|member| member.listener.host.clone()).collect());
        let mut chains: BTreeMap<Option<Arc<str>>, TlsChain> = BTreeMap::new();
        for (at, member) in members.iter().enumerate() {
            let made = match member.listener.listener.protocol {
                Protocol::Https => vec![self.https(socket, spec_port, &siblings, at, member)],
                _ => self.tls_routes(&siblings, at, member),
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

    fn https(
        &mut self,
        socket: &Socket,
        spec_port: u16,
        siblings: &Siblings,
        at: usize,
        member: &Member<'_>,
    ) -> TlsChain {
        let listener = member.listener;
        let server_name = listener.host.server_name();
        let origins = vec![listener.origin()];
        if !listener.is_served() {
            return TlsChain { server_name, action: TlsAction::Close, origins };
        }
        let mut table = TableWriter::default();
        // What belongs to a sibling is claimed first, so that nothing of this listener answers for it.
        for other in siblings.misdirected(at) {
            table.misdirected(other);
        }
        self.fill(&mut table, siblings, at, member, Entrance { scheme: "https", port: spec_port });
        let name = names::tls_routes(socket, server_name.as_deref());
        self.push_table(table.finish(name.clone(), origins.clone()));
        let termination = self.termination(listener, &["h2", "http/1.1"]);
        TlsChain { server_name, action: TlsAction::Https(termination, Http { routes: name }), origins }
    }

    fn termination(&mut self, listener: &AttachedListener<'_>, application_protocols: &[&'static str]) -> Termination {
        listener.certificates.iter().chain(&listener.authorities).for_each(|item| self.inventory.add_secret(item));
        Termination {
            certificates: listener.certificates.iter().map(|item| item.name.clone()).collect(),
            application_protocols: application_protocols.to_vec(),
            clients: listener.clients.clone(),
        }
    }

    /// A chain for each name of the routes; the listener's own name is closed where no route has it.
    fn tls_routes(&mut self, siblings: &Siblings, at: usize, member: &Member<'_>) -> Vec<TlsChain> {
        let listener = member.listener;
        let mut chains: BTreeMap<Option<Arc<str>>, TlsChain> = BTreeMap::new();
        for placed in self.routes_of(member) {
            let Some(forward) = &placed.route.forward else { continue };
            let names = placed.hosts.iter().filter(|host| siblings.answers(at, host)).map(Host::server_name);
            // The oldest route has a name.
            let free: Vec<_> = names.filter(|name| !chains.contains_key(name)).collect();
            if !free.is_empty() {
                self.need(placed.route);
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
    fn forward(&mut self, member: &Member<'_>) -> Forward {
        let nowhere = || Forward { clusters: vec![(never(), 1)], origins: vec![member.listener.origin()] };
        let Some(oldest) = self.routes_of(member).first() else { return nowhere() };
        self.need(oldest.route);
        oldest.route.forward.clone().unwrap_or_else(nowhere)
    }
}
