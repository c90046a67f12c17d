//! The way in: whole sets and patches, checked, composed and put in place as one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError};

use chancery_protocol::{Epoch, TypeUrl};

use crate::audience::{Changed, changes_of};
use crate::cache::Shared;
use crate::group::{Group, Origin, State};
use crate::layer::{Knowledge, Layer, Step};
use crate::snapshot::{Claims, GroupView, Snapshot};
use crate::{Claimed, DanglingSet, GroupKey, Inconsistent, OnDangling, Patch, Readiness, ResourceSet};

/// Publishes resources to a cache. Each call is one atomic commit per group; none waits for a stream.
///
/// Content that did not change keeps its place in history, wakes nobody and is not sent again, however often it is
/// published. Clones are handles to the same publisher.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
    scope: Scope,
}

#[derive(Clone)]
enum Scope {
    /// Every type that has no publisher of its own.
    Rest,
    Only(Arc<BTreeSet<TypeUrl>>),
}

/// What a commit did.
#[derive(Debug, Clone)]
pub struct Published {
    /// The group; `None` for the base.
    pub group: Option<GroupKey>,
    /// Where the types now stand that changed: peers whose position is this or later hold what was published. For the
    /// base the lineage is 0 and only the first position counts; secrets that are seen only when named are left out.
    pub epochs: BTreeMap<TypeUrl, Epoch>,
    /// Resources that were not there before.
    pub added: usize,
    /// Resources with new content, or another TTL.
    pub changed: usize,
    /// Resources that are gone.
    pub removed: usize,
    /// Every dangling reference of the group afterwards. For the base: as a group without resources of its own has them.
    pub dangling: DanglingSet,
}

impl Publisher {
    pub(crate) fn of_the_rest(shared: Arc<Shared>) -> Publisher {
        Publisher { shared, scope: Scope::Rest }
    }

    /// A publisher of these types alone, which no other publisher then touches: several frontends can feed one group.
    ///
    /// Claim the types before anything is published. From then on a claimed type is *unknown* to a group (its streams
    /// are told nothing) until its publisher has spoken there; all the types without a claim are unknown until the
    /// first publisher, the one [`SnapshotCache::new`](crate::SnapshotCache::new) gave, has. Where every type in use is
    /// claimed, let that one publish an empty set.
    ///
    /// # Errors
    /// When one of the types is claimed already; then none is.
    pub fn for_types(&self, types: impl IntoIterator<Item = TypeUrl>) -> Result<Publisher, Claimed> {
        let types: BTreeSet<TypeUrl> = types.into_iter().collect();
        let _claiming = self.shared.claiming.lock().unwrap_or_else(PoisonError::into_inner);
        let mut claims = Claims::clone(&self.shared.claims.load());
        if let Some(taken) = types.iter().find(|type_url| claims.contains(type_url)) {
            return Err(Claimed(taken.clone()));
        }
        claims.extend(types.iter().cloned());
        self.shared.claims.store(Arc::new(claims));
        Ok(Publisher { shared: self.shared.clone(), scope: Scope::Only(Arc::new(types)) })
    }

    /// Makes `set` the whole of the group's own layer, as far as this publisher's types go. Costs O(R) comparisons, and
    /// O(changed · log R) for what differs.
    ///
    /// # Errors
    /// When the set holds a type of another publisher, or references would dangle and the cache refuses that. Nothing
    /// has changed then.
    pub fn publish(&self, group: &GroupKey, set: ResourceSet) -> Result<Published, Inconsistent> {
        self.publish_as(group, Origin::Published, set)
    }

    pub(crate) fn publish_as(
        &self,
        group: &GroupKey,
        origin: Origin,
        set: ResourceSet,
    ) -> Result<Published, Inconsistent> {
        self.check(set.types())?;
        self.commit(group, origin, |own| own.step_to(set, |type_url| self.covers(type_url)))
    }

    /// Applies a patch to the group's own layer: O(changed · log R).
    ///
    /// The first commit makes a group ready. A frontend that builds a group from patches starts with a whole set, so that
    /// nobody is served a part of it.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish).
    pub fn apply(&self, group: &GroupKey, patch: Patch) -> Result<Published, Inconsistent> {
        self.check(patch.types())?;
        self.commit(group, Origin::Published, |own| own.step_by(patch))
    }

    /// Makes `set` the whole of the base every group shares, as far as this publisher's types go. A group's own resource
    /// hides the base's of the same type and name.
    ///
    /// Costs O(R) comparisons, O(changed · log R), and for each published group O(changed) lookups in its own layer. The
    /// commit is atomic for each group, not across them.
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish), if it is so in any group.
    pub fn publish_base(&self, set: ResourceSet) -> Result<Published, Inconsistent> {
        self.check(set.types())?;
        self.commit_base(|base| base.step_to(set, |type_url| self.covers(type_url)))
    }

    /// Applies a patch to the base every group shares. See [`publish_base`](Publisher::publish_base).
    ///
    /// # Errors
    /// As [`publish`](Publisher::publish), if it is so in any group.
    pub fn apply_base(&self, patch: Patch) -> Result<Published, Inconsistent> {
        self.check(patch.types())?;
        self.commit_base(|base| base.step_by(patch))
    }

    /// Removes a group, with all that any publisher put there. Its streams are not told that resources are gone: they
    /// are told that their source is, and keep what they hold. Says whether there was such a group.
    pub fn remove_group(&self, group: &GroupKey) -> bool {
        let removed = self.shared.groups.remove(group);
        if let Some((_, group)) = &removed {
            group.close();
        }
        removed.is_some()
    }

    fn covers(&self, type_url: &TypeUrl) -> bool {
        match &self.scope {
            Scope::Rest => !self.shared.claims.load().contains(type_url),
            Scope::Only(types) => types.contains(type_url),
        }
    }

    fn check<'a>(&self, mut types: impl Iterator<Item = &'a TypeUrl>) -> Result<(), Inconsistent> {
        types
            .find(|type_url| !self.covers(type_url))
            .map_or(Ok(()), |other| Err(Inconsistent::OtherType(other.clone())))
    }

    fn learn(&self, knowledge: &mut Knowledge) {
        match &self.scope {
            Scope::Rest => knowledge.learn_rest(),
            Scope::Only(types) => knowledge.learn(types),
        }
    }

    fn commit(
        &self,
        key: &GroupKey,
        origin: Origin,
        step: impl FnOnce(&Layer) -> Step,
    ) -> Result<Published, Inconsistent> {
        let shared = &self.shared;
        let _layers = shared.layers.read().unwrap_or_else(PoisonError::into_inner);
        loop {
            let group = shared.group(key, origin);
            let mut state = group.state();
            let (before, pristine) = match &*state {
                State::Removed => continue,
                State::Pristine => (shared.base_alone.load_full(), true),
                State::At(snapshot) => (snapshot.clone(), false),
            };
            group.touch();
            let step = step(before.own());
            let mut own = before.own().after(&step, &shared.options.history);
            self.learn(&mut own.knowledge);
            let learned = pristine || own.knowledge != before.own().knowledge;
            if step.is_empty() && !learned {
                return Ok(published(Some(&group), &step, &before, &before));
            }
            let after = Arc::new(before.with_own(own, &step, &shared.claims.load_full(), &shared.options));
            if let Err(refused) = self.judge(&group, &after) {
                drop(state);
                shared.forget_if_unused(&group);
                return Err(refused);
            }
            *state = State::At(after.clone());
            self.show(&group, &after);
            if learned {
                group.audience.wake_all();
            } else if step.has_changes() {
                self.wake(&group, &step, &before, &after);
            }
            return Ok(published(Some(&group), &step, &before, &after));
        }
    }

    fn commit_base(&self, step: impl FnOnce(&Layer) -> Step) -> Result<Published, Inconsistent> {
        let shared = &self.shared;
        let _layers = shared.layers.write().unwrap_or_else(PoisonError::into_inner);
        let before = shared.base_alone.load_full();
        let step = step(before.base());
        let mut base = before.base().after(&step, &shared.options.history);
        self.learn(&mut base.knowledge);
        let learned = base.knowledge != before.base().knowledge;
        if step.is_empty() && !learned {
            return Ok(published(None, &step, &before, &before));
        }
        let (base, claims) = (Arc::new(base), shared.claims.load_full());
        let (alone, alone_changed) = before.with_base(base.clone(), &step, &claims, &shared.options);
        let alone = Arc::new(alone);
        let either = shared.options.readiness == Readiness::EitherLayer;
        if either && self.shared.options.on_dangling == OnDangling::Refuse && !alone.faults().is_empty() {
            let dangling = DanglingSet::of(alone);
            return Err(Inconsistent::Dangling {
                group: GroupKey::new("(any without resources of its own)"),
                dangling,
            });
        }
        // No group commits meanwhile, and groups nobody has published follow the base as it stands.
        let groups: Vec<Arc<Group>> = shared.groups.iter().map(|entry| entry.value().clone()).collect();
        let mut nexts = Vec::new();
        for group in &groups {
            let State::At(snapshot) = &*group.state() else { continue };
            let (after, changed) = snapshot.with_base(base.clone(), &step, &claims, &shared.options);
            let after = Arc::new(after);
            self.judge(group, &after)?;
            nexts.push((group, snapshot.clone(), after, changed));
        }
        shared.base_alone.store(alone.clone());
        for (group, before, after, changed) in nexts {
            let mut state = group.state();
            if matches!(*state, State::Removed) {
                continue;
            }
            *state = State::At(after.clone());
            self.show(group, &after);
            if either && learned {
                group.audience.wake_all();
            } else if changed {
                self.wake(group, &step, &before, &after);
            }
        }
        if either && (alone_changed || learned) {
            // Those too that came to be meanwhile: they may have seen the base as it was.
            let all = shared.groups.iter();
            all.filter(|group| group.view.load().is_none()).for_each(|group| group.audience.wake_all());
        }
        Ok(published(None, &step, &before, &alone))
    }

    fn judge(&self, group: &Group, after: &Arc<Snapshot>) -> Result<(), Inconsistent> {
        if self.shared.options.on_dangling == OnDangling::Report || after.faults().is_empty() {
            return Ok(());
        }
        Err(Inconsistent::Dangling { group: group.key.clone(), dangling: DanglingSet::of(after.clone()) })
    }

    /// Wakes the streams of a group that this step concerns.
    fn wake(&self, group: &Group, step: &Step, before: &Snapshot, after: &Snapshot) {
        let secrets = &self.shared.options.secrets;
        let gated = |type_url: &TypeUrl| secrets.gates(type_url);
        // Which secrets can be seen follows from what names them, of whatever type.
        let positions = |snapshot: &Snapshot| snapshot.overlay(&TypeUrl::SECRET).map(|overlay| overlay.positions());
        let revealed = gated(&TypeUrl::SECRET) && positions(before) != positions(after);
        let revealed = revealed.then_some((&TypeUrl::SECRET, Changed::Some));
        group.audience.wake(changes_of(step, after.base(), gated).chain(revealed));
    }

    fn show(&self, group: &Group, snapshot: &Arc<Snapshot>) {
        let readiness = self.shared.options.readiness;
        let view = GroupView { lineage: group.lineage, readiness, snapshot: snapshot.clone() };
        group.view.store(Some(Arc::new(view)));
    }
}

fn published(group: Option<&Group>, step: &Step, before: &Snapshot, after: &Arc<Snapshot>) -> Published {
    let count = |kind: fn(bool, bool) -> bool| {
        let changes = step.touches().filter(|(_, touch)| touch.is_change());
        changes.filter(|(_, touch)| kind(touch.before.is_some(), touch.after.is_some())).count()
    };
    let mut epochs = BTreeMap::new();
    for type_url in after.types() {
        let positions = |snapshot: &Snapshot| snapshot.overlay(type_url).map(|overlay| overlay.positions());
        let (old, new) = (positions(before).unwrap_or_default(), positions(after).unwrap_or_default());
        match group {
            _ if old == new => {}
            Some(group) => drop(epochs.insert(type_url.clone(), Epoch { lineage: group.lineage, positions: new })),
            None if old[0] != new[0] => drop(epochs.insert(type_url.clone(), Epoch { lineage: 0, positions: new })),
            None => {}
        }
    }
    Published {
        group: group.map(|group| group.key.clone()),
        epochs,
        added: count(|before, after| !before && after),
        changed: count(|before, after| before && after),
        removed: count(|before, after| before && !after),
        dangling: DanglingSet::of(after.clone()),
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = match &self.scope {
            Scope::Rest => None,
            Scope::Only(types) => Some(types),
        };
        f.debug_struct("Publisher").field("only", &types).finish()
    }
}
