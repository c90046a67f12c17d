//! Which routes are on which listeners.

use std::collections::HashMap;

use crate::attach::{ParentVerdict, RouteAge, Routes};
use crate::host::Host;

use super::plan::ListenerAt;
use super::rules::LoweredRoute;

/// A route on a listener, and the host names both have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) age: &'a RouteAge,
    pub(crate) route: &'a LoweredRoute,
    pub(crate) hosts: &'a [Host],
}

/// Where the routes of a listener are looked up; the oldest first.
pub(crate) trait RoutesOf {
    fn routes_of(&self, listener: ListenerAt) -> Vec<Placed<'_>>;
}

type Entry<'a> = (&'a RouteAge, &'a LoweredRoute, Vec<Host>);

/// The routes of each listener.
pub(crate) struct PlacedByListener<'a>(HashMap<ListenerAt, Vec<Entry<'a>>>);

impl<'a> PlacedByListener<'a> {
    pub(crate) fn of(routes: &'a Routes, lowered: &'a [Vec<LoweredRoute>]) -> PlacedByListener<'a> {
        let mut placed: HashMap<ListenerAt, Vec<Entry<'a>>> = HashMap::new();
        for (route, lowered) in routes.all.iter().zip(lowered) {
            for (parent, lowered) in route.parents.iter().zip(lowered) {
                if parent.verdict != ParentVerdict::Accepted {
                    continue;
                }
                for (listener, hosts) in &parent.listeners {
                    let of = placed.entry((parent.gateway, *listener)).or_default();
                    match of.last_mut().filter(|last| *last.0 == route.age) {
                        Some(last) => join(&mut last.2, hosts),
                        None => of.push((&route.age, lowered, hosts.clone())),
                    }
                }
            }
        }
        PlacedByListener(placed)
    }
}

impl RoutesOf for PlacedByListener<'_> {
    fn routes_of(&self, listener: ListenerAt) -> Vec<Placed<'_>> {
        let entries = self.0.get(&listener).into_iter().flatten();
        entries.map(|(age, route, hosts)| Placed { age, route, hosts }).collect()
    }
}

/// A second reference to the same listener adds nothing but perhaps hosts.
pub(crate) fn join(hosts: &mut Vec<Host>, others: &[Host]) {
    for host in others {
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
    }
}
