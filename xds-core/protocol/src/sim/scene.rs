//! A random but consistent world: listeners name routes, routes name clusters, clusters name endpoints.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Random, World, resource};
use crate::{Reference, Resource, ResourceName, TypeUrl, View};

/// One made-up resource.
#[derive(Debug, Clone, PartialEq)]
struct Item {
    label: String,
    names: Vec<(TypeUrl, String)>,
}

/// A made-up configuration that changes at random and never names what is not there.
#[derive(Debug, Clone)]
pub struct Scene {
    items: BTreeMap<(TypeUrl, String), Item>,
    edits: u64,
    /// One content in this many is one that clients refuse.
    pub bad_once_in: u64,
    width: u64,
}

impl Scene {
    /// An empty scene; `width` bounds how many resources of each type there are.
    pub fn new(width: u64, bad_once_in: u64) -> Scene {
        Scene { items: BTreeMap::new(), edits: 0, bad_once_in, width }
    }

    fn label(&mut self, random: &mut Random) -> String {
        self.edits += 1;
        let bad = self.bad_once_in > 0 && random.once_in(self.bad_once_in);
        format!("{}v{}", if bad { "bad " } else { "" }, self.edits)
    }

    /// Makes a few edits and repairs what they broke.
    pub fn mutate(&mut self, random: &mut Random) {
        for _ in 0..=random.below(3) {
            self.edit(random);
        }
        self.repair(random);
    }

    /// Nothing is refused any more.
    pub fn heal(&mut self, random: &mut Random) {
        self.bad_once_in = 0;
        let bad: Vec<_> =
            self.items.iter().filter(|(_, item)| item.label.starts_with("bad")).map(|(key, _)| key.clone()).collect();
        for key in bad {
            let label = self.label(random);
            if let Some(item) = self.items.get_mut(&key) {
                item.label = label;
            }
        }
    }

    fn edit(&mut self, random: &mut Random) {
        let (type_url, letter, target, most) = match random.below(5) {
            0 => (TypeUrl::LISTENER, 'l', Some((TypeUrl::ROUTE, 'r')), 1),
            1 | 2 => (TypeUrl::ROUTE, 'r', Some((TypeUrl::CLUSTER, 'c')), 3),
            3 => (TypeUrl::CLUSTER, 'c', Some((TypeUrl::ENDPOINTS, 'e')), 1),
            _ => (TypeUrl::ENDPOINTS, 'e', None, 0),
        };
        let name = format!("{letter}{}", random.below(self.width));
        let key = (type_url, name);
        if random.once_in(4) {
            self.items.remove(&key);
            return;
        }
        let mut names = BTreeSet::new();
        if let Some((target, letter)) = target {
            for _ in 0..random.below(most + 1) {
                names.insert((target.clone(), format!("{letter}{}", random.below(self.width))));
            }
        }
        let label = self.label(random);
        self.items.insert(key, Item { label, names: names.into_iter().collect() });
    }

    /// Whatever is named exists; some of what is not named goes.
    fn repair(&mut self, random: &mut Random) {
        loop {
            let named: BTreeSet<_> = self.items.values().flat_map(|item| item.names.iter().cloned()).collect();
            let missing: Vec<_> = named.iter().filter(|key| !self.items.contains_key(*key)).cloned().collect();
            if missing.is_empty() {
                let idle = self.items.keys().find(|key| key.0 != TypeUrl::LISTENER && !named.contains(*key)).cloned();
                if let Some(idle) = idle.filter(|_| random.once_in(2)) {
                    self.items.remove(&idle);
                }
                return;
            }
            for key in missing {
                let label = self.label(random);
                let names = match &key.0 {
                    t if *t == TypeUrl::ROUTE => {
                        alloc::vec![(TypeUrl::CLUSTER, format!("c{}", random.below(self.width)))]
                    }
                    t if *t == TypeUrl::CLUSTER && random.once_in(2) => {
                        alloc::vec![(TypeUrl::ENDPOINTS, format!("e{}", random.below(self.width)))]
                    }
                    _ => Vec::new(),
                };
                self.items.insert(key, Item { label, names });
            }
        }
    }

    /// For people who read a trace.
    pub(crate) fn brief(&self) -> String {
        let item = |((_, name), item): (&(TypeUrl, String), &Item)| {
            let names: Vec<&str> = item.names.iter().map(|(_, name)| name.as_str()).collect();
            format!("{name}={}{names:?}", item.label)
        };
        self.items.iter().map(item).collect::<Vec<_>>().join(" ")
    }

    /// Brings a world up to the scene, in one step.
    pub fn publish(&self, world: &mut World) {
        let view = world.view();
        let mut gone = Vec::new();
        for type_url in super::client::TYPES {
            for held in view.iter(&type_url) {
                if !self.items.contains_key(&(type_url.clone(), String::from(held.name().as_str()))) {
                    gone.push((type_url.clone(), held.name().clone()));
                }
            }
        }
        world.apply(self.items.iter().map(|((type_url, name), item)| made(type_url, name, item)), gone);
    }
}

fn made(type_url: &TypeUrl, name: &str, item: &Item) -> Resource {
    let references = item
        .names
        .iter()
        .map(|(type_url, name)| Reference { type_url: type_url.clone(), name: ResourceName::new(name) });
    resource(type_url, name, &item.label, &references.collect::<Vec<_>>())
}
