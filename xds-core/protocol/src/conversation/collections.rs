//! Virtual hosts by themselves: they follow the route configurations that a peer was given and that get them apart.

use super::{Channel, Conversation, Saying};
use crate::{Moment, Resource, TypeUrl, View};

impl Conversation {
    /// Virtual hosts follow the route configurations that were sent.
    pub(super) fn collect<V: View>(&mut self, now: Moment, view: &V) {
        for channel in self.channels.iter_mut().filter(|channel| channel.type_url.traits().collected) {
            if channel.interest.is_wildcard() || view.epoch(&channel.type_url).is_none() {
                continue;
            }
            let (new, over) = channel.interest.collect(&self.collections);
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
            if announced && !self.collections.contains_key(&saying.name) {
                self.next_collection += 1;
                self.collections.insert(saying.name.clone(), self.next_collection);
            } else if !announced {
                self.collections.remove(&saying.name);
            }
        }
    }
}

pub(super) fn announces_virtual_hosts(resource: &Resource) -> bool {
    resource.references().iter().any(|reference| reference.type_url.traits().collected)
}
