//! When the peer must hear again of resources that would otherwise expire.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::interest::Interest;
use crate::{Epoch, Moment, ResourceName, TypeUrl, View};

/// How many heartbeats fit into a TTL.
const BEATS_PER_TTL: u32 = 3;

/// The expiring resources of one type, and when the peer last heard of each.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    heard: BTreeMap<ResourceName, Heard>,
    epoch: Option<Epoch>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    last: Moment,
    ttl: Duration,
}

impl Heard {
    fn due(&self) -> Moment {
        self.last + self.ttl / BEATS_PER_TTL
    }
}

impl Heartbeat {
    /// Follows the view, which is at this epoch: which resources expire, and how soon.
    pub(crate) fn follow<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        epoch: Epoch,
        type_url: &TypeUrl,
        interest: &Interest,
    ) {
        if self.epoch == Some(epoch) {
            return;
        }
        self.epoch = Some(epoch);
        let mut expiring = view.iter_with_ttl(type_url).peekable();
        if self.is_idle() && expiring.peek().is_none() {
            return;
        }
        let mut heard = BTreeMap::new();
        for resource in expiring.filter(|resource| interest.covers(resource)) {
            let Some(ttl) = resource.ttl() else { continue };
            let last = self.heard.get(resource.name()).map_or(now, |heard| heard.last);
            heard.insert(resource.name().clone(), Heard { last, ttl });
        }
        self.heard = heard;
    }

    /// Whether nothing expires.
    pub(crate) fn is_idle(&self) -> bool {
        self.heard.is_empty()
    }

    /// The interest has changed: look at the view again.
    pub(crate) fn reconsider(&mut self) {
        self.epoch = None;
    }

    /// The peer has heard of this one.
    pub(crate) fn told(&mut self, now: Moment, name: &ResourceName) {
        if let Some(heard) = self.heard.get_mut(name) {
            heard.last = now;
        }
    }

    /// The peer has heard of all.
    pub(crate) fn told_all(&mut self, now: Moment) {
        for heard in self.heard.values_mut() {
            heard.last = now;
        }
    }

    /// The names that must be heard of now.
    pub(crate) fn due(&self, now: Moment) -> Vec<ResourceName> {
        self.heard.iter().filter(|(_, heard)| heard.due() <= now).map(|(name, _)| name.clone()).collect()
    }

    /// When the next one must be.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.heard.values().map(Heard::due).min()
    }
}
