//! What goes into an update, and what comes out.

use std::collections::BTreeMap;

use chancery_cache::Patch;

use crate::api::{Object, ObjectId, Status};
use crate::key::ProxyId;
use crate::translation::Problem;

/// A change to one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is there, like this.
    Put(Object),
    /// It is gone.
    Remove(ObjectId),
}

/// What an update comes to: differences to what was before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// Every proxy something changed for.
    pub proxies: BTreeMap<ProxyId, ProxyUpdate>,
    /// Every status that is new, by object; `None` for an object that no longer has one from us.
    pub statuses: BTreeMap<ObjectId, Option<Status>>,
    /// What is wrong with every object of which that is new; nothing for one with which nothing is wrong any more.
    pub problems: BTreeMap<ObjectId, Vec<Problem>>,
}

impl Update {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.proxies.is_empty() && self.statuses.is_empty() && self.problems.is_empty()
    }
}

/// What changed for a proxy.
#[derive(Debug, Clone, PartialEq)]
pub enum ProxyUpdate {
    /// These of its resources. For a proxy that was not there: all.
    Changed(Patch),
    /// There is no such proxy any more.
    Gone,
}
