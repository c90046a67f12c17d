//! Answers owed, whatever the peer holds: names asked for, collections, and names given up.

use alloc::boxed::Box;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;

use crate::interest::Interest;
use crate::{HeldVersion, Moment, Resource, ResourceName, TypeUrl, View};

use super::{Exception, Refused, Standing, Told};

/// Fewer names than this are not worth looking at together.
const FEW: usize = 2;

/// How much of a large first subscription may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// All of it: others wait for its resources, or they wait for others.
    Ample,
    /// As many names as this at once, until they have been sent. The rest stay a place in a shared set meanwhile.
    Names(usize),
    /// Nothing: enough of it is unanswered.
    None,
}

impl Standing {
    pub(super) fn forget_dropped<V: View>(&mut self, view: &V, type_url: &TypeUrl, interest: &Interest) {
        for name in core::mem::take(&mut self.dropped) {
            for member in members(view, type_url, &name) {
                self.forget(view, type_url, interest, &member);
            }
        }
    }

    pub(super) fn forget<V: View>(&mut self, view: &V, type_url: &TypeUrl, interest: &Interest, name: &ResourceName) {
        let in_view = view.get(type_url, name);
        if interest.covers_otherwise(name, in_view.is_some_and(Resource::on_demand)) {
            return;
        }
        let exception = self.exceptions.remove(name);
        self.warming.remove(name);
        if let Some(sent) = exception.as_ref().and_then(|exception| exception.sent.clone()) {
            self.overtaken.insert(name.clone(), sent);
        }
        if let Some(held) = exception.map_or_else(|| in_view.cloned(), |exception| exception.desired) {
            self.desired.subtract(held.digest());
        }
    }

    /// Forgets the members of a collection the peer no longer gets.
    pub(crate) fn forget_collection(&mut self, collection: &ResourceName) {
        let inside = |name: &ResourceName| name.collection() == Some(collection.as_str());
        self.exceptions.retain(|name, _| !inside(name));
    }

    /// Owes every member of a collection; of an empty one, word that a member which does not exist is gone.
    pub(crate) fn owe_collection<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        collection: &ResourceName,
    ) {
        let prefix = alloc::format!("{collection}/");
        let inside = |name: &ResourceName| name.collection() == Some(collection.as_str());
        let members = view.iter_prefix(type_url, &prefix).map(|resource| resource.name().clone());
        let mut members: Vec<ResourceName> = members.filter(inside).collect();
        if members.is_empty() {
            members.push(ResourceName::new(&alloc::format!("{prefix}none")));
        }
        let brought = self.inherited.versions.iter().map(|(name, _)| name);
        members.extend(brought.filter(|name| inside(name) && view.get(type_url, name).is_none()).cloned());
        for member in members {
            // What an earlier stream left a peer with cannot be trusted here: it forgets without saying so.
            self.inherited.versions.remove(&member);
            self.owe(now, view, type_url, interest, member);
        }
    }

    /// Forgets everything but these names.
    pub(crate) fn keep_only(&mut self, keep: impl Fn(&ResourceName) -> bool) {
        self.exceptions.retain(|name, _| keep(name));
        self.warming.retain(|name, _| keep(name));
    }

    /// This content cannot be sent.
    pub(crate) fn give_up(&mut self, name: &ResourceName) {
        self.exceptions.owe_no_longer(name);
        if let Some(exception) = self.exceptions.get_mut(name) {
            exception.refused = Refused::Alone(exception.desired.as_ref().map(|resource| Box::new(*resource.digest())));
        }
    }

    /// Looks at what was asked for: at all of it, or, while `room` says so, at as much as may be under way at once.
    pub(super) fn owe_asked<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        room: Room,
    ) {
        let most = match room {
            Room::Ample => usize::MAX,
            Room::Names(most) => most.max(1).saturating_sub(self.exceptions.owed_count()),
            Room::None => 0,
        };
        let names = self.asked.take(most);
        for name in self.owe_plain(now, view, type_url, interest, names) {
            if !name.is_glob() {
                self.owe(now, view, type_url, interest, name);
                continue;
            }
            for member in members(view, type_url, &name) {
                self.owe(now, view, type_url, interest, member);
            }
        }
    }

    /// Owes many names together, when nothing is known of the peer but that it asks, and versions it brought from an earlier
    /// stream. Gives the names that have to be looked at one by one.
    fn owe_plain<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        names: Vec<ResourceName>,
    ) -> Vec<ResourceName> {
        let plain = self.inherited.version.is_none() && self.overtaken.is_empty() && !interest.is_wildcard();
        if !plain || names.len() < FEW || !names.is_sorted_by(|one, next| one < next) {
            return names;
        }
        let (mut fresh, mut others) = (Vec::new(), Vec::new());
        for (name, found) in names.iter().zip(view.get_all(type_url, &names)) {
            let held = self.inherited.versions.get(name);
            match found.filter(|_| !name.is_glob()) {
                Some(resource) if !self.exceptions.contains_key(name) && interest.names_cover(name) => {
                    self.desired.add(resource.digest());
                    if held == Some(HeldVersion::Known(resource.version())) {
                        continue;
                    }
                    let told = held.map_or(Told::Lacks, Told::Version);
                    fresh.push((resource.name().clone(), Exception::new(now, told, Some(resource.clone()))));
                }
                _ => others.push(name.clone()),
            }
        }
        self.exceptions.append_owed(fresh);
        others
    }

    /// An answer for this name is due, whatever the peer is thought to hold.
    pub(crate) fn owe<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        name: ResourceName,
    ) {
        let found = view.get(type_url, &name).or_else(|| view.by_alias(type_url, &name));
        let name = found.map_or(name, |resource| resource.name().clone());
        let desired = found.filter(|resource| interest.covers(resource)).cloned();
        let wildcard = interest.is_wildcard() && desired.as_ref().is_none_or(|desired| !desired.on_demand());
        let anchored = self.anchored();
        match self.exceptions.entry(name.clone()) {
            Entry::Occupied(mut known) => {
                let exception = known.get_mut();
                exception.refused = Refused::No;
                exception.batch = None;
            }
            Entry::Vacant(place) => {
                let told = match (self.inherited.versions.get(&name), &desired) {
                    (Some(HeldVersion::Known(held)), Some(desired)) if held == desired.version() => {
                        self.desired.add(desired.digest());
                        return;
                    }
                    (Some(held), _) => Told::Version(held),
                    (None, Some(desired)) if wildcard && anchored => Told::Holds(desired.clone()),
                    (None, _) if self.inherited.version.is_some() && !wildcard => Told::Version(HeldVersion::Foreign),
                    (None, _) => match self.overtaken.remove(&name).and_then(|sent| sent.content) {
                        Some(content) => Told::Unsure(alloc::vec![content]),
                        None => Told::Lacks,
                    },
                };
                if let (Some(desired), false) = (&desired, wildcard) {
                    self.desired.add(desired.digest());
                }
                place.insert(Box::new(Exception::new(now, told, desired)));
            }
        }
        self.exceptions.owe(&name);
    }

    /// Owes the peer a name it holds once more, if it asked for it and has it.
    pub(crate) fn owe_again(&mut self, now: Moment, name: &ResourceName, desired: Option<&Resource>) {
        let told = || desired.map_or(Told::Lacks, |desired| Told::Holds(desired.clone()));
        self.exceptions.or_insert_with(name.clone(), || Exception::new(now, told(), desired.cloned()));
        self.exceptions.owe(name);
    }
}

/// The names an asked name stands for: itself, or the members of the glob collection it is.
fn members<V: View>(view: &V, type_url: &TypeUrl, name: &ResourceName) -> Vec<ResourceName> {
    let Some(prefix) = name.glob_prefix() else { return alloc::vec![name.clone()] };
    let inside = view.iter_prefix(type_url, prefix).filter(|resource| resource.name().glob().as_ref() == Some(name));
    let members: Vec<ResourceName> = inside.map(|resource| resource.name().clone()).collect();
    if members.is_empty() { alloc::vec![name.clone()] } else { members }
}
