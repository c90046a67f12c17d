//! What is true, in a simulation: named resources of a few types, with history, as a [`View`].

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use crate::{Change, Changes, Digest, Epoch, Parts, Reference, Resource, ResourceName, TypeUrl, Version, View};

/// A resource for simulations: the label is its content, and the references are part of it.
pub fn resource(type_url: &TypeUrl, name: &str, label: &str, references: &[Reference]) -> Resource {
    let mut text = String::from(label);
    for reference in references {
        text.push_str(&alloc::format!(" {:?}:{}", reference.type_url, reference.name));
    }
    let mut digest = Digest::EMPTY;
    for part in [type_url.as_str(), name, &text] {
        crate::delta::mix_text(&mut digest, part);
    }
    Resource::from_parts(Parts {
        type_url: type_url.clone(),
        name: ResourceName::new(name),
        body: Bytes::from(label.to_owned()),
        digest,
        ttl: None,
        references: references.to_vec(),
        aliases: Vec::new(),
        on_demand: false,
        origin: None,
    })
}

#[derive(Debug, Clone, Default)]
struct Shelf {
    resources: Arc<BTreeMap<ResourceName, Resource>>,
    log: Arc<Vec<(u64, Change)>>,
    position: u64,
    digest: Digest,
    versions: Arc<Vec<(Version, u64)>>,
}

/// An immutable picture of a simulated world.
#[derive(Debug, Clone)]
pub struct Picture {
    lineage: u64,
    shelves: BTreeMap<TypeUrl, Shelf>,
    /// How many entries of history each type keeps.
    kept: usize,
}

impl View for Picture {
    fn epoch(&self, type_url: &TypeUrl) -> Option<Epoch> {
        let position = match self.shelves.get(type_url) {
            Some(shelf) => shelf.position,
            None if type_url.short().is_some() => 0,
            None => return None,
        };
        Some(Epoch { lineage: self.lineage, positions: [position, 0] })
    }

    fn digest(&self, type_url: &TypeUrl) -> Digest {
        self.shelves.get(type_url).map_or(Digest::EMPTY, |shelf| shelf.digest)
    }

    fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.shelves.get(type_url)?.resources.get(name)
    }

    fn iter<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource> {
        self.shelves.get(type_url).into_iter().flat_map(|shelf| shelf.resources.values())
    }

    fn changed_since(&self, type_url: &TypeUrl, epoch: Epoch) -> Option<Changes> {
        if epoch.lineage != self.lineage {
            return None;
        }
        let Some(shelf) = self.shelves.get(type_url) else { return Some(Changes::default()) };
        let from = epoch.positions[0];
        let oldest = shelf.log.first().map_or(shelf.position, |(position, _)| position - 1);
        if from < oldest {
            return None;
        }
        let mut merged: BTreeMap<ResourceName, Change> = BTreeMap::new();
        let start = shelf.log.partition_point(|(position, _)| *position <= from);
        for (_, change) in &shelf.log[start..] {
            match merged.get_mut(&change.name) {
                Some(earlier) => earlier.after = change.after.clone(),
                None => {
                    merged.insert(change.name.clone(), change.clone());
                }
            }
        }
        Some(Changes::new(merged.into_values().filter(|change| change.before != change.after).collect()))
    }

    fn epoch_of_version(&self, type_url: &TypeUrl, version: Version) -> Option<Epoch> {
        let shelf = self.shelves.get(type_url)?;
        let (_, position) = shelf.versions.iter().rev().find(|(known, _)| *known == version)?;
        Some(Epoch { lineage: self.lineage, positions: [*position, 0] })
    }
}

/// A simulated world: a picture that can be changed.
#[derive(Debug)]
pub struct World {
    picture: Picture,
}

impl World {
    /// An empty world. Two worlds share a lineage only if they share this number.
    pub fn new(lineage: u64, kept: usize) -> World {
        World { picture: Picture { lineage, shelves: BTreeMap::new(), kept } }
    }

    /// The picture as it is now.
    pub fn view(&self) -> Arc<Picture> {
        Arc::new(self.picture.clone())
    }

    /// The same content as another process would hold it: another lineage, no history.
    pub fn replica(&self, lineage: u64) -> World {
        let mut replica = World::new(lineage, self.picture.kept);
        let all = self.picture.shelves.values().flat_map(|shelf| shelf.resources.values().cloned());
        replica.apply(all, []);
        replica
    }

    /// Changes the world in one step.
    pub fn apply(
        &mut self,
        upserts: impl IntoIterator<Item = Resource>,
        removals: impl IntoIterator<Item = (TypeUrl, ResourceName)>,
    ) {
        for resource in upserts {
            let type_url = resource.type_url().clone();
            let name = resource.name().clone();
            self.set(type_url, name, Some(resource));
        }
        for (type_url, name) in removals {
            self.set(type_url, name, None);
        }
    }

    /// Gives a resource a TTL, or takes it away.
    pub fn set_ttl(&mut self, type_url: &TypeUrl, name: &str, ttl: Option<Duration>) {
        if let Some(resource) = self.picture.get(type_url, &ResourceName::new(name)) {
            let changed = Resource::from_parts(Parts { ttl, ..resource.to_parts() });
            self.apply([changed], []);
        }
    }

    fn set(&mut self, type_url: TypeUrl, name: ResourceName, after: Option<Resource>) {
        let kept = self.picture.kept;
        let shelf = self.picture.shelves.entry(type_url).or_default();
        let resources = Arc::make_mut(&mut shelf.resources);
        let before = match &after {
            Some(resource) => resources.insert(name.clone(), resource.clone()),
            None => resources.remove(&name),
        };
        if before == after {
            return;
        }
        for (resource, add) in [(&before, false), (&after, true)] {
            match resource.as_ref().filter(|resource| !resource.on_demand()) {
                Some(resource) if add => shelf.digest.add(resource.digest()),
                Some(resource) => shelf.digest.subtract(resource.digest()),
                None => {}
            }
        }
        shelf.position += 1;
        let log = Arc::make_mut(&mut shelf.log);
        log.push((shelf.position, Change { name, before, after }));
        let excess = log.len().saturating_sub(kept);
        log.drain(..excess);
        let versions = Arc::make_mut(&mut shelf.versions);
        versions.push((shelf.digest.version(), shelf.position));
        let oldest = log.first().map_or(shelf.position, |(position, _)| position - 1);
        versions.retain(|(_, position)| *position >= oldest);
    }
}
