//! Publishing a group only once somebody asks for it.

use chancery_protocol::Peer;
use std::sync::Arc;

use crate::group::Origin;
use crate::signal::Signal;
use crate::{GroupKey, Inconsistent, Published, Publisher, ResourceSet};

/// Told when a group that nobody has published gets its first stream.
///
/// The call comes from the thread that seats the stream and must return at once; start a task for anything that waits.
/// The stream is not ready, and told nothing, until the group is published. Once the last stream of the group has left,
/// the [`Demand`] is withdrawn; a stream that comes after that raises a new one, even where the group is still cached.
///
/// ```no_run
/// use chancery_cache::{Demand, Options, ResourceSet, SnapshotCache, ByNodeId};
/// # async fn load(group: &str) -> ResourceSet { ResourceSet::new() }
/// let provider = |demand: Demand| {
///     tokio::spawn(async move {
///         tokio::select! {
///             () = demand.withdrawn() => {}
///             set = load(demand.group().as_str()) => drop(demand.publish(set)),
///         }
///     });
/// };
/// let options = Options { provider: Some(std::sync::Arc::new(provider)), ..Options::default() };
/// let (cache, publisher) = SnapshotCache::with_options(ByNodeId, options);
/// ```
pub trait Provider: Send + Sync + 'static {
    /// A group is wanted. Must not block.
    fn demanded(&self, demand: Demand);
}

impl<F: Fn(Demand) + Send + Sync + 'static> Provider for F {
    fn demanded(&self, demand: Demand) {
        self(demand);
    }
}

/// A group that is wanted, by at least one stream, until it is withdrawn.
pub struct Demand {
    pub(crate) group: GroupKey,
    pub(crate) peer: Peer,
    pub(crate) publisher: Publisher,
    pub(crate) withdrawal: Arc<Signal>,
}

impl Demand {
    /// The group.
    pub fn group(&self) -> &GroupKey {
        &self.group
    }

    /// The peer that asked first.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A publisher of the cache, of every type that has no other publisher.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Publishes the group, as [`Publisher::publish`] does, unless nobody wants it any more (`Ok(None)`).
    ///
    /// # Errors
    /// See [`Publisher::publish`].
    pub fn publish(&self, set: ResourceSet) -> Result<Option<Published>, Inconsistent> {
        if self.is_withdrawn() {
            return Ok(None);
        }
        self.publisher.publish_as(&self.group, Origin::OnConnect, set).map(Some)
    }

    /// Whether the last stream has left.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawal.is_closed()
    }

    /// Waits until the last stream has left.
    pub async fn withdrawn(&self) {
        while self.withdrawal.moved_from(self.withdrawal.stamp()).await {}
    }
}

impl std::fmt::Debug for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Demand").field("group", &self.group).field("withdrawn", &self.is_withdrawn()).finish()
    }
}
