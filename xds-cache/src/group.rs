//! Peers that see the same things: how they are told apart, and what is kept for each such group.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use chancery_protocol::{Grant, Moment, Peer};

use crate::TurnedAway;
use crate::audience::Audience;
use crate::delivery::Seat;
use crate::signal::Signal;
use crate::snapshot::{GroupView, Snapshot};

/// Which group a peer belongs to. All peers of a group see the same view.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(Arc<str>);

impl GroupKey {
    /// The group with this name.
    pub fn new(name: &str) -> GroupKey {
        GroupKey(name.into())
    }

    /// The group [`EveryoneTogether`] puts every peer into.
    pub fn everyone() -> GroupKey {
        GroupKey::new("everyone")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for GroupKey {
    fn from(name: &str) -> Self {
        GroupKey::new(name)
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decides which group a peer belongs to.
///
/// What the transport proved (`peer.identity`) and what an authorizer granted (`grant.class`) can be relied on;
/// `peer.node` is what the peer says of itself. Let the node choose among what the identity may see anyway.
///
/// A closure will do:
/// ```
/// use chancery_cache::{GroupKey, SnapshotCache, TurnedAway};
/// use chancery_protocol::{Grant, Peer};
/// let by_spiffe_id = |peer: &Peer, _: &Grant| {
///     let uri = peer.identity.certificate.as_ref().and_then(|certificate| certificate.uris.first());
///     uri.map(|uri| GroupKey::new(uri)).ok_or_else(|| TurnedAway::NotAllowed("no SPIFFE ID".into()))
/// };
/// let (cache, publisher) = SnapshotCache::new(by_spiffe_id);
/// ```
pub trait Grouping: Send + Sync + 'static {
    /// The peer's group.
    ///
    /// # Errors
    /// When there is none for it.
    fn group(&self, peer: &Peer, grant: &Grant) -> Result<GroupKey, TurnedAway>;
}

impl<F> Grouping for F
where
    F: Fn(&Peer, &Grant) -> Result<GroupKey, TurnedAway> + Send + Sync + 'static,
{
    fn group(&self, peer: &Peer, grant: &Grant) -> Result<GroupKey, TurnedAway> {
        self(peer, grant)
    }
}

/// Puts every peer into one group, [`GroupKey::everyone`].
#[derive(Debug, Clone, Copy, Default)]
pub struct EveryoneTogether;

impl Grouping for EveryoneTogether {
    fn group(&self, _peer: &Peer, _grant: &Grant) -> Result<GroupKey, TurnedAway> {
        Ok(GroupKey::everyone())
    }
}

/// Groups by the class the authorizer granted. A peer without a class is turned away.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByGrantClass;

impl Grouping for ByGrantClass {
    fn group(&self, _peer: &Peer, grant: &Grant) -> Result<GroupKey, TurnedAway> {
        named(&grant.class, "its grant carries no class")
    }
}

/// Groups by `node.id`. A peer without one is turned away.
///
/// **A node id is self-declared**: any peer the authorizer lets in can claim any id, and with it see that group. Use this
/// only where all peers may see everything, or with an authorizer that ties `node.id` to the peer's certificate.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByNodeId;

impl Grouping for ByNodeId {
    fn group(&self, peer: &Peer, _grant: &Grant) -> Result<GroupKey, TurnedAway> {
        named(&peer.node.id, "its node.id is empty")
    }
}

/// Groups by `node.cluster`. A peer without one is turned away.
///
/// **A node cluster is self-declared**: see the warning at [`ByNodeId`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ByNodeCluster;

impl Grouping for ByNodeCluster {
    fn group(&self, peer: &Peer, _grant: &Grant) -> Result<GroupKey, TurnedAway> {
        named(&peer.node.cluster, "its node.cluster is empty")
    }
}

fn named(name: &str, lack: &str) -> Result<GroupKey, TurnedAway> {
    if name.is_empty() {
        return Err(TurnedAway::NotAllowed(format!("the peer has no group: {lack}")));
    }
    Ok(GroupKey::new(name))
}

/// How a group came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody published it.
    Published,
    /// A peer asked for it, and a provider was told.
    OnConnect,
}

pub(crate) struct Group {
    pub(crate) key: GroupKey,
    /// Tells this group's history from that of any other, also of one with the same key before or after it.
    pub(crate) lineage: u64,
    origin: Origin,
    state: Mutex<State>,
    /// What streams look at; `None` until the own layer was published.
    pub(crate) view: ArcSwapOption<GroupView>,
    /// Who is told of commits.
    pub(crate) audience: Audience,
    closed: AtomicBool,
    seats: Mutex<Seats>,
}

/// What publishers work on, one at a time.
pub(crate) enum State {
    /// Nobody has published the own layer; the group is as the base alone.
    Pristine,
    /// As of the last commit.
    At(Arc<Snapshot>),
    /// The group was removed. Its key may stand for a new one.
    Removed,
}

/// The streams of a group.
#[derive(Default)]
pub(crate) struct Seats {
    streams: BTreeMap<u64, Arc<Seat>>,
    /// Raised (closed) when the last stream leaves.
    demand: Option<Arc<Signal>>,
    idle_since: Option<Moment>,
}

impl Group {
    pub(crate) fn new(key: GroupKey, origin: Origin) -> Group {
        static LINEAGES: AtomicU64 = AtomicU64::new(1);
        Group {
            key,
            lineage: LINEAGES.fetch_add(1, Ordering::Relaxed),
            origin,
            state: Mutex::new(State::Pristine),
            view: ArcSwapOption::empty(),
            audience: Audience::default(),
            closed: AtomicBool::new(false),
            seats: Mutex::default(),
        }
    }

    /// A poisoned lock is taken all the same: commits are worked out beside the state and put in place at once.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seats a stream. Gives the signal that is closed when nobody is left, if a provider should be told.
    pub(crate) fn seat(&self, seat: Arc<Seat>) -> Option<Arc<Signal>> {
        let mut seats = self.seats();
        let first = seats.streams.is_empty();
        seats.streams.insert(seat.number, seat.clone());
        self.audience.enter(seat.clone());
        if self.is_closed() {
            seat.bell.close();
        }
        seats.idle_since = None;
        if !first || self.origin != Origin::OnConnect {
            return None;
        }
        let demand = Arc::new(Signal::default());
        seats.demand = Some(demand.clone());
        Some(demand)
    }

    pub(crate) fn leave(&self, seat: &Seat) {
        let mut seats = self.seats();
        seats.streams.remove(&seat.number);
        self.audience.leave(seat);
        if seats.streams.is_empty()
            && let Some(demand) = seats.demand.take()
        {
            demand.close();
        }
    }

    pub(crate) fn streams(&self) -> Vec<Arc<Seat>> {
        self.seats().streams.values().cloned().collect()
    }

    /// Somebody published: the group is not idle.
    pub(crate) fn touch(&self) {
        self.seats().idle_since = None;
    }

    /// Whether the group is one that a peer asked for.
    pub(crate) fn is_on_connect(&self) -> bool {
        self.origin == Origin::OnConnect
    }

    /// Whether the group has had no stream and no commit between some earlier call at least `idle` ago and now.
    pub(crate) fn is_idle(&self, now: Moment, idle: std::time::Duration) -> bool {
        let mut seats = self.seats();
        seats.streams.is_empty() && now - *seats.idle_since.get_or_insert(now) >= idle
    }

    /// Whether nothing newer will come.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.audience.close();
    }

    /// Removes a group that nobody uses, unless a publisher is at work on it. Call it where no stream can be seated.
    pub(crate) fn retire_if(&self, unused: impl FnOnce(&State) -> bool) -> bool {
        if !self.seats().streams.is_empty() {
            return false;
        }
        let Ok(mut state) = self.state.try_lock() else { return false };
        if !unused(&state) {
            return false;
        }
        *state = State::Removed;
        self.end();
        true
    }

    /// Removes the group whoever uses it: its streams are told that nothing newer will come.
    pub(crate) fn close(&self) {
        *self.state() = State::Removed;
        self.view.store(None);
        self.end();
        if let Some(demand) = self.seats().demand.take() {
            demand.close();
        }
    }
}
