//! One proxy: its sockets, the tables behind them, and the resources they come to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use chancery_cache::{Patch, ResourceSet};
use chancery_protocol::{Resource, ResourceName, TypeUrl};

use crate::Options;
use crate::api::ObjectId;
use crate::attach::RouteAge;
use crate::emit;
use crate::host::Host;
use crate::ir::{
    self, ClusterName, EndpointName, Listener, RouteTable, RouteTableName, SecretName, Socket, VirtualHost,
};
use crate::key::ProxyId;
use crate::lower::{
    EndpointSource, HostWriter, ListenerAt, Needs, Slices, SocketPlan, TablePlan, depends_on_routes, lower_listener,
};
use crate::names;
use crate::route_tables::TableForm;

use super::endpoints::EndpointUsers;
use super::holdings::{Holder, Holdings};
use super::places::Places;

/// What is kept of a proxy.
#[derive(Debug, Default)]
pub(super) struct ProxyNode {
    pub(super) gateways: Vec<ObjectId>,
    sockets: BTreeMap<Socket, SocketPlan>,
    tables: BTreeMap<RouteTableName, TableNode>,
    at: HashMap<ListenerAt, Spot>,
    listeners: BTreeMap<Socket, Listener>,
    holdings: Holdings,
    /// The endpoints that were emitted, and from what.
    sources: HashMap<EndpointName, EndpointSource>,
    pub(super) resources: ResourceSet,
    fresh: Fresh,
}

/// Where a listener is.
#[derive(Debug, Clone)]
struct Spot {
    socket: Socket,
    /// Its place among the socket's listeners.
    member: usize,
    /// The table its routes are in, and that in its former form.
    tables: Vec<RouteTableName>,
}

#[derive(Debug)]
struct TableNode {
    socket: Socket,
    plan: TablePlan,
    misdirected: BTreeSet<Host>,
    hosts: BTreeMap<Host, (VirtualHost, Bytes)>,
}

/// What may be new.
#[derive(Debug, Default)]
struct Fresh {
    tables: BTreeSet<RouteTableName>,
    /// Hosts that are sent by themselves.
    hosts: BTreeSet<(RouteTableName, Host)>,
    listeners: BTreeSet<Socket>,
    endpoints: BTreeSet<EndpointName>,
}

impl ProxyNode {
    /// The sockets are these now.
    pub(super) fn plan(
        &mut self,
        options: &Options,
        gateways: Vec<ObjectId>,
        sockets: Vec<SocketPlan>,
        places: &Places,
    ) {
        self.gateways = gateways;
        let sockets: BTreeMap<Socket, SocketPlan> =
            sockets.into_iter().map(|plan| (plan.socket.clone(), plan)).collect();
        let same_shape = sockets.len() == self.sockets.len()
            && sockets.values().zip(self.sockets.values()).all(|(one, other)| one.leads_routes_like(other));
        let gone: Vec<Socket> = self.sockets.keys().filter(|socket| !sockets.contains_key(socket)).cloned().collect();
        self.sockets = sockets;
        if !same_shape {
            self.plan_tables(options, places);
        }
        for socket in gone {
            self.holdings.hold(Holder::Socket(socket.clone()), Needs::default());
            self.listeners.remove(&socket);
            self.fresh.listeners.insert(socket);
        }
        let all: Vec<Socket> = self.sockets.keys().cloned().collect();
        all.iter().for_each(|socket| self.answer(socket, places));
    }

    fn plan_tables(&mut self, options: &Options, places: &Places) {
        let mut spots: HashMap<ListenerAt, Spot> = HashMap::new();
        let mut tables: BTreeMap<RouteTableName, TableNode> = BTreeMap::new();
        for (socket, plan) in &self.sockets {
            for (member, one) in plan.members.iter().enumerate() {
                spots.insert(one.at, Spot { socket: socket.clone(), member, tables: Vec::new() });
            }
            for table in plan.tables() {
                for member in &table.members {
                    if let Some(spot) = spots.get_mut(&plan.members[*member].at) {
                        spot.tables.push(table.name.clone());
                    }
                }
                let misdirected = table.misdirected.iter().cloned().collect();
                let node = TableNode { socket: socket.clone(), plan: table, misdirected, hosts: BTreeMap::new() };
                // The first of its name stays.
                tables.entry(node.plan.name.clone()).or_insert(node);
            }
        }
        self.at = spots;
        for (name, table) in &self.tables {
            self.fresh.tables.insert(name.clone());
            if table.plan.form != TableForm::Whole {
                self.fresh.hosts.extend(table.hosts.keys().map(|host| (name.clone(), host.clone())));
            }
        }
        self.tables = tables;
        let names: Vec<RouteTableName> = self.tables.keys().cloned().collect();
        for name in names {
            self.fill(options, &name, places);
            self.fresh.tables.insert(name);
        }
        let placed = self.at.keys().flat_map(|at| places.ages(*at).map(|age| (*at, age.clone())));
        let holders: BTreeSet<(ListenerAt, RouteAge)> = placed.chain(self.holdings.routes()).collect();
        holders.into_iter().for_each(|(at, age)| self.need(at, age, places));
    }

    /// Every host of a table.
    fn fill(&mut self, options: &Options, name: &RouteTableName, places: &Places) {
        let Some(table) = self.tables.get(name) else { return };
        let Some(socket) = self.sockets.get(&table.socket) else { return };
        let mut hosts: BTreeSet<Host> = table.misdirected.clone();
        for member in &table.plan.members {
            hosts.insert(socket.members[*member].listener().host.clone());
            hosts.extend(places.hosts(socket.members[*member].at).cloned());
        }
        hosts.iter().for_each(|host| self.write_host(options, name, host, places));
    }

    /// A host of a listener has other routes, or they do something else.
    pub(super) fn host_changed(&mut self, options: &Options, at: ListenerAt, host: &Host, places: &Places) {
        let tables = self.at.get(&at).map(|spot| spot.tables.clone()).unwrap_or_default();
        for table in tables {
            self.write_host(options, &table, host, places);
        }
    }

    fn write_host(&mut self, options: &Options, name: &RouteTableName, host: &Host, places: &Places) {
        let Some(table) = self.tables.get_mut(name) else { return };
        let Some(socket) = self.sockets.get(&table.socket) else { return };
        let mut writer = HostWriter::default();
        let mut is_there = table.misdirected.contains(host);
        if is_there {
            writer.misdirect();
        }
        for member in &table.plan.members {
            let listener = socket.members[*member].listener();
            if listener.host == *host {
                writer.own(listener.origin());
                is_there = true;
            }
        }
        for member in &table.plan.members {
            let one = &socket.members[*member];
            if !one.listener().is_served() || !socket.siblings.answers(*member, host) {
                continue;
            }
            for placed in places.on_host(one.at, host) {
                writer.route(placed.age, placed.route, table.plan.entrance);
                is_there = true;
            }
        }
        let written = is_there.then(|| writer.finish(host));
        if written.as_ref() == table.hosts.get(host).map(|(known, _)| known) {
            return;
        }
        match table.plan.form {
            TableForm::Whole => drop(self.fresh.tables.insert(name.clone())),
            TableForm::VirtualHosts | TableForm::Scopes => drop(self.fresh.hosts.insert((name.clone(), host.clone()))),
        }
        let encoded = written.and_then(|one| {
            let bytes = emit::route_table::host(&table.plan.name, &one, options)?;
            Some((one, bytes))
        });
        match encoded {
            Some(encoded) => drop(table.hosts.insert(host.clone(), encoded)),
            None => drop(table.hosts.remove(host)),
        }
    }

    /// A route is on a listener, or no longer, or does something else there.
    pub(super) fn route_changed(&mut self, at: ListenerAt, age: RouteAge, places: &Places) {
        let socket = self.at.get(&at).map(|spot| spot.socket.clone());
        if let Some(socket) = socket.filter(|socket| self.sockets.get(socket).is_some_and(depends_on_routes)) {
            self.answer(&socket, places);
        }
        self.need(at, age, places);
    }

    /// What a route in a table needs.
    fn need(&mut self, at: ListenerAt, age: RouteAge, places: &Places) {
        let needs = self.needs(at, &age, places).unwrap_or_default();
        self.holdings.hold(Holder::Route(at, age), needs);
    }

    fn needs(&self, at: ListenerAt, age: &RouteAge, places: &Places) -> Option<Needs> {
        let spot = self.at.get(&at).filter(|spot| !spot.tables.is_empty())?;
        let socket = self.sockets.get(&spot.socket)?;
        let entry = places.get(at, age)?;
        let serves = socket.members.get(spot.member).is_some_and(|member| member.listener().is_served());
        let answers = serves && entry.hosts.iter().any(|host| socket.siblings.answers(spot.member, host));
        answers.then(|| Needs { backends: entry.route.needs.clone(), secrets: Vec::new() })
    }

    fn answer(&mut self, socket: &Socket, places: &Places) {
        let Some(plan) = self.sockets.get(socket) else { return };
        let (listener, needs) = lower_listener(plan, places);
        self.holdings.hold(Holder::Socket(socket.clone()), needs);
        if self.listeners.get(socket) == listener.as_ref() {
            return;
        }
        self.fresh.listeners.insert(socket.clone());
        match listener {
            Some(listener) => drop(self.listeners.insert(socket.clone(), listener)),
            None => drop(self.listeners.remove(socket)),
        }
    }

    /// Some service behind these endpoints has other slices.
    pub(super) fn endpoints_changed(&mut self, name: &EndpointName) {
        self.fresh.endpoints.insert(name.clone());
    }

    /// Makes the resources of what is new; also returns those that are others now.
    pub(super) fn emit(&mut self, proxy: &ProxyId, slices: &Slices, users: &mut EndpointUsers) -> Patch {
        let mut patch = Patch::new();
        let fresh = std::mem::take(&mut self.fresh);
        let held = std::mem::take(&mut self.holdings.fresh);
        for name in held.secrets {
            let made = self.holdings.secret(&name).and_then(emit::secret);
            self.replace(TypeUrl::SECRET, &name.0, made, &mut patch);
        }
        for name in held.endpoints.into_iter().chain(fresh.endpoints) {
            self.emit_endpoints(proxy, &name, slices, users, &mut patch);
        }
        for name in held.clusters {
            let made = self.holdings.cluster(&name).and_then(|backend| emit::cluster(&backend.cluster));
            self.replace(TypeUrl::CLUSTER, &name.0, made, &mut patch);
        }
        for name in fresh.tables {
            let made = self.tables.get(&name).and_then(TableNode::resource);
            self.replace(TypeUrl::ROUTE, &name.0, made, &mut patch);
        }
        for (table, host) in fresh.hosts {
            let made = self.tables.get(&table).map(|table| table.resources_of(&host)).unwrap_or_default();
            let name = names::table_host(&table, &host.domain());
            for type_url in [TypeUrl::SCOPED_ROUTE, TypeUrl::ROUTE, TypeUrl::VIRTUAL_HOST] {
                let made = made.iter().find(|one| *one.type_url() == type_url).cloned();
                self.replace(type_url, &name, made, &mut patch);
            }
        }
        for socket in fresh.listeners {
            let made = self.listeners.get(&socket).and_then(emit::listener);
            self.replace(TypeUrl::LISTENER, &names::listener(&socket), made, &mut patch);
        }
        patch
    }

    fn emit_endpoints(
        &mut self,
        proxy: &ProxyId,
        name: &EndpointName,
        slices: &Slices,
        users: &mut EndpointUsers,
        patch: &mut Patch,
    ) {
        let source = self.holdings.endpoints(name).cloned();
        if self.sources.get(name) != source.as_ref() {
            if let Some(before) = self.sources.remove(name) {
                users.remove(proxy, &before);
            }
            if let Some(source) = &source {
                users.add(proxy, source);
                self.sources.insert(name.clone(), source.clone());
            }
        }
        let made = source.and_then(|source| emit::endpoints(&slices.endpoints(&source)));
        self.replace(TypeUrl::ENDPOINTS, &name.0, made, patch);
    }

    fn replace(&mut self, type_url: TypeUrl, name: &str, made: Option<Resource>, patch: &mut Patch) {
        let name = ResourceName::new(name);
        match made {
            Some(resource) => {
                let before = self.resources.replace(resource.clone());
                if before.as_ref() != Some(&resource) {
                    patch.upsert(resource);
                }
            }
            None => {
                if self.resources.remove(&type_url, &name).is_some() {
                    patch.remove(type_url, name);
                }
            }
        }
    }

    /// Forgets who uses endpoints.
    pub(super) fn leave(&self, proxy: &ProxyId, users: &mut EndpointUsers) {
        self.sources.values().for_each(|source| users.remove(proxy, source));
    }

    /// Of all that is served, what this resource is made from.
    pub(super) fn model_of(&self, slices: &Slices, type_url: &TypeUrl, name: &str) -> ir::Proxy {
        let mut model = ir::Proxy::default();
        let holdings = &self.holdings;
        match type_url {
            one if *one == TypeUrl::LISTENER => {
                let named = self.listeners.iter().find(|(socket, _)| names::listener(socket) == name);
                model.listeners.extend(named.map(|(_, listener)| listener.clone()));
            }
            one if *one == TypeUrl::ROUTE => {
                let table = self.tables.get(&RouteTableName(name.into()));
                model.route_tables.extend(table.map(TableNode::table).or_else(|| self.table_of_one(name)));
            }
            one if *one == TypeUrl::VIRTUAL_HOST || *one == TypeUrl::SCOPED_ROUTE => {
                model.route_tables.extend(self.table_of_one(name));
            }
            one if *one == TypeUrl::CLUSTER => {
                let backend = holdings.cluster(&ClusterName(name.into()));
                model.clusters.extend(backend.map(|backend| backend.cluster.clone()));
            }
            one if *one == TypeUrl::ENDPOINTS => {
                let source = holdings.endpoints(&EndpointName(name.into()));
                model.endpoints.extend(source.map(|source| slices.endpoints(source)));
            }
            _ => model.secrets.extend(holdings.secret(&SecretName(name.into())).cloned()),
        }
        model
    }

    /// A table with the one host of this name that is sent by itself.
    fn table_of_one(&self, name: &str) -> Option<RouteTable> {
        let (table, domain) = names::table_and_domain(name)?;
        let table = self.tables.get(&table)?;
        let host = table.hosts.values().map(|(host, _)| host).find(|host| &*host.domain == domain)?;
        Some(RouteTable { hosts: vec![host.clone()], ..table.without_hosts() })
    }

    /// All that is served.
    pub(super) fn model(&self, slices: &Slices) -> ir::Proxy {
        let (backends, endpoints, secrets) = self.holdings.all();
        let mut model = ir::Proxy {
            listeners: self.listeners.values().cloned().collect(),
            route_tables: self.tables.values().map(TableNode::table).collect(),
            clusters: backends.into_iter().map(|backend| backend.cluster.clone()).collect(),
            endpoints: endpoints.into_iter().map(|source| slices.endpoints(source)).collect(),
            secrets: secrets.into_iter().cloned().collect(),
        };
        model.clusters.sort_by(|one, other| one.name.cmp(&other.name));
        model.endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        model.secrets.sort_by(|one, other| one.name.cmp(&other.name));
        model
    }
}

impl TableNode {
    fn table(&self) -> RouteTable {
        RouteTable { hosts: self.hosts.values().map(|(host, _)| host.clone()).collect(), ..self.without_hosts() }
    }

    fn without_hosts(&self) -> RouteTable {
        let TablePlan { name, form, origins, .. } = &self.plan;
        RouteTable { name: name.clone(), form: *form, hosts: Vec::new(), origins: origins.clone() }
    }

    /// What stands for the table as a whole.
    fn resource(&self) -> Option<Resource> {
        let TablePlan { name, form, origins, .. } = &self.plan;
        match form {
            TableForm::Whole => {
                let hosts = self.hosts.values().map(|(_, bytes)| bytes);
                emit::route_table::assembled(name, hosts, origins)
            }
            TableForm::VirtualHosts | TableForm::Scopes => emit::route_table::of_table(*form, name, origins),
        }
    }

    /// What stands for one of its hosts.
    fn resources_of(&self, host: &Host) -> Vec<Resource> {
        let Some((host, encoded)) = self.hosts.get(host) else { return Vec::new() };
        emit::route_table::of_host(self.plan.form, &self.plan.name, host, encoded)
    }
}
