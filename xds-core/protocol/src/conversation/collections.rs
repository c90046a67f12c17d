//! Virtual hosts by themselves: they follow the route configurations that a peer was given and that get them apart.

use alloc::collections::BTreeMap;

use super::{Channel, Conversation, Saying};
use crate::{Moment, Resource, ResourceName, TypeUrl, View};

/// The route configurations a peer was given that get their virtual hosts apart.
#[derive(Debug, Default)]
pub(super) struct Collections {
    /// Numbered: one that was over and is announced again is another.
    announced: BTreeMap<ResourceName, u64>,
    last: u64,
    /// Whether virtual hosts have followed since something changed.
    followed: bool,
}

impl Collections {
    /// With one that is there from the beginning, whatever is sent.
    pub(super) fn beginning_with(given: Option<ResourceName>) -> Collections {
        Collections { announced: given.map(|name| (name, 0)).into_iter().collect(), ..Collections::default() }
    }

    /// The peer is given this one, or given it anew.
    pub(super) fn announce(&mut self, name: ResourceName) {
        self.last += 1;
        self.announced.insert(name, self.last);
        self.followed = false;
    }

    /// The peer has this one no longer, or its virtual hosts are no longer apart.
    pub(super) fn withdraw(&mut self, name: &ResourceName) {
        self.followed &= self.announced.remove(name).is_none();
    }

    /// Somebody follows them who did not before.
    pub(super) fn follow_anew(&mut self) {
        self.followed = false;
    }

    fn has(&self, name: &ResourceName) -> bool {
        self.announced.contains_key(name)
    }
}

impl Conversation {
    /// Virtual hosts follow the route configurations that were sent.
    pub(super) fn collect<V: View>(&mut self, now: Moment, view: &V) {
        self.collections.followed = true;
        for channel in self.channels.iter_mut().filter(|channel| channel.type_url.traits().collected) {
            let Some(epoch) = view.epoch(&channel.type_url).filter(|_| !channel.interest.is_wildcard()) else {
                continue;
            };
            let (new, over) = channel.interest.collect(&self.collections.announced);
            if !new.is_empty() || !over.is_empty() {
                channel.heartbeat.reconsider();
                channel.heartbeat.follow(now, view, epoch, &channel.type_url, &channel.interest);
            }
            for collection in over {
                channel.standing.forget_collection(&collection);
            }
            for collection in new {
                let Channel { standing, interest, type_url, .. } = &mut *channel;
                standing.forget_collection(&collection);
                standing.owe_collection(now, view, type_url, interest, &collection);
            }
        }
    }

    /// Route configurations that were sent may announce virtual hosts, or no longer do.
    pub(super) fn note_collections(&mut self, at: usize, said: &[Saying]) {
        if self.channels[at].type_url != TypeUrl::ROUTE {
            return;
        }
        for saying in said {
            let announced = saying.content.as_ref().is_some_and(announces_virtual_hosts);
            if announced && !self.collections.has(&saying.name) {
                self.collections.announce(saying.name.clone());
            } else if !announced {
                self.collections.withdraw(&saying.name);
            }
        }
    }

    /// Whether nothing is collected, or what is collected has followed what was announced.
    pub(super) fn has_collected(&self) -> bool {
        self.collections.followed || !self.channels.iter().any(|channel| channel.type_url.traits().collected)
    }
}

pub(super) fn announces_virtual_hosts(resource: &Resource) -> bool {
    resource.references().iter().any(|reference| reference.type_url.traits().collected)
}
