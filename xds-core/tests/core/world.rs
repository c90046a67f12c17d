//! A source the tests hold in their hands: pictures of a few resources, published by hand.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chancery_core::Denial;
use chancery_protocol::{
    Changes, Digest, Epoch, Grant, Parts, Peer, Resource, ResourceName, Source, TypeUrl, View, Watch,
};
use tokio::sync::watch;

/// A resource with this body.
pub(crate) fn resource(type_url: &TypeUrl, name: &str, body: Vec<u8>) -> Resource {
    let mut bytes = [0; 32];
    for (salt, lane) in bytes.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (salt, type_url, name, &body).hash(&mut hasher);
        lane.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    Resource::from_parts(Parts {
        type_url: type_url.clone(),
        name: name.into(),
        body: body.into(),
        digest: Digest::from_bytes(bytes),
        ttl: None,
        references: Vec::new(),
        aliases: Vec::new(),
        on_demand: false,
        origin: None,
    })
}

/// Some resources, at some point in time.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    number: u64,
    resources: BTreeMap<TypeUrl, BTreeMap<ResourceName, Resource>>,
    /// How often resources were walked through.
    pub(crate) walks: AtomicUsize,
}

impl Picture {
    pub(crate) fn of(resources: impl IntoIterator<Item = Resource>) -> Picture {
        let mut picture = Picture::default();
        for resource in resources {
            let of_type = picture.resources.entry(resource.type_url().clone()).or_default();
            of_type.insert(resource.name().clone(), resource);
        }
        picture
    }
}

impl View for Picture {
    fn epoch(&self, _: &TypeUrl) -> Option<Epoch> {
        Some(Epoch { lineage: 1, positions: [self.number, 0] })
    }

    fn digest(&self, type_url: &TypeUrl) -> Digest {
        let mut sum = Digest::EMPTY;
        for resource in self.resources.get(type_url).into_iter().flat_map(BTreeMap::values) {
            sum.add(resource.digest());
        }
        sum
    }

    fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.resources.get(type_url)?.get(name)
    }

    fn iter<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource> {
        self.walks.fetch_add(1, Ordering::Relaxed);
        self.resources.get(type_url).into_iter().flat_map(BTreeMap::values)
    }

    fn changed_since(&self, _: &TypeUrl, epoch: Epoch) -> Option<Changes> {
        (epoch.positions[0] == self.number).then(Changes::default)
    }
}

/// The source; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<watch::Sender<Option<Arc<Picture>>>>);

impl World {
    /// A source that is not ready.
    pub(crate) fn unknown() -> World {
        World(Arc::new(watch::Sender::new(None)))
    }

    pub(crate) fn of(resources: impl IntoIterator<Item = Resource>) -> World {
        let world = World::unknown();
        world.publish(resources);
        world
    }

    /// A world of clusters with these names.
    pub(crate) fn of_clusters(names: &[&str]) -> World {
        World::of(names.iter().map(|name| resource(&TypeUrl::CLUSTER, name, name.as_bytes().to_vec())))
    }

    pub(crate) fn publish(&self, resources: impl IntoIterator<Item = Resource>) -> Arc<Picture> {
        let number = self.0.borrow().as_ref().map_or(1, |picture| picture.number + 1);
        let picture = Arc::new(Picture { number, ..Picture::of(resources) });
        self.0.send_replace(Some(Arc::clone(&picture)));
        picture
    }

    /// How many streams sit here.
    pub(crate) fn seats(&self) -> usize {
        self.0.receiver_count()
    }
}

impl Source for World {
    type View = Picture;
    type Watch = Seat;
    type Refusal = Denial;

    fn watch(&self, peer: &Peer, _: &Grant) -> Result<Seat, Denial> {
        match peer.node.id.as_str() {
            "stranger" => Err(Denial::Unavailable("nothing for strangers".into())),
            _ => Ok(Seat(self.0.subscribe())),
        }
    }
}

pub(crate) struct Seat(watch::Receiver<Option<Arc<Picture>>>);

impl Watch for Seat {
    type View = Picture;

    fn latest(&mut self) -> Option<Arc<Picture>> {
        self.0.borrow_and_update().clone()
    }

    async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
