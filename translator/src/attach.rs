//! Who may attach to whom: from objects to Gateways, listeners and the routes on them, each with what is wrong with it.

mod certificates;
mod classes;
mod clients;
mod conflicts;
mod gateways;
mod grants;
mod listener_sets;
mod listeners;
mod lookup;
mod mixed_kinds;
mod namespaces;
mod pem;
mod route_age;
mod routes;

pub(crate) use certificates::{AuthorityFault, authorities};
pub(crate) use classes::{ClassVerdict, Classes};
pub(crate) use clients::is_insecure;
pub(crate) use gateways::{
    AddressFault, AttachedGateway, Gateways, Slot, attach as attach_gateway, collisions, find_conflicts, gateway_of_set,
};
pub(crate) use grants::{Grants, Referrer};
pub(crate) use listener_sets::{AttachedSet, SetVerdict};
pub(crate) use listeners::{AttachedListener, Conflict, ListenerFault, Owner};
pub(crate) use lookup::{Fact, Lookup, Reads};
pub(crate) use mixed_kinds::{Lost, leave, lost};
pub(crate) use route_age::RouteAge;
pub(crate) use routes::{AttachedParent, AttachedRoute, ParentVerdict, RouteSource, Routes, attach as attach_route};
