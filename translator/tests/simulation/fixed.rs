//! Clusters of the layer all groups share, with times to live: the translation gives none, and bodies depend on them.

use std::collections::BTreeMap;
use std::time::Duration;

use chancery_cache::Patch;
use chancery_protocol::{Resource, ResourceName, TypeUrl};
use chancery_resource::Draft;
use chancery_testkit::Random;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;

const NAMES: [&str; 2] = ["fixed/one", "fixed/two"];

/// The clusters there are.
#[derive(Debug, Default)]
pub(crate) struct Fixed(BTreeMap<ResourceName, Resource>);

impl Fixed {
    /// Something new, something else, something gone. Contents are few, so that a set comes to be again what it was, with other
    /// times to live.
    pub(crate) fn change(&mut self, random: &mut Random) -> Patch {
        let mut patch = Patch::new();
        for name in NAMES {
            let key = ResourceName::new(name);
            if random.one_in(8) {
                self.0.remove(&key);
                patch.remove(TypeUrl::CLUSTER, key);
                continue;
            }
            let stat = random.one_of(&["", "", "", "other"]);
            let message = Cluster { name: name.to_owned(), alt_stat_name: stat.to_owned(), ..Cluster::default() };
            let draft = Draft::new(&message).expect("a cluster");
            let ttl = random.one_of(&[None, Some(30), Some(600), Some(3600)]);
            let draft = ttl.map(Duration::from_secs).into_iter().fold(draft, Draft::ttl);
            let resource = draft.encode().expect("a cluster");
            self.0.insert(key, resource.clone());
            patch.upsert(resource);
        }
        patch
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.0.values()
    }
}
