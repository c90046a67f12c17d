//! The cache: groups of peers, the base they share, and the door through which streams take their seats.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use chancery_protocol::{Grant, Moment, Peer, Source};
use dashmap::DashMap;

use crate::delivery::Seat;
use crate::group::{Group, Origin, State};
use crate::signal::Signal;
use crate::snapshot::{Claims, GroupView, Snapshot};
use crate::{
    DanglingSet, Deliveries, Demand, GroupKey, GroupWatch, Grouping, Options, Publisher, Readiness, TurnedAway,
};

/// Versioned snapshots of resources, one per group of peers: a [`Source`] for a server's streams.
///
/// Reading is a lookup in a sharded map when a stream is seated, and one atomic load whenever it looks. Publishing to one
/// group locks that group's publishers alone; publishing the base excludes other publishers for as long as it works. No
/// publisher ever waits for a stream. Clones are handles to the same cache.
///
/// See the crate's page for an example.
#[derive(Clone)]
pub struct SnapshotCache {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    grouping: Box<dyn Grouping>,
    pub(crate) options: Options,
    pub(crate) groups: DashMap<GroupKey, Arc<Group>>,
    /// Commits to groups hold it for reading, commits to the base for writing. Streams never touch it.
    pub(crate) layers: RwLock<()>,
    /// The base as a group without resources of its own has it.
    pub(crate) base_alone: ArcSwap<Snapshot>,
    pub(crate) claims: ArcSwap<Claims>,
    /// Held while a type is claimed.
    pub(crate) claiming: Mutex<()>,
    /// Raised when any stream's progress changes.
    pub(crate) progress: Signal,
    seats: AtomicU64,
}

/// Which idle groups [`SnapshotCache::evict_idle`] removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evict {
    /// Those that came to be because a peer asked for them; a provider publishes them again when one does.
    OnConnect,
    /// All of them. Who publishes must then publish again when asked.
    All,
}

impl SnapshotCache {
    /// An empty cache, and the publisher of every type that gets no publisher of its own.
    pub fn new(grouping: impl Grouping) -> (SnapshotCache, Publisher) {
        SnapshotCache::with_options(grouping, Options::default())
    }

    /// An empty cache with options.
    pub fn with_options(grouping: impl Grouping, options: Options) -> (SnapshotCache, Publisher) {
        let shared = Arc::new(Shared {
            grouping: Box::new(grouping),
            options,
            groups: DashMap::new(),
            layers: RwLock::new(()),
            base_alone: ArcSwap::default(),
            claims: ArcSwap::default(),
            claiming: Mutex::new(()),
            progress: Signal::default(),
            seats: AtomicU64::new(1),
        });
        (SnapshotCache { shared: shared.clone() }, Publisher::of_the_rest(shared))
    }

    /// The groups there are, sorted.
    pub fn groups(&self) -> Vec<GroupKey> {
        let mut keys: Vec<GroupKey> = self.shared.groups.iter().map(|entry| entry.key().clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// What the peers of a group see now. `None`: no such group, or it is not ready.
    pub fn view(&self, group: &GroupKey) -> Option<Arc<GroupView>> {
        let group = self.shared.groups.get(group)?.clone();
        self.shared.view_of(&group)
    }

    /// The dangling references of a group. `None`: no such group, or it is not ready.
    pub fn dangling(&self, group: &GroupKey) -> Option<DanglingSet> {
        self.view(group).map(|view| DanglingSet::of(view.snapshot.clone()))
    }

    /// Who holds what, who refused what, and why.
    pub fn delivery(&self) -> Deliveries {
        Deliveries::of(self.shared.clone())
    }

    /// Removes the groups that have had neither a stream nor a commit for `idle`, and says which. Call it every now and
    /// then: idleness counts from the first call that finds a group without streams.
    pub fn evict_idle(&self, now: Moment, idle: Duration, which: Evict) -> Vec<GroupKey> {
        let mut evicted = Vec::new();
        self.shared.groups.retain(|key, group| {
            let eligible = which == Evict::All || group.is_on_connect();
            let gone = eligible && group.is_idle(now, idle) && group.retire_if(|_| true);
            if gone {
                evicted.push(key.clone());
            }
            !gone
        });
        evicted.sort_unstable();
        evicted
    }
}

impl Shared {
    /// What the peers of a group see now.
    pub(crate) fn view_of(&self, group: &Group) -> Option<Arc<GroupView>> {
        if let Some(view) = group.view.load_full() {
            return Some(view);
        }
        let readiness = self.options.readiness;
        if group.is_closed() || readiness == Readiness::OwnLayer {
            return None;
        }
        let snapshot = self.base_alone.load_full();
        let ready = !snapshot.base().knowledge.is_empty();
        ready.then(|| Arc::new(GroupView { lineage: group.lineage, readiness, snapshot }))
    }

    /// The group with this key, made if there is none.
    pub(crate) fn group(&self, key: &GroupKey, origin: Origin) -> Arc<Group> {
        match self.groups.get(key) {
            Some(group) => group.clone(),
            None => self.groups.entry(key.clone()).or_insert_with(|| Arc::new(Group::new(key.clone(), origin))).clone(),
        }
    }

    /// Drops a group that has neither streams nor content: a peer came and went, or a first publish was refused.
    pub(crate) fn forget_if_unused(&self, group: &Arc<Group>) {
        self.groups.remove_if(&group.key, |_, present| {
            Arc::ptr_eq(present, group) && group.retire_if(|state| matches!(state, State::Pristine))
        });
    }

    fn seat(&self, key: &GroupKey, seat: &Arc<Seat>) -> (Arc<Group>, Option<Arc<Signal>>) {
        // The stream is seated while the map's shard is held, so that no group is evicted from under it.
        if let Some(group) = self.groups.get(key) {
            return (group.clone(), group.seat(seat.clone()));
        }
        let origin = if self.options.provider.is_some() { Origin::OnConnect } else { Origin::Published };
        let group = self.groups.entry(key.clone()).or_insert_with(|| Arc::new(Group::new(key.clone(), origin)));
        (group.clone(), group.seat(seat.clone()))
    }
}

impl Source for SnapshotCache {
    type View = GroupView;
    type Watch = GroupWatch;
    type Refusal = TurnedAway;

    fn watch(&self, peer: &Peer, grant: &Grant) -> Result<GroupWatch, TurnedAway> {
        let key = self.shared.grouping.group(peer, grant)?;
        let number = self.shared.seats.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat::new(number, peer));
        let (group, demand) = self.shared.seat(&key, &seat);
        let seen = seat.bell.stamp();
        let watch = GroupWatch { shared: self.shared.clone(), group, seat, seen };
        if let (Some(withdrawal), Some(provider)) = (demand, &self.shared.options.provider) {
            let publisher = Publisher::of_the_rest(self.shared.clone());
            provider.demanded(Demand { group: key, peer: peer.clone(), publisher, withdrawal });
        }
        self.shared.progress.raise();
        Ok(watch)
    }
}

impl fmt::Debug for SnapshotCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotCache").field("groups", &self.groups()).finish()
    }
}
