//! Which ListenerSets are attached to which Gateway.

use std::sync::Arc;

use crate::api::{FromNamespaces, Gateway, ListenerSet, ObjectId};

use super::lookup::Lookup;
use super::namespaces;

/// A ListenerSet that names one of our Gateways.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttachedSet {
    pub(crate) id: ObjectId,
    pub(crate) set: Arc<ListenerSet>,
    pub(crate) verdict: SetVerdict,
}

/// Whether a ListenerSet is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SetVerdict {
    Allowed,
    NotAllowed(String),
}

/// The sets that name this Gateway, the oldest first.
pub(crate) fn of(lookup: Lookup<'_>, sets: &[(&ObjectId, &Arc<ListenerSet>)], gateway: &Gateway) -> Vec<AttachedSet> {
    let own = &*gateway.metadata.namespace;
    let allowed = gateway.spec.allowed_listeners.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    let verdict = |from: &str| match namespaces::allowed(lookup, allowed, &FromNamespaces::None, own, from) {
        Ok(true) => SetVerdict::Allowed,
        Ok(false) => {
            SetVerdict::NotAllowed(format!("the Gateway does not let ListenerSets of namespace {from} attach"))
        }
        Err(fault) => SetVerdict::NotAllowed(format!("the Gateway's allowedListeners.{fault}")),
    };
    let mut attached: Vec<AttachedSet> = sets
        .iter()
        .map(|(id, set)| AttachedSet { id: (*id).clone(), set: Arc::clone(set), verdict: verdict(&id.namespace) })
        .collect();
    attached.sort_by(|a, b| a.set.metadata.age().cmp(&b.set.metadata.age()));
    attached
}
