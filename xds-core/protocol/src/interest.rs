//! What one peer wants of one type: everything, or a set of names.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::names::PoolChoice;
use crate::{NameSet, Resource, ResourceName, TypeUrl, View};

const WILDCARD: &str = "*";

/// Whether the peer wants the wildcard set, and by which convention it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wildcard {
    /// It has not, or no longer.
    No,
    /// By naming nothing, which counts until it names something (state of the world) or unsubscribes `*` (delta).
    Legacy,
    /// By naming `*`.
    Explicit,
}

/// What one peer wants of one type.
#[derive(Debug)]
pub(crate) struct Interest {
    wildcard: Wildcard,
    /// Names, globs and aliases as the peer gave them, `*` excepted.
    names: NameSet,
    /// Collections the peer gets because of another resource it holds (VHDS: the route configurations).
    /// The number tells one collecting from the next, after a break.
    collections: BTreeMap<ResourceName, u64>,
    globs: usize,
    name_bytes: usize,
    /// Whether the peer has ever named anything: naming nothing means everything only before that.
    named_once: bool,
}

/// What a request changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct InterestChange {
    /// Names to answer, whether or not they were subscribed before.
    pub(crate) asked: Vec<ResourceName>,
    /// Whether that is every name there is, each once.
    pub(crate) asked_all: bool,
    /// Names no longer wanted by name.
    pub(crate) dropped: Vec<ResourceName>,
    /// The wildcard set is wanted from now on.
    pub(crate) wildcard_began: bool,
    /// The wildcard set is no longer wanted.
    pub(crate) wildcard_ended: bool,
    /// The members of collections are wanted from now on, whichever collections those are.
    pub(crate) collects: bool,
}

impl Interest {
    /// Wants nothing yet.
    pub(crate) fn none() -> Interest {
        Interest {
            wildcard: Wildcard::No,
            names: NameSet::default(),
            collections: BTreeMap::new(),
            globs: 0,
            name_bytes: 0,
            named_once: false,
        }
    }

    /// The first state-of-the-world request of the type: no names mean everything, for a type that has a wildcard.
    pub(crate) fn begin_sotw(
        &mut self,
        type_url: &TypeUrl,
        names: Vec<ResourceName>,
        pool: &PoolChoice,
    ) -> InterestChange {
        *self = Interest { named_once: self.named_once, ..Interest::none() };
        if names.is_empty() && type_url.traits().legacy_wildcard && !self.named_once {
            self.wildcard = Wildcard::Legacy;
            return InterestChange { wildcard_began: true, ..InterestChange::default() };
        }
        self.replace(names, pool)
    }

    /// A later state-of-the-world request: these names take the place of the former ones. Naming nothing keeps a
    /// wildcard that was never more than legacy, and otherwise means nothing at all.
    pub(crate) fn replace(&mut self, mut names: Vec<ResourceName>, pool: &PoolChoice) -> InterestChange {
        if names.is_empty() && self.wildcard == Wildcard::Legacy {
            return InterestChange::default();
        }
        if self.wildcard == Wildcard::No && self.names.are(&names) {
            return InterestChange::default();
        }
        let explicit = names.iter().any(is_wildcard);
        names.retain(|name| !is_wildcard(name));
        let wanted = NameSet::of(&names, pool);
        let had = self.is_wildcard();
        let change = InterestChange {
            asked: sorted(wanted.difference(&self.names)),
            asked_all: false,
            dropped: sorted(self.names.difference(&wanted)),
            wildcard_began: explicit && !had,
            wildcard_ended: !explicit && had,
            collects: false,
        };
        self.wildcard = if explicit { Wildcard::Explicit } else { Wildcard::No };
        self.names = wanted;
        self.count();
        change
    }

    /// A state-of-the-world request with a stale nonce: what it no longer names was given up, even if a later request
    /// names it again; what it names anew waits for that one.
    pub(crate) fn give_up_unnamed(&mut self, names: &[ResourceName]) -> InterestChange {
        let named: BTreeSet<&ResourceName> = names.iter().collect();
        let dropped = sorted(self.names.iter().filter(|name| !named.contains(name)));
        for name in &dropped {
            self.remove(name);
        }
        self.note_naming();
        InterestChange { dropped, ..InterestChange::default() }
    }

    /// The first delta request of the type: subscribing to nothing and unsubscribing from nothing means everything.
    pub(crate) fn begin_delta(
        &mut self,
        type_url: &TypeUrl,
        subscribe: Vec<ResourceName>,
        unsubscribe: &[ResourceName],
        pool: &PoolChoice,
    ) -> InterestChange {
        *self = Interest::none();
        if subscribe.is_empty() && unsubscribe.is_empty() {
            if type_url.traits().legacy_wildcard {
                self.wildcard = Wildcard::Legacy;
            }
            let collects = type_url.traits().collected;
            return InterestChange { wildcard_began: self.is_wildcard(), collects, ..InterestChange::default() };
        }
        self.adjust(subscribe, unsubscribe, pool)
    }

    /// A later delta request. A name both subscribed and unsubscribed ends unsubscribed.
    pub(crate) fn adjust(
        &mut self,
        subscribe: Vec<ResourceName>,
        unsubscribe: &[ResourceName],
        pool: &PoolChoice,
    ) -> InterestChange {
        let had = self.is_wildcard();
        let mut change = InterestChange::default();
        let unwanted: BTreeSet<&ResourceName> = unsubscribe.iter().collect();
        if subscribe.iter().any(is_wildcard) {
            self.wildcard = Wildcard::Explicit;
        }
        change.asked = subscribe;
        change.asked.retain(|name| !is_wildcard(name) && !unwanted.contains(name));
        change.asked_all = self.names.is_empty();
        self.insert_all(&change.asked, pool);
        change.asked_all &= !change.asked.is_empty() && self.names.len() == change.asked.len();
        for name in unsubscribe {
            if is_wildcard(name) {
                self.wildcard = Wildcard::No;
            } else if self.remove(name) {
                change.dropped.push(name.clone());
            }
        }
        change.wildcard_began = !had && self.is_wildcard();
        change.wildcard_ended = had && !self.is_wildcard();
        self.note_naming();
        change
    }

    /// Wants every member of these collections from now on, and of no others. Gives the ones that are new (or newly
    /// numbered) and the ones that are over.
    pub(crate) fn collect(&mut self, wanted: &BTreeMap<ResourceName, u64>) -> (Vec<ResourceName>, Vec<ResourceName>) {
        if self.collections == *wanted {
            return (Vec::new(), Vec::new());
        }
        let new = wanted.iter().filter(|(name, number)| self.collections.get(*name) != Some(*number));
        let new: Vec<ResourceName> = new.map(|(name, _)| name.clone()).collect();
        let over = self.collections.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        self.collections.clone_from(wanted);
        (new, over)
    }

    /// Wants everything, by naming nothing.
    pub(crate) fn begin_everything(&mut self) -> InterestChange {
        *self = Interest { wildcard: Wildcard::Legacy, ..Interest::none() };
        InterestChange { wildcard_began: true, ..InterestChange::default() }
    }

    /// Whether the wildcard set is wanted.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.wildcard != Wildcard::No
    }

    /// The names subscribed, without `*`, in no order that means anything.
    pub(crate) fn names(&self) -> impl Iterator<Item = &ResourceName> {
        self.names.iter()
    }

    /// How many names are subscribed.
    pub(crate) fn name_count(&self) -> usize {
        self.names.len()
    }

    /// How many bytes the names have together.
    pub(crate) fn name_bytes(&self) -> usize {
        self.name_bytes
    }

    /// Whether this name is wanted for itself, by name, glob or collection.
    pub(crate) fn names_cover(&self, name: &ResourceName) -> bool {
        self.names.contains(name)
            || (self.globs > 0 && name.glob().is_some_and(|glob| self.names.contains(&glob)))
            || (!self.collections.is_empty()
                && name.collection().is_some_and(|collection| self.collections.contains_key(collection)))
    }

    /// Whether this very name (or alias) was subscribed.
    pub(crate) fn has_name(&self, name: &ResourceName) -> bool {
        self.names.contains(name)
    }

    /// Whether the name would be covered had it not been subscribed itself.
    pub(crate) fn covers_otherwise(&self, name: &ResourceName, on_demand: bool) -> bool {
        (self.is_wildcard() && !on_demand)
            || (self.globs > 0 && name.glob().is_some_and(|glob| glob != *name && self.names.contains(&glob)))
            || name.collection().is_some_and(|collection| self.collections.contains_key(collection))
    }

    /// Whether a peer with this interest is to hold the resource.
    pub(crate) fn covers(&self, resource: &Resource) -> bool {
        (self.is_wildcard() && !resource.on_demand())
            || self.names_cover(resource.name())
            || resource.aliases().iter().any(|alias| self.names.contains(alias))
    }

    /// Whether the name would be covered if a plain resource had it.
    pub(crate) fn covers_name(&self, name: &ResourceName) -> bool {
        self.is_wildcard() || self.names_cover(name)
    }

    /// What the peer is to hold under this name: the view's resource, if the interest covers it.
    pub(crate) fn desired<'v, V: View>(
        &self,
        view: &'v V,
        type_url: &TypeUrl,
        name: &ResourceName,
    ) -> Option<&'v Resource> {
        view.get(type_url, name).filter(|resource| self.covers(resource))
    }

    /// Shares the names with those who want the same.
    pub(crate) fn share(&mut self, pool: &PoolChoice) {
        self.names.share(pool);
    }

    /// The names subscribed, without `*`, as one set.
    pub(crate) fn name_set(&self) -> &NameSet {
        &self.names
    }

    /// Every delta request comes here, acceptances too: what it costs must not depend on how many names there are.
    fn insert_all(&mut self, names: &[ResourceName], pool: &PoolChoice) {
        if self.names.is_empty() {
            self.names = NameSet::of(names, pool);
            self.count();
            return;
        }
        for name in names {
            if self.names.insert(name.clone()) {
                self.globs += usize::from(name.is_glob());
                self.name_bytes += name.as_str().len();
            }
        }
    }

    fn remove(&mut self, name: &ResourceName) -> bool {
        let was_there = self.names.remove(name);
        if was_there {
            self.globs -= usize::from(name.is_glob());
            self.name_bytes -= name.as_str().len();
        }
        was_there
    }

    fn note_naming(&mut self) {
        self.named_once |= !self.names.is_empty() || self.wildcard == Wildcard::Explicit;
    }

    fn count(&mut self) {
        self.note_naming();
        (self.globs, self.name_bytes) = self.names.globs_and_bytes();
    }
}

fn is_wildcard(name: &ResourceName) -> bool {
    name.as_str() == WILDCARD
}

fn sorted<'a>(names: impl Iterator<Item = &'a ResourceName>) -> Vec<ResourceName> {
    let mut names: Vec<ResourceName> = names.cloned().collect();
    names.sort_unstable();
    names
}
