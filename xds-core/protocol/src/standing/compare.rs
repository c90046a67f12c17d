//! What a peer holds, compared with the view: what has changed since the anchor, or since an earlier stream.

use alloc::vec::Vec;

use crate::interest::Interest;
use crate::{Digest, Epoch, HeldVersion, Moment, Resource, ResourceName, TypeUrl, View};

use super::{Anchor, Compared, Exception, Room, Sent, Standing, Told, Variant};

impl Standing {
    /// Moves the anchor to the view, and notes what differs from it since.
    pub(crate) fn compare<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        variant: Variant,
        room: Room,
    ) -> Compared {
        let mut compared = Compared::default();
        let Some(epoch) = view.epoch(type_url) else { return compared };
        let first = self.anchor == Anchor::Unset;
        match self.anchor {
            Anchor::Unset => self.begin(now, view, type_url, interest, variant, epoch),
            Anchor::At(from) | Anchor::Sent(from, _) | Anchor::Refused(from) if from != epoch => {
                compared.lost = !self.catch_up(now, view, type_url, interest, variant, from);
            }
            _ => {}
        }
        if let Some((nonce, refusal)) = self.refusal.take() {
            let culprits = self.blame_whole(now, view, type_url, interest, variant, (nonce, &refusal));
            compared.refusal = Some((nonce, refusal, culprits));
        }
        self.forget_dropped(view, type_url, interest);
        // What an earlier stream left is known to the first comparison alone.
        let room = if self.inherited.versions.is_empty() { room } else { Room::Ample };
        self.owe_asked(now, view, type_url, interest, room);
        if first && self.anchored() && self.inherited.at.is_some() {
            compared.held_but = Some(self.exceptions.keys().cloned().collect());
        }
        if !type_url.traits().collected {
            // What an earlier stream left counts for the first request alone.
            self.inherited.versions.clear();
        }
        compared
    }

    /// The first comparison: with nothing known of the peer but what it says it brought along.
    pub(super) fn begin<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        variant: Variant,
        epoch: Epoch,
    ) {
        if !interest.is_wildcard() {
            self.anchor = Anchor::At(epoch);
            return;
        }
        match (&self.inherited.version, variant) {
            (Some(HeldVersion::Known(version)), Variant::Sotw) => {
                let Some(from) = view.epoch_of_version(type_url, *version) else { return };
                self.anchor = Anchor::At(from);
                self.desired = view.digest(type_url);
                let caught_up = from == epoch || self.catch_up(now, view, type_url, interest, variant, from);
                if !caught_up {
                    self.anchor = Anchor::Unset;
                }
            }
            (_, Variant::Delta) if self.inherited.at.is_some() || !type_url.traits().full_state => {
                self.compare_names(now, view, type_url);
                self.anchor = Anchor::At(epoch);
            }
            _ => {}
        }
    }

    /// Compares the wildcard set name by name with the versions the peer brought.
    pub(super) fn compare_names<V: View>(&mut self, now: Moment, view: &V, type_url: &TypeUrl) {
        for resource in view.iter(type_url).filter(|resource| !resource.on_demand()) {
            let told = match self.inherited.versions.get(resource.name()) {
                Some(HeldVersion::Known(held)) if held == resource.version() => continue,
                Some(held) => Told::Version(held),
                None => Told::Lacks,
            };
            self.exceptions
                .or_insert_with(resource.name().clone(), || Exception::new(now, told, Some(resource.clone())));
        }
        for (name, held) in self.inherited.versions.iter() {
            if view.get(type_url, name).is_none() {
                self.exceptions.or_insert_with(name.clone(), || Exception::new(now, Told::Version(held), None));
            }
        }
    }

    /// Notes what has changed since an epoch. `false`: nobody can tell.
    pub(super) fn catch_up<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        variant: Variant,
        from: Epoch,
    ) -> bool {
        let Some(changes) = view.changed_since(type_url, from) else {
            return self.start_over(now, view, type_url, interest, variant);
        };
        for change in changes.iter() {
            let before = change.before.as_ref().filter(|resource| interest.covers(resource));
            let after = change.after.as_ref().filter(|resource| interest.covers(resource));
            if before.is_none() && after.is_none() {
                continue;
            }
            // What was asked for and not looked at yet is told as it will be then.
            if self.asked.has_in_rest(&change.name) && !self.exceptions.contains_key(&change.name) {
                continue;
            }
            self.note(now, &change.name, before, after);
        }
        self.move_anchor(view, type_url);
        true
    }

    pub(super) fn move_anchor<V: View>(&mut self, view: &V, type_url: &TypeUrl) {
        let Some(epoch) = view.epoch(type_url) else { return };
        self.anchor = match self.anchor {
            Anchor::Sent(_, nonce) => Anchor::Sent(epoch, nonce),
            Anchor::Refused(_) => Anchor::Refused(epoch),
            Anchor::Unset | Anchor::At(_) => Anchor::At(epoch),
        };
    }

    /// The history does not reach back: names are compared one by one, a wildcard set is sent whole.
    pub(super) fn start_over<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        variant: Variant,
    ) -> bool {
        if interest.is_wildcard() {
            if variant == Variant::Sotw {
                self.anchor = Anchor::Unset;
                self.exceptions.clear();
            }
            return variant == Variant::Sotw;
        }
        let known: Vec<ResourceName> = interest.names().cloned().chain(self.exceptions.keys().cloned()).collect();
        self.desired = Digest::EMPTY;
        for name in known {
            let desired = interest.desired(view, type_url, &name).cloned();
            if let Some(desired) = &desired {
                self.desired.add(desired.digest());
            }
            let fresh = || Exception::new(now, Told::Version(HeldVersion::Foreign), None);
            self.exceptions.or_insert_with(name, fresh).desired = desired;
        }
        self.move_anchor(view, type_url);
        true
    }

    pub(super) fn note(
        &mut self,
        now: Moment,
        name: &ResourceName,
        before: Option<&Resource>,
        after: Option<&Resource>,
    ) {
        if let Some(before) = before {
            self.desired.subtract(before.digest());
        }
        if let Some(after) = after {
            self.desired.add(after.digest());
        }
        let whole_in_doubt = !self.anchored();
        let anchor = self.anchor;
        let refused = self.refusal.as_ref().map(|(nonce, _)| *nonce);
        let exception = self.exceptions.or_insert_with(name.clone(), || {
            let told = before.map_or(Told::Lacks, |before| Told::Holds(before.clone()));
            Exception::new(now, told, None)
        });
        if whole_in_doubt && exception.sent.is_none() && exception.desired.is_none() && before.is_some() {
            // The whole set is on its way, or was refused and not looked into yet: it holds this name as it was.
            let part_of = match anchor {
                Anchor::Sent(_, nonce) => Some(nonce),
                _ => refused,
            };
            match part_of {
                Some(nonce) => {
                    exception.told = Told::Lacks;
                    exception.sent = before.map(|before| Sent { nonce, content: Some(before.clone()) });
                }
                None => exception.told = Told::Unsure(before.cloned().into_iter().collect()),
            }
        }
        exception.desired = after.cloned();
        exception.free_since = None;
        self.exceptions.tidy(name);
    }
}
