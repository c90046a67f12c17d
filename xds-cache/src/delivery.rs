//! Who has acknowledged what, who refused it and why: worked out when asked, from little kept per stream.

mod first_answer;
mod progress;
mod report;
mod seat;

pub use report::{Delivery, Reach, RefusedResource, StreamDelivery, TypeDelivery};
pub(crate) use seat::Seat;

use std::fmt;
use std::sync::Arc;

use chancery_protocol::{ResourceName, TypeUrl};

use crate::cache::Shared;
use crate::group::Group;
use crate::snapshot::GroupView;
use crate::{GroupKey, Published};

/// Delivery reports of one cache. See [`SnapshotCache::delivery`](crate::SnapshotCache::delivery).
///
/// Kept per stream and type: the point up to which all it wants was acknowledged, and the exceptions. Everything else is
/// computed by the calls below, against the group's present view.
///
/// A stream that fell behind further than the history reaches counts as caught up once it acknowledges a response to
/// the present state, even if the session still holds back some resource for the sake of order.
#[derive(Clone)]
pub struct Deliveries {
    shared: Arc<Shared>,
    seen: u64,
}

impl Deliveries {
    pub(crate) fn of(shared: Arc<Shared>) -> Deliveries {
        let seen = shared.progress.stamp();
        Deliveries { shared, seen }
    }

    /// Waits until some stream has come, gone, acknowledged, refused or been sent something since the last call (or
    /// since this handle was made). Take the reports after it returns; changes in between are not lost.
    pub async fn changed(&mut self) {
        self.shared.progress.moved_from(self.seen).await;
        self.seen = self.shared.progress.stamp();
    }

    /// Every stream, by group and in the order they came.
    pub fn streams(&self) -> Vec<StreamDelivery> {
        let mut groups: Vec<Arc<Group>> = self.shared.groups.iter().map(|entry| entry.value().clone()).collect();
        groups.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        groups.iter().flat_map(|group| self.streams_in(group)).collect()
    }

    /// The streams of one group.
    pub fn streams_of(&self, group: &GroupKey) -> Vec<StreamDelivery> {
        self.group(group).map(|group| self.streams_in(&group)).unwrap_or_default()
    }

    /// Where each stream of a group stands with one resource.
    pub fn of_resource(&self, group: &GroupKey, type_url: &TypeUrl, name: &ResourceName) -> Vec<(u64, Delivery)> {
        let Some(group) = self.group(group) else { return Vec::new() };
        let view = self.shared.view_of(&group);
        group.streams().iter().map(|seat| (seat.stream, seat.status(view.as_deref(), type_url, name))).collect()
    }

    /// Where one stream (its [`Peer::stream`](chancery_protocol::Peer)) stands with one resource.
    pub fn status(&self, stream: u64, type_url: &TypeUrl, name: &ResourceName) -> Delivery {
        for group in self.shared.groups.iter() {
            if let Some(seat) = group.streams().iter().find(|seat| seat.stream == stream) {
                return seat.status(self.shared.view_of(&group).as_deref(), type_url, name);
            }
        }
        Delivery::Unknown
    }

    /// On how many streams a commit is live. Counts the group's streams, or every group's for a commit to the base.
    pub fn reach(&self, published: &Published) -> Reach {
        let groups: Vec<Arc<Group>> = match &published.group {
            Some(key) => self.group(key).into_iter().collect(),
            None => self.shared.groups.iter().map(|entry| entry.value().clone()).collect(),
        };
        let mut reach = Reach::default();
        for group in groups {
            let view = self.shared.view_of(&group);
            for seat in group.streams() {
                reach.count(seat.reached(view.as_deref(), &published.epochs));
            }
        }
        reach
    }

    fn group(&self, key: &GroupKey) -> Option<Arc<Group>> {
        self.shared.groups.get(key).map(|group| group.clone())
    }

    fn streams_in(&self, group: &Group) -> Vec<StreamDelivery> {
        let view: Option<Arc<GroupView>> = self.shared.view_of(group);
        group.streams().iter().map(|seat| seat.report(&group.key, view.as_deref())).collect()
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.streams()).finish()
    }
}
