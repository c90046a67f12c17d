//! What is still to be done in an update.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::{Kind, ObjectId};
use crate::attach::{Fact, RouteAge};
use crate::host::Host;
use crate::key::ProxyId;
use crate::lower::ListenerAt;

use super::dependents::Dependents;

/// What is still to be done, step by step.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    pub(super) classes: bool,
    /// Namespaces that grant something else.
    pub(super) granting: BTreeSet<Arc<str>>,
    pub(super) gateways: BTreeSet<ObjectId>,
    pub(super) policies: BTreeSet<ObjectId>,
    pub(super) routes: BTreeSet<ObjectId>,
    /// Services whose slices are others.
    pub(super) sliced: BTreeSet<ObjectId>,
    /// Proxies whose Gateways are others.
    pub(super) proxies: BTreeSet<ProxyId>,
    /// Hosts of listeners with other routes, or routes that do something else.
    pub(super) hosts: BTreeSet<(ListenerAt, Host)>,
    /// Routes that are on a listener, or no longer, or do something else there.
    pub(super) placed: BTreeSet<(ListenerAt, RouteAge)>,
    /// Listeners with more or fewer routes.
    pub(super) counted: BTreeSet<ListenerAt>,
    /// Gateways that may have another status.
    pub(super) gateway_statuses: BTreeSet<ObjectId>,
    /// Policies that may have another status.
    pub(super) policy_statuses: BTreeSet<ObjectId>,
}

impl Agenda {
    /// Something is no longer what it was: everybody who looked at it looks again.
    pub(super) fn changed(&mut self, dependents: &Dependents, fact: &Fact) {
        for who in dependents.of(fact) {
            match who.kind {
                Kind::Gateway => self.gateways.insert(who.clone()),
                Kind::BackendTLSPolicy => self.policies.insert(who.clone()),
                _ => self.routes.insert(who.clone()),
            };
        }
    }
}
