//! What a peer may see: an immutable picture of resources, and how two pictures differ.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;

use crate::{Digest, Event, Grant, Peer, Resource, ResourceName, TypeUrl, Version};

/// A point in the history of one type in one view. Opaque: a lineage (the history it belongs to) and one position per
/// layer. Only the source that made it can say what lies between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Which history this is a point of. Epochs of different lineages cannot be compared.
    pub lineage: u64,
    /// How far each layer of the history has come.
    pub positions: [u64; 2],
}

/// What happened to one name between an epoch and a view: both ends, nothing in between.
#[derive(Debug, Clone)]
pub struct Change {
    /// The resource's name.
    pub name: ResourceName,
    /// What the view held at the epoch.
    pub before: Option<Resource>,
    /// What it holds now.
    pub after: Option<Resource>,
}

/// The changes of one type, at most one per name, sorted by name. Shared between the streams that ask for the same ones.
#[derive(Debug, Clone, Default)]
pub struct Changes(Option<Arc<[Change]>>);

impl Changes {
    /// These changes.
    pub fn new(changes: Vec<Change>) -> Changes {
        Changes((!changes.is_empty()).then(|| changes.into()))
    }
}

impl core::ops::Deref for Changes {
    type Target = [Change];
    fn deref(&self) -> &[Change] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// An immutable picture of all one peer may see. Cloned pictures and repeated calls give the same answers.
///
/// Real implementers: the cache's group view (`chancery-cache`), the simulator's view, `examples/embed` (own source).
pub trait View: Send + Sync + 'static {
    /// Where the type stands. Equal epochs mean equal content. `None`: not known yet, so the session stays silent.
    fn epoch(&self, type_url: &TypeUrl) -> Option<Epoch>;

    /// The sum of the digests of the wildcard set: every resource of the type that is not served on demand only.
    fn digest(&self, type_url: &TypeUrl) -> Digest;

    /// The resource with this name, if there is one: never one that only has it as an alias ([`by_alias`](View::by_alias)).
    fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource>;

    /// The resources with these names, which are sorted, in their order. For who can go along faster than look each up.
    fn get_all<'a>(&'a self, type_url: &TypeUrl, names: &[ResourceName]) -> Vec<Option<&'a Resource>> {
        names.iter().map(|name| self.get(type_url, name)).collect()
    }

    /// Every resource of the type, sorted by name, those served on demand included.
    fn iter<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource>;

    /// Every resource whose name starts with `prefix`, sorted by name.
    fn iter_prefix<'a>(&'a self, type_url: &TypeUrl, prefix: &str) -> impl Iterator<Item = &'a Resource> {
        let prefix = alloc::string::String::from(prefix);
        self.iter(type_url).filter(move |resource| resource.name().as_str().starts_with(prefix.as_str()))
    }

    /// What has changed since the epoch, at a cost proportional to the number of changes. `None`: this view cannot tell
    /// (another lineage, or the history no longer reaches back), so the session compares in full.
    fn changed_since(&self, type_url: &TypeUrl, epoch: Epoch) -> Option<Changes>;

    /// The resources of the type that have a TTL, sorted by name.
    fn iter_with_ttl<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource> {
        self.iter(type_url).filter(|resource| resource.ttl().is_some())
    }

    /// The resource that has this alias.
    fn by_alias(&self, type_url: &TypeUrl, alias: &ResourceName) -> Option<&Resource> {
        self.iter(type_url).find(|resource| resource.aliases().contains(alias))
    }

    /// The epoch at which the wildcard set had this version, while the history still reaches back to it.
    fn epoch_of_version(&self, type_url: &TypeUrl, version: Version) -> Option<Epoch> {
        let _ = (type_url, version);
        None
    }
}

/// Hands each stream its newest [`View`].
///
/// Real implementers: `chancery_cache::SnapshotCache`; `examples/embed/src/bin/own_source.rs`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of views",
    note = "use `chancery_cache::SnapshotCache`, or implement `chancery_protocol::Source`"
)]
pub trait Source: Send + Sync + 'static {
    /// The pictures this source gives.
    type View: View;
    /// One stream's seat at the source; dropped when the stream ends.
    type Watch: Watch<View = Self::View>;
    /// Why a peer is turned away.
    type Refusal: core::fmt::Display + Send;

    /// Seats a new stream.
    ///
    /// # Errors
    /// When the source has nothing to show this peer, now (`is_temporary`) or ever.
    fn watch(&self, peer: &Peer, grant: &Grant) -> Result<Self::Watch, Self::Refusal>;
}

/// One stream's seat at a source.
pub trait Watch: Send + 'static {
    /// The pictures this watch gives.
    type View: View;

    /// The newest view. Never blocks; a later view replaces an earlier one nobody has looked at. `None`: the source is
    /// not ready, and the stream is refused rather than served an empty picture.
    fn latest(&mut self) -> Option<Arc<Self::View>>;

    /// Waits until [`latest`](Watch::latest) would give something newer. `false`: the source is gone for good.
    fn changed(&mut self) -> impl Future<Output = bool> + Send;

    /// Told of everything that happens on the stream: what the peer subscribes to, was sent, acknowledged or refused.
    /// On-demand sources and delivery reports listen here. Must not block.
    fn progressed(&mut self, event: &Event) {
        let _ = event;
    }
}
