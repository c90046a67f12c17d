//! The control plane under test: objects, the kept translation, and a cache it publishes to as the binary does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chancery_cache::{
    Declared, EveryoneTogether, GroupKey, GroupView, HistoryLimits, Options as CacheOptions, Patch, Publisher,
    ResourceSet, SnapshotCache,
};
use chancery_protocol::sim::{Cure, Habits, Offence, Random as Chance, Refusing, Truth};
use chancery_protocol::{Capabilities, Reference, ResourceName, TypeUrl};
use chancery_testkit::Random;
use chancery_translator::api::{Kind, ObjectId, Status};
use chancery_translator::{Change, Options, Proxies, ProxyId, ProxyUpdate, Translator, Update, names, translate};

use crate::fixed::Fixed;
use crate::wire::Caller;
use crate::worlds::objects::{GATEWAYS, NAMESPACES, Objects};
use crate::worlds::surroundings;
use crate::{naive, offence};

/// What the worlds came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reached {
    pub(crate) published: usize,
    /// Names taken away by patches.
    pub(crate) removed: usize,
    /// Proxies that went away, and their groups with them.
    pub(crate) parted: usize,
    pub(crate) compared: usize,
}

/// The control plane of one world.
pub(crate) struct Plane<'o> {
    objects: &'o Objects,
    random: Random,
    translator: Translator,
    /// What updates said of each object.
    statuses: BTreeMap<ObjectId, Status>,
    cache: SnapshotCache,
    publisher: Publisher,
    /// The proxies whose groups hold all that was there for them.
    published: BTreeSet<ProxyId>,
    /// What every group sees beside its own.
    fixed: Fixed,
    /// Every proxy there can be.
    groups: Vec<ProxyId>,
    callers: Vec<Caller>,
    refusing: Refusing,
    pub(crate) reached: Reached,
}

impl<'o> Plane<'o> {
    /// A world with something of everything, published, and the clients that will connect.
    pub(crate) fn new(seed: u64, clients: usize, objects: &'o Objects) -> Result<Plane<'o>, Offence> {
        let mut random = Random::new(seed);
        let options = surroundings::options(&mut random);
        let external = Declared::none().name(TypeUrl::CLUSTER, names::NEVER);
        // What a version was is soon forgotten in some worlds, so that clients come back with one nobody knows.
        let versions = if random.one_in(3) { 2 } else { HistoryLimits::default().versions };
        let history = HistoryLimits { versions, ..HistoryLimits::default() };
        let cache_options = CacheOptions { externals: external, history, ..CacheOptions::default() };
        let (cache, publisher) = SnapshotCache::with_options(EveryoneTogether, cache_options);
        let mut plane = Plane {
            objects,
            groups: groups(&options),
            translator: Translator::new(options),
            statuses: BTreeMap::new(),
            cache,
            publisher,
            published: BTreeSet::new(),
            fixed: Fixed::default(),
            callers: Vec::new(),
            refusing: [Refusing::Nothing, Refusing::OneIn(80), Refusing::OneIn(12)][random.below(3)],
            random,
            reached: Reached::default(),
        };
        for proxy in plane.groups.clone() {
            plane.publish_whole(&proxy, ResourceSet::new())?;
        }
        let begin: Vec<Change> = objects.beginning(&mut plane.random).into_iter().map(Change::Put).collect();
        let update = plane.translator.update(begin);
        plane.publish(update)?;
        plane.compare()?;
        plane.seat(clients);
        Ok(plane)
    }

    pub(crate) fn callers(&self) -> Vec<Caller> {
        self.callers.clone()
    }

    /// Clients of the two proxies that serve most, so that there is something to share.
    fn seat(&mut self, clients: usize) {
        let size = |group: &usize| self.translator.resources(&self.groups[*group]).map_or(0, ResourceSet::len);
        let mut served: Vec<usize> = (0..self.groups.len()).collect();
        served.sort_by_key(|group| std::cmp::Reverse(size(group)));
        served.truncate(2);
        let classes: [Arc<str>; 2] = ["red".into(), "blue".into()];
        self.callers = (0..clients)
            .map(|at| Caller {
                habits: Habits {
                    delta: self.random.one_in(2),
                    group: served[at % served.len()],
                    capabilities: match self.random.below(3) {
                        0 => Capabilities::default(),
                        1 => Capabilities { ttl: true, wrapped_in_sotw: false },
                        _ => Capabilities { ttl: true, wrapped_in_sotw: true },
                    },
                    scoped: true,
                    patient: true,
                },
                class: classes[self.random.below(2)].clone(),
            })
            .collect();
    }

    /// One random edit, through the kept translation and as a patch into the cache.
    fn edit(&mut self) -> Result<(), Offence> {
        let random = &mut self.random;
        let update = match random.below(12) {
            0 => self.translator.observe(surroundings::delivery(random)),
            1 => self.translator.rebind(surroundings::bind(random)),
            2 | 3 => {
                let patch = self.fixed.change(random);
                let published = self.publisher.apply_base(patch);
                published.map(|_| Update::default()).or_else(|error| offence("publish", error.to_string()))?
            }
            _ => {
                let changes = (0..=random.below(3)).map(|_| self.objects.change(random, self.translator.world()));
                let changes: Vec<Change> = changes.collect();
                self.translator.update(changes)
            }
        };
        self.publish(update)
    }

    /// What the binary's conductor does with an update.
    fn publish(&mut self, update: Update) -> Result<(), Offence> {
        for (proxy, update) in update.proxies {
            match update {
                ProxyUpdate::Changed(patch) if self.published.contains(&proxy) => self.publish_patch(&proxy, patch)?,
                ProxyUpdate::Changed(_) => {
                    let all = self.translator.resources(&proxy).cloned().unwrap_or_default();
                    self.publish_whole(&proxy, all)?;
                    self.published.insert(proxy);
                }
                ProxyUpdate::Gone => {
                    self.reached.parted += 1;
                    self.published.remove(&proxy);
                    self.publish_whole(&proxy, ResourceSet::new())?;
                }
            }
        }
        for (id, status) in update.statuses {
            match status {
                Some(status) => drop(self.statuses.insert(id, status)),
                None => drop(self.statuses.remove(&id)),
            }
        }
        Ok(())
    }

    fn publish_patch(&mut self, proxy: &ProxyId, patch: Patch) -> Result<(), Offence> {
        self.reached.published += patch.len();
        self.reached.removed += patch.iter().filter(|(_, _, resource)| resource.is_none()).count();
        let published = self.publisher.apply(&group(proxy), patch);
        published.map(drop).or_else(|error| offence("publish", format!("{proxy}: {error}")))
    }

    fn publish_whole(&mut self, proxy: &ProxyId, all: ResourceSet) -> Result<(), Offence> {
        let published = self.publisher.publish(&group(proxy), all);
        published.map(drop).or_else(|error| offence("publish", format!("{proxy}: {error}")))
    }

    /// Everything is as a translation from nothing has it.
    fn compare(&mut self) -> Result<(), Offence> {
        let anew = translate(self.translator.world(), self.translator.options());
        naive::same_statuses(&self.statuses, &anew.statuses)?;
        if let Some(proxy) = anew.proxies.keys().find(|proxy| !self.groups.contains(proxy)) {
            return offence("translation", format!("{proxy} was not expected"));
        }
        let nothing = ResourceSet::new();
        for proxy in &self.groups {
            let own = anew.proxies.get(proxy).map_or(&nothing, |proxy| &proxy.resources);
            let Some(view) = self.cache.view(&group(proxy)) else {
                return offence("translation", format!("there is no view for {proxy}"));
            };
            naive::same_view(&view, own, self.fixed.resources()).map_err(|offence| naive::of_proxy(offence, proxy))?;
            if let Some(dangling) = self.cache.dangling(&group(proxy)).filter(|dangling| !dangling.is_empty()) {
                return offence("translation", format!("{proxy}: {dangling:?}"));
            }
            self.reached.compared += own.len();
        }
        Ok(())
    }
}

impl Truth for Plane<'_> {
    type View = GroupView;

    fn change(&mut self, _chance: &mut Chance) -> Result<(), Offence> {
        self.edit()?;
        self.compare()
    }

    fn heal(&mut self, _chance: &mut Chance) -> Result<Cure, Offence> {
        Ok(Cure::NewStreams)
    }

    fn views(&self) -> Vec<Arc<GroupView>> {
        self.groups.iter().filter_map(|proxy| self.cache.view(&group(proxy))).collect()
    }

    fn habits(&self, client: usize) -> Habits {
        self.callers[client].habits
    }

    fn refusing(&self) -> Refusing {
        self.refusing
    }

    fn externals(&self) -> BTreeSet<Reference> {
        BTreeSet::from([Reference { type_url: TypeUrl::CLUSTER, name: ResourceName::new(names::NEVER) }])
    }

    fn brief(&self) -> String {
        let views = self.groups.iter().filter_map(|proxy| Some((proxy, self.cache.view(&group(proxy))?)));
        views.map(|(proxy, view)| format!("{proxy} {view:?}")).collect::<Vec<_>>().join("; ")
    }
}

fn group(proxy: &ProxyId) -> GroupKey {
    GroupKey::new(&proxy.to_string())
}

fn groups(options: &Options) -> Vec<ProxyId> {
    let all = NAMESPACES.iter().flat_map(|namespace| GATEWAYS.iter().map(move |name| (namespace, name)));
    match options.proxies {
        Proxies::PerClass => ["chancery", "assumed", "foreign"].map(|class| ProxyId::Class(class.into())).into(),
        Proxies::PerGateway => {
            all.map(|(namespace, name)| ProxyId::Gateway(ObjectId::new(Kind::Gateway, namespace, name))).collect()
        }
    }
}
