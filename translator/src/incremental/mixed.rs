//! HTTPRoutes and GRPCRoutes that want the same host name of a listener: who loses, as routes come and go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::api::{Kind, ObjectId};
use crate::attach::{AttachedRoute, Lost, RouteAge, lost};
use crate::host::Host;
use crate::lower::ListenerAt;

/// What routes of both kinds want of each listener.
#[derive(Debug, Default)]
pub(super) struct Mixed(HashMap<ListenerAt, Wanted>);

#[derive(Debug, Default)]
struct Wanted {
    /// By route: the places of its parents, and the hosts it wants as each.
    routes: BTreeMap<RouteAge, Vec<(usize, Vec<Host>)>>,
    http: usize,
    grpc: usize,
    lost: Lost,
}

impl Wanted {
    fn count(&mut self, kind: Kind) -> &mut usize {
        if kind == Kind::HTTPRoute { &mut self.http } else { &mut self.grpc }
    }
}

impl Mixed {
    /// Notes what a route wants; also returns the listeners it wants it of.
    pub(super) fn put(&mut self, route: &AttachedRoute) -> BTreeSet<ListenerAt> {
        let mut touched = BTreeSet::new();
        for (at, place, hosts) in wants(route) {
            let wanted = self.0.entry(at).or_default();
            if touched.insert(at) {
                *wanted.count(route.id.kind) += 1;
            }
            wanted.routes.entry(route.age.clone()).or_default().push((place, hosts.clone()));
        }
        touched
    }

    /// Forgets what a route wants; also returns the listeners it wanted it of.
    pub(super) fn take(&mut self, route: &AttachedRoute) -> BTreeSet<ListenerAt> {
        let touched: BTreeSet<ListenerAt> = wants(route).map(|(at, ..)| at).collect();
        for at in &touched {
            let Some(wanted) = self.0.get_mut(at) else { continue };
            if wanted.routes.remove(&route.age).is_some() {
                *wanted.count(route.id.kind) -= 1;
            }
        }
        touched
    }

    /// Finds out who loses these listeners; also returns the routes for which that is new.
    ///
    /// As long as all routes of a listener are of one kind, this is nothing; else it looks at all of them.
    pub(super) fn settle(&mut self, touched: BTreeSet<ListenerAt>) -> BTreeSet<ObjectId> {
        let mut found = BTreeSet::new();
        for at in touched {
            let Some(wanted) = self.0.get_mut(&at) else { continue };
            let now = match wanted.http > 0 && wanted.grpc > 0 {
                true => {
                    let routes = wanted.routes.iter();
                    lost(
                        routes
                            .flat_map(|(age, wants)| wants.iter().map(move |(place, hosts)| (age, *place, &hosts[..]))),
                    )
                }
                false => Lost::new(),
            };
            found.extend(now.symmetric_difference(&wanted.lost).map(|(age, _)| age.id()));
            wanted.lost = now;
            if wanted.routes.is_empty() {
                self.0.remove(&at);
            }
        }
        found
    }

    /// Whether a route loses a listener as one of its parents.
    pub(super) fn loses(&self, at: ListenerAt, age: &RouteAge, place: usize) -> bool {
        let wanted = self.0.get(&at);
        wanted.is_some_and(|wanted| !wanted.lost.is_empty() && wanted.lost.contains(&(age.clone(), place)))
    }
}

fn wants(route: &AttachedRoute) -> impl Iterator<Item = (ListenerAt, usize, &Vec<Host>)> {
    let parts = matches!(route.id.kind, Kind::HTTPRoute | Kind::GRPCRoute);
    let parents = route.parents.iter().filter(move |_| parts);
    parents.flat_map(|parent| {
        parent.listeners.iter().map(|(listener, hosts)| ((parent.gateway, *listener), parent.place, hosts))
    })
}
