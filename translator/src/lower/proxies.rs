//! What every proxy serves: its sockets, the tables behind them, and what both need.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Options;
use crate::api::ObjectId;
use crate::attach::{AttachedGateway, Gateways, Routes, Slot};
use crate::ir::Proxy;
use crate::key::ProxyId;

use super::inventory::Inventory;
use super::placed::{PlacedByListener, RoutesOf};
use super::rules::LoweredRoute;
use super::slices::Slices;
use super::{listeners, plan, tables};

pub(crate) fn lower(
    options: &Options,
    gateways: &Gateways,
    slices: &Slices,
    routes: &Routes,
    lowered: &[Vec<LoweredRoute>],
) -> BTreeMap<ProxyId, (Vec<ObjectId>, Proxy)> {
    let placed = PlacedByListener::of(routes, lowered);
    let mut members: BTreeMap<ProxyId, Vec<(Slot, &Arc<AttachedGateway>)>> = BTreeMap::new();
    for (slot, gateway) in gateways.iter().filter(|(_, gateway)| gateway.is_served()) {
        members.entry(gateway.proxy.clone()).or_default().push((slot, gateway));
    }
    let lowered = members.into_iter().map(|(proxy, members)| {
        let ids = members.iter().map(|(_, gateway)| gateway.id.clone()).collect();
        (proxy, (ids, lower_proxy(options, &members, slices, &placed)))
    });
    lowered.collect()
}

fn lower_proxy(
    options: &Options,
    members: &[(Slot, &Arc<AttachedGateway>)],
    slices: &Slices,
    placed: &dyn RoutesOf,
) -> Proxy {
    let mut proxy = Proxy::default();
    let mut inventory = Inventory::default();
    for socket in plan::sockets(options, members.iter().copied()) {
        for table in socket.tables() {
            let (table, backends) = tables::lower(&socket, &table, placed);
            proxy.route_tables.push(table);
            backends.iter().for_each(|backend| inventory.add(slices, backend));
        }
        let (listener, needs) = listeners::lower(&socket, placed);
        proxy.listeners.extend(listener);
        needs.backends.iter().for_each(|backend| inventory.add(slices, backend));
        needs.secrets.iter().for_each(|secret| inventory.add_secret(secret));
    }
    (proxy.clusters, proxy.endpoints, proxy.secrets) = inventory.into_parts();
    proxy
}
