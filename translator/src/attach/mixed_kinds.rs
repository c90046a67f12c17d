//! An HTTPRoute and a GRPCRoute cannot share a host name of a listener: the older one stays.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::api::Kind;
use crate::host::Host;
use crate::reasons;

use super::gateways::Slot;
use super::route_age::RouteAge;
use super::routes::{AttachedParent, AttachedRoute, ParentVerdict};

/// The routes of one listener that lose it: which route, and which of its parents by place.
pub(crate) type Lost = BTreeSet<(RouteAge, usize)>;

/// Takes from every route the listeners it loses. The routes come by age.
pub(crate) fn part(all: &mut [AttachedRoute]) {
    let kinds = all.iter().map(|route| route.source.kind());
    let (http, grpc) = kinds
        .fold((false, false), |(http, grpc), kind| (http || kind == Kind::HTTPRoute, grpc || kind == Kind::GRPCRoute));
    if !(http && grpc) {
        return;
    }
    let mut claims: HashMap<(Slot, usize), Claims> = HashMap::new();
    for route in all {
        let kind = route.source.kind();
        if !matches!(kind, Kind::HTTPRoute | Kind::GRPCRoute) {
            continue;
        }
        for parent in &mut route.parents {
            let gateway = parent.gateway;
            leave(parent, |at, hosts| !claims.entry((gateway, at)).or_default().take(hosts, kind));
        }
    }
}

/// Who loses one listener, of its routes by age, each with its parent's place and the host names both have.
pub(crate) fn lost<'a>(routes: impl Iterator<Item = (&'a RouteAge, usize, &'a [Host])>) -> Lost {
    let mut claims = Claims::default();
    let beaten = routes.filter(|(age, _, hosts)| !claims.take(hosts, age.kind()));
    beaten.map(|(age, place, _)| (age.clone(), place)).collect()
}

/// Takes listeners from a parent; one that is left with none is not accepted.
pub(crate) fn leave(parent: &mut AttachedParent, mut loses: impl FnMut(usize, &[Host]) -> bool) {
    parent.listeners.retain(|(at, hosts)| !loses(*at, hosts));
    if parent.listeners.is_empty() && parent.verdict == ParentVerdict::Accepted {
        let message = "an older route of the other kind of HTTPRoute and GRPCRoute has a host name of this route";
        parent.verdict = ParentVerdict::NotAccepted { reason: reasons::UNSUPPORTED_VALUE, message: message.to_owned() };
    }
}

/// Which kinds of routes have which host names of a listener.
#[derive(Debug, Default)]
struct Claims {
    claimed: HashMap<Host, Kind>,
    /// The wildcards some claimed name lies within.
    around: HashSet<(Host, Kind)>,
}

impl Claims {
    /// Claims these names for a route of this kind, if no route of the other kind has any of them.
    fn take(&mut self, hosts: &[Host], kind: Kind) -> bool {
        let free = !hosts.iter().any(|host| self.has_another(host, kind));
        if free {
            hosts.iter().for_each(|host| self.claim(host, kind));
        }
        free
    }

    fn claim(&mut self, host: &Host, kind: Kind) {
        if self.claimed.insert(host.clone(), kind).is_none() {
            self.around.extend(host.ancestors().map(|ancestor| (ancestor, kind)));
        }
    }

    /// Whether a route of the other kind has a name in common with this one.
    fn has_another(&self, host: &Host, kind: Kind) -> bool {
        let other = if kind == Kind::HTTPRoute { Kind::GRPCRoute } else { Kind::HTTPRoute };
        let held = |host: &Host| self.claimed.get(host) == Some(&other);
        held(host) || host.ancestors().any(|ancestor| held(&ancestor)) || self.around.contains(&(host.clone(), other))
    }
}
