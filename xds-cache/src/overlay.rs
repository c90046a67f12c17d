//! One type as one group sees it: the shared base with the group's own resources laid over it.
//!
//! A name in the own layer hides the base's resource of that name. Lookups ask both maps, iteration merges them. The
//! digest is carried along by what each commit changes *in the composition*, so it stays exact under shadowing at
//! O(changed) per commit and group.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::sync::Arc;

use chancery_protocol::{Change, Changes, Digest, Resource, ResourceName, Version};

use crate::HistoryLimits;
use crate::collection::{Collection, Touch};
use crate::history::{Memo, Positions, Versions};

#[derive(Default)]
pub(crate) struct Overlay {
    base: Arc<Collection>,
    own: Arc<Collection>,
    digest: Digest,
    wildcard_count: usize,
    versions: Versions,
    memo: Memo,
}

impl Overlay {
    /// The overlay of the next state of both layers, `composed` being what that changes for those who look at it.
    pub(crate) fn after(
        &self,
        base: Arc<Collection>,
        own: Arc<Collection>,
        composed: &[Touch],
        limits: &HistoryLimits,
    ) -> Overlay {
        let mut next = Overlay {
            base,
            own,
            digest: self.digest,
            wildcard_count: self.wildcard_count,
            versions: self.versions.clone(),
            memo: Memo::default(),
        };
        next.versions.note(self.digest.version(), self.positions(), limits);
        for touch in composed {
            if let Some(before) = touch.before.as_ref().filter(|before| !before.on_demand()) {
                next.digest.subtract(before.digest());
                next.wildcard_count -= 1;
            }
            if let Some(after) = touch.after.as_ref().filter(|after| !after.on_demand()) {
                next.digest.add(after.digest());
                next.wildcard_count += 1;
            }
        }
        next.versions.note(next.digest.version(), next.positions(), limits);
        next
    }

    pub(crate) fn positions(&self) -> Positions {
        [self.base.position(), self.own.position()]
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// How many resources the wildcard set holds.
    pub(crate) fn wildcard_count(&self) -> usize {
        self.wildcard_count
    }

    pub(crate) fn own(&self) -> &Arc<Collection> {
        &self.own
    }

    pub(crate) fn get(&self, name: &ResourceName) -> Option<&Resource> {
        self.own.get(name).or_else(|| self.base.get(name))
    }

    /// The resources of these names, which are sorted.
    pub(crate) fn get_all(&self, names: &[ResourceName]) -> Vec<Option<&Resource>> {
        match (self.base.len(), self.own.len()) {
            (_, 0) => self.base.get_all(names),
            (0, _) => self.own.get_all(names),
            _ => {
                let (base, own) = (self.base.get_all(names), self.own.get_all(names));
                own.into_iter().zip(base).map(|(own, base)| own.or(base)).collect()
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.lay(self.base.iter(), self.own.iter())
    }

    pub(crate) fn iter_prefix<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a Resource> + use<'a> {
        self.lay(self.base.iter_prefix(prefix), self.own.iter_prefix(prefix))
    }

    /// Whether anything in either layer expires.
    pub(crate) fn is_timed(&self) -> bool {
        self.base.is_timed() || self.own.is_timed()
    }

    pub(crate) fn iter_timed(&self) -> impl Iterator<Item = &Resource> {
        self.lay(self.base.iter_timed(), self.own.iter_timed())
    }

    /// The resource with this alias; the first by name, should several have it.
    pub(crate) fn by_alias(&self, alias: &ResourceName) -> Option<&Resource> {
        let own = self.own.by_alias(alias).next();
        let base = self.base.by_alias(alias).find(|resource| self.own.get(resource.name()).is_none());
        own.into_iter().chain(base).min_by(|a, b| a.name().cmp(b.name()))
    }

    /// The two layers' resources in one order, those hidden left out.
    fn lay<'a, B, O>(&'a self, base: B, own: O) -> impl Iterator<Item = &'a Resource> + use<'a, B, O>
    where
        B: Iterator<Item = &'a Resource>,
        O: Iterator<Item = &'a Resource>,
    {
        // Asking the own layer, not the other iterator: a resource may hide another one that has no TTL.
        let visible = base.filter(|resource| self.own.len() == 0 || self.own.get(resource.name()).is_none());
        Merged { left: visible.peekable(), right: own.peekable() }
    }

    /// What has changed since, at most one change per name, or `None` when the logs do not reach back.
    pub(crate) fn changed_since(&self, since: Positions) -> Option<Changes> {
        self.memo.answer(since, || self.work_out_changes(since))
    }

    fn work_out_changes(&self, since: Positions) -> Option<Changes> {
        let (base, own) = (self.base.before(since[0])?, self.own.before(since[1])?);
        let names: BTreeSet<&ResourceName> = base.keys().chain(own.keys()).copied().collect();
        let changes = names.into_iter().filter_map(|name| {
            let in_own = own.get(name).copied().unwrap_or_else(|| self.own.get(name));
            let in_base = || base.get(name).copied().unwrap_or_else(|| self.base.get(name));
            let (before, after) = (in_own.or_else(in_base), self.get(name));
            (before != after).then(|| Change { name: name.clone(), before: before.cloned(), after: after.cloned() })
        });
        Some(Changes::new(changes.collect()))
    }

    /// The earliest point known at which the wildcard set had this version, of those the logs still reach.
    pub(crate) fn positions_of(&self, version: Version) -> Option<Positions> {
        let reached = |at: &Positions| self.base.reaches(at[0]) && self.own.reaches(at[1]);
        let now = || (version == self.digest.version()).then(|| self.positions());
        self.versions.times(version).find(reached).or_else(now)
    }
}

/// Two iterators sorted by name, without a name in common, as one.
struct Merged<L: Iterator, R: Iterator> {
    left: Peekable<L>,
    right: Peekable<R>,
}

impl<'a, L, R> Iterator for Merged<L, R>
where
    L: Iterator<Item = &'a Resource>,
    R: Iterator<Item = &'a Resource>,
{
    type Item = &'a Resource;

    fn next(&mut self) -> Option<&'a Resource> {
        match (self.left.peek(), self.right.peek()) {
            (Some(left), Some(right)) if left.name() < right.name() => self.left.next(),
            (Some(_), None) => self.left.next(),
            _ => self.right.next(),
        }
    }
}
