//! Depth 3: a source of your own, without the cache: an immutable picture per change, and a channel for the newest.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use chancery_core::{InsecureAllowEveryone, Server};
use chancery_embed::{Failure, Run};
use chancery_protocol::{
    Change, Changes, Digest, Epoch, Grant, Peer, Resource, ResourceName, Source, TypeUrl, View, Watch,
};
use chancery_resource::encode;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use tokio::sync::watch;

/// All clusters at one time, and every change that led there: a real source keeps a bounded number of them.
#[derive(Clone, Default)]
struct Picture {
    clusters: BTreeMap<ResourceName, Resource>,
    history: Vec<Change>,
}

impl Picture {
    fn put(&mut self, cluster: Resource) {
        let name = cluster.name().clone();
        let before = self.clusters.insert(name.clone(), cluster.clone());
        self.history.push(Change { name, before, after: Some(cluster) });
    }

    fn of(&self, type_url: &TypeUrl) -> Option<&Picture> {
        (*type_url == TypeUrl::CLUSTER).then_some(self)
    }
}

impl View for Picture {
    /// Types other than clusters are known to be empty. `None` would mean: not known yet, say nothing.
    fn epoch(&self, type_url: &TypeUrl) -> Option<Epoch> {
        let position = self.of(type_url).map_or(0, |picture| picture.history.len() as u64);
        Some(Epoch { lineage: 1, positions: [position, 0] })
    }

    fn digest(&self, type_url: &TypeUrl) -> Digest {
        let mut sum = Digest::EMPTY;
        self.iter(type_url).for_each(|resource| sum.add(resource.digest()));
        sum
    }

    fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.of(type_url)?.clusters.get(name)
    }

    fn iter<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource> {
        self.of(type_url).into_iter().flat_map(|picture| picture.clusters.values())
    }

    /// Both ends of each name's changes, nothing in between.
    fn changed_since(&self, type_url: &TypeUrl, epoch: Epoch) -> Option<Changes> {
        let mut merged: BTreeMap<&ResourceName, Change> = BTreeMap::new();
        for change in self.of(type_url)?.history.get(epoch.positions[0] as usize..)? {
            let earlier = merged.entry(&change.name).or_insert_with(|| change.clone());
            earlier.after = change.after.clone();
        }
        Some(Changes::new(merged.into_values().filter(|change| change.before != change.after).collect()))
    }
}

/// The source, and each stream's seat at it: a channel knows for every receiver what it has seen.
#[derive(Clone)]
struct Newest(watch::Receiver<Arc<Picture>>);

impl Source for Newest {
    type View = Picture;
    type Watch = Newest;
    type Refusal = Infallible;

    fn watch(&self, _peer: &Peer, _grant: &Grant) -> Result<Newest, Infallible> {
        Ok(self.clone())
    }
}

impl Watch for Newest {
    type View = Picture;

    fn latest(&mut self) -> Option<Arc<Picture>> {
        Some(self.0.borrow_and_update().clone())
    }

    async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let run = Run::from_arguments()?;
    let mut picture = Picture::default();
    picture.put(encode(&Cluster { name: "shop".into(), ..Cluster::default() })?);
    let (_pictures, newest) = watch::channel(Arc::new(picture));
    let server = Server::builder(Newest(newest), InsecureAllowEveryone).observer(run.clone()).build()?;
    Ok(server.serve(run.listener().await?, run.over()).await?)
}
