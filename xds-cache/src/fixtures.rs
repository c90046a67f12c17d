//! Resources, peers and events for the tests of this crate.

use std::time::Duration;

use chancery_protocol::{
    Digest, Epoch, Event, Grant, Node, Nonce, Parts, Peer, Reference, Refusal, Resource, ResourceName, Source, Told,
    TypeUrl, View, Watch,
};

use crate::{EveryoneTogether, GroupKey, GroupView, GroupWatch, Patch, Publisher, ResourceSet, SnapshotCache};

/// A resource in the making.
#[derive(Clone)]
pub(crate) struct Made(Parts);

pub(crate) fn make(type_url: TypeUrl, name: &str, body: &str) -> Made {
    Made(Parts {
        type_url,
        name: ResourceName::new(name),
        body: body.to_owned().into_bytes().into(),
        digest: Digest::EMPTY,
        ttl: None,
        references: Vec::new(),
        aliases: Vec::new(),
        on_demand: false,
        origin: None,
    })
}

impl Made {
    pub(crate) fn names(mut self, type_url: TypeUrl, name: &str) -> Made {
        self.0.references.push(Reference { type_url, name: ResourceName::new(name) });
        self
    }

    pub(crate) fn alias(mut self, alias: &str) -> Made {
        self.0.aliases.push(ResourceName::new(alias));
        self
    }

    pub(crate) fn ttl(mut self, seconds: u64) -> Made {
        self.0.ttl = Some(Duration::from_secs(seconds));
        self
    }

    pub(crate) fn on_demand(mut self) -> Made {
        self.0.on_demand = true;
        self
    }

    pub(crate) fn origin(mut self, origin: &str) -> Made {
        self.0.origin = Some(origin.into());
        self
    }

    pub(crate) fn done(mut self) -> Resource {
        let mut hash = blake3::Hasher::new();
        let Parts { type_url, name, body, references, aliases, .. } = &self.0;
        hash.update(format!("{type_url:?} {name:?} {body:?} {references:?} {aliases:?}").as_bytes());
        self.0.digest = Digest::from_bytes(*hash.finalize().as_bytes());
        Resource::from_parts(self.0)
    }
}

pub(crate) fn cluster(name: &str, body: &str) -> Resource {
    make(TypeUrl::CLUSTER, name, body).done()
}

pub(crate) fn endpoints(name: &str, body: &str) -> Resource {
    make(TypeUrl::ENDPOINTS, name, body).done()
}

pub(crate) fn set(resources: impl IntoIterator<Item = Resource>) -> ResourceSet {
    ResourceSet::of(resources).unwrap()
}

pub(crate) fn cache_of(resources: impl IntoIterator<Item = Resource>) -> (SnapshotCache, Publisher) {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set(resources)).unwrap();
    (cache, publisher)
}

pub(crate) fn upsert(resource: Resource) -> Patch {
    let mut patch = Patch::new();
    patch.upsert(resource);
    patch
}

pub(crate) fn remove(type_url: TypeUrl, name: &str) -> Patch {
    let mut patch = Patch::new();
    patch.remove(type_url, name.into());
    patch
}

pub(crate) fn everyone() -> GroupKey {
    GroupKey::everyone()
}

pub(crate) fn peer(stream: u64, node: &str) -> Peer {
    Peer { stream, node: Node { id: node.into(), ..Node::default() }, ..Peer::default() }
}

pub(crate) fn seat(cache: &SnapshotCache, stream: u64, node: &str) -> GroupWatch {
    cache.watch(&peer(stream, node), &Grant::everything()).unwrap()
}

pub(crate) fn names_of(view: &GroupView, type_url: &TypeUrl) -> Vec<String> {
    view.iter(type_url).map(|resource| resource.name().to_string()).collect()
}

pub(crate) fn epoch_of(watch: &mut GroupWatch, type_url: &TypeUrl) -> Epoch {
    watch.latest().unwrap().epoch(type_url).unwrap()
}

pub(crate) fn subscribe(watch: &mut GroupWatch, type_url: TypeUrl, names: &[&str]) {
    let added: Vec<ResourceName> = names.iter().map(|name| ResourceName::new(name)).collect();
    let (wildcard, names) = (names.is_empty(), added.iter().cloned().collect());
    watch.progressed(&Event::Subscribed { type_url, wildcard, added, removed: Vec::new(), names });
}

/// Tells the watch that a response went out, made from its newest view. No names: everything.
pub(crate) fn send(watch: &mut GroupWatch, type_url: TypeUrl, nonce: u64, names: &[&str]) {
    let epoch = epoch_of(watch, &type_url);
    let told = match names {
        [] => Told::Everything,
        names => Told::Names(names.iter().map(|name| ResourceName::new(name)).collect()),
    };
    watch.progressed(&Event::Sent { type_url, nonce: Nonce(nonce), epoch, told });
}

pub(crate) fn ack(watch: &mut GroupWatch, type_url: TypeUrl, nonce: u64) {
    watch.progressed(&Event::Acked { type_url, nonce: Nonce(nonce) });
}

pub(crate) fn nack(watch: &mut GroupWatch, type_url: TypeUrl, nonce: u64, culprits: &[&str]) {
    let culprits = culprits.iter().map(|name| ResourceName::new(name)).collect();
    let refusal = Refusal::new(13, "no such filter");
    watch.progressed(&Event::Nacked { type_url, nonce: Nonce(nonce), refusal, culprits });
}

/// Runs a future that must not have to wait long.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let deadline = Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(deadline, future).await.expect("within the deadline") })
}
