//! Which sockets a proxy has, which listeners share them, and which route tables they lead to. Routes play no part in it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::Options;
use crate::api::Protocol;
use crate::attach::{AttachedGateway, AttachedListener, Slot};
use crate::host::Host;
use crate::ir::{RouteTableName, Socket};
use crate::names;
use crate::provenance::Origin;
use crate::route_tables::TableForm;

use super::hosts::Siblings;
use super::redirect::Entrance;

/// A listener of a Gateway, by its place.
pub(crate) type ListenerAt = (Slot, usize);

/// A listener, with where it is.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) at: ListenerAt,
    gateway: Arc<AttachedGateway>,
    forms: Forms,
}

/// The forms of a route table that can be had, if a listener were alone in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Forms {
    now: TableForm,
    former: Option<TableForm>,
}

impl Member {
    pub(crate) fn listener(&self) -> &AttachedListener {
        &self.gateway.listeners[self.at.1]
    }
}

/// A socket and the listeners that share it.
#[derive(Debug)]
pub(crate) struct SocketPlan {
    pub(crate) socket: Socket,
    pub(crate) spec_port: u16,
    pub(crate) further_addresses: Vec<IpAddr>,
    pub(crate) members: Vec<Member>,
    pub(crate) siblings: Siblings,
}

/// A route table and the listeners that have their hosts in it.
#[derive(Debug)]
pub(crate) struct TablePlan {
    pub(crate) name: RouteTableName,
    pub(crate) form: TableForm,
    pub(crate) entrance: Entrance,
    /// The listeners, by their place in the socket.
    pub(crate) members: Vec<usize>,
    /// The names of others, whose requests came to the wrong listener.
    pub(crate) misdirected: Vec<Host>,
    pub(crate) origins: Vec<Origin>,
}

/// The sockets of a proxy that serves these Gateways, the oldest first.
pub(crate) fn sockets<'a>(
    options: &Options,
    gateways: impl Iterator<Item = (Slot, &'a Arc<AttachedGateway>)>,
) -> Vec<SocketPlan> {
    let mut sockets: BTreeMap<Socket, (u16, Vec<IpAddr>, Vec<Member>)> = BTreeMap::new();
    for (slot, gateway) in gateways {
        let Some((first, further)) = gateway.addresses.split_first() else { continue };
        for (index, listener) in gateway.listeners.iter().enumerate() {
            if listener.conflict.is_some() || listener.port == 0 {
                continue;
            }
            let port = options.bind.port(listener.port);
            let socket = Socket { address: *first, port, transport: listener.transport() };
            let entry = sockets.entry(socket).or_insert_with(|| (listener.port, further.to_vec(), Vec::new()));
            let forms = Forms { now: options.route_tables.of(&gateway.id), former: options.route_tables.former };
            entry.2.push(Member { at: (slot, index), gateway: Arc::clone(gateway), forms });
        }
    }
    let plan = |(socket, (spec_port, further_addresses, mut members)): (_, (_, _, Vec<Member>))| {
        let siblings = Siblings::new(members.iter().map(|member| member.listener().host.clone()).collect());
        let possible = |form: TableForm| form.possible(options.envoy_floor, siblings.all_exact()).0;
        for Member { forms, .. } in &mut members {
            *forms = Forms { now: possible(forms.now), former: forms.former.map(possible) };
        }
        SocketPlan { socket, spec_port, further_addresses, members, siblings }
    };
    sockets.into_iter().map(plan).collect()
}

impl SocketPlan {
    /// Whether the other has the same tables with the same listeners in them.
    pub(crate) fn leads_routes_like(&self, other: &SocketPlan) -> bool {
        let member = |(one, other): (&Member, &Member)| {
            let (a, b) = (one.listener(), other.listener());
            (one.at, one.forms, &a.host, a.is_served(), &a.listener.protocol, a.origin())
                == (other.at, other.forms, &b.host, b.is_served(), &b.listener.protocol, b.origin())
        };
        (&self.socket, self.spec_port) == (&other.socket, other.spec_port)
            && self.members.len() == other.members.len()
            && self.members.iter().zip(&other.members).all(member)
    }

    /// The listener that speaks for all.
    pub(crate) fn first(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.listener().is_served()).or_else(|| self.members.first())
    }

    pub(crate) fn protocol(&self) -> Option<&Protocol> {
        self.first().map(|first| &first.listener().listener.protocol)
    }

    pub(crate) fn is_served(&self) -> bool {
        self.members.iter().any(|member| member.listener().is_served())
    }

    /// The form of the table for plain HTTP: one that all its listeners can have.
    pub(crate) fn plain_form(&self) -> TableForm {
        self.members.iter().map(|member| member.forms.now).min().unwrap_or_default()
    }

    /// The form of the table of an HTTPS listener.
    pub(crate) fn tls_form(&self, at: usize) -> TableForm {
        self.members.get(at).map(|member| member.forms.now).unwrap_or_default()
    }

    /// The route tables behind the socket: one for plain HTTP, one for each HTTPS listener, and each again in its former form.
    pub(crate) fn tables(&self) -> Vec<TablePlan> {
        match self.protocol() {
            Some(Protocol::Http) if self.is_served() => {
                let former = self.members.iter().filter_map(|member| member.forms.former).min();
                in_forms(self.plain_form(), former).map(|form| self.plain_table(form)).collect()
            }
            Some(Protocol::Https | Protocol::Tls) => {
                let mut tables: Vec<TablePlan> = Vec::new();
                for at in 0..self.members.len() {
                    let listener = self.members[at].listener();
                    if listener.listener.protocol == Protocol::Https && listener.is_served() {
                        let former = self.members[at].forms.former;
                        tables.extend(in_forms(self.tls_form(at), former).map(|form| self.tls_table(at, form)));
                    }
                }
                tables
            }
            _ => Vec::new(),
        }
    }

    fn plain_table(&self, form: TableForm) -> TablePlan {
        TablePlan {
            name: names::plain_routes(&self.socket, form),
            form,
            entrance: Entrance { scheme: "http", port: self.spec_port },
            members: (0..self.members.len()).collect(),
            misdirected: Vec::new(),
            origins: self.members.iter().map(|member| member.listener().origin()).collect(),
        }
    }

    fn tls_table(&self, at: usize, form: TableForm) -> TablePlan {
        let listener = self.members[at].listener();
        TablePlan {
            name: names::tls_routes(&self.socket, listener.host.server_name().as_deref(), form),
            form,
            entrance: Entrance { scheme: "https", port: self.spec_port },
            members: vec![at],
            misdirected: self.siblings.misdirected(at).into_iter().cloned().collect(),
            origins: vec![listener.origin()],
        }
    }
}

fn in_forms(now: TableForm, former: Option<TableForm>) -> impl Iterator<Item = TableForm> {
    std::iter::once(now).chain(former.filter(move |former| *former != now))
}
