//! What one peer holds of one type: the view at some epoch, with exceptions.
//!
//! The exceptions are few: names that changed and were not sent yet, were sent and not answered yet, were refused, or
//! are owed an answer. Everything else is as the view had it at the anchor's epoch, so a settled stream keeps one epoch
//! per type, however many resources there are.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::interest::Interest;
use crate::{Digest, Epoch, HeldVersion, Moment, Nonce, Reference, Refusal, Resource, ResourceName, TypeUrl, View};

/// How many contents of one name, accepted one after the other without any being known to serve, are remembered.
const MOST_ACCEPTED_UNSERVED: usize = 8;

/// What the peer holds of the names that are no exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Nothing has been compared yet.
    Unset,
    /// What the view held at this epoch.
    At(Epoch),
    /// The whole wildcard set of this epoch, once the peer accepts this response.
    Sent(Epoch, Nonce),
    /// Perhaps some of the wildcard set of this epoch: the peer refused it and did not say which part.
    Refused(Epoch),
}

/// What the peer holds under one name.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// Nothing.
    Lacks,
    /// This.
    Holds(Resource),
    /// Something an earlier stream left it with, known by version only.
    Version(HeldVersion),
    /// One of these, or nothing: it refused a response that told of several.
    Unsure(Vec<Resource>),
}

impl Told {
    /// Whether the peer certainly holds something under the name.
    pub(crate) fn holds_something(&self) -> bool {
        matches!(self, Told::Holds(_) | Told::Version(_))
    }

    /// What the peer certainly holds, if it is known.
    pub(crate) fn held(&self) -> Option<&Resource> {
        match self {
            Told::Holds(resource) => Some(resource),
            Told::Lacks | Told::Version(_) | Told::Unsure(_) => None,
        }
    }

    fn into_candidates(self) -> Vec<Resource> {
        match self {
            Told::Lacks | Told::Version(_) => Vec::new(),
            Told::Holds(resource) => alloc::vec![resource],
            Told::Unsure(candidates) => candidates,
        }
    }
}

/// A response on its way: what it said of one name.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) nonce: Nonce,
    /// `None`: that it is gone.
    pub(crate) content: Option<Resource>,
}

/// Content the peer refused, and is not sent again unless it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// None.
    No,
    /// This content, and it alone was at fault. `None`: the removal.
    Alone(Option<Digest>),
    /// This content, among others, in a variant that cannot narrow it down.
    Among(Option<Digest>),
}

/// One name of which the peer may hold something else than the view at the anchor.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    pub(crate) told: Told,
    pub(crate) sent: Option<Sent>,
    /// What the peer is to hold, as of the anchor.
    pub(crate) desired: Option<Resource>,
    pub(crate) refused: Refused,
    /// Suspects of one refused response, sent apart from others to find the one at fault.
    pub(crate) batch: Option<u32>,
    /// When this became due.
    pub(crate) since: Moment,
    /// Since when nothing the peer holds names this resource; for removals.
    pub(crate) free_since: Option<Moment>,
}

/// What has to be said about a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Need<'a> {
    /// Nothing, and nothing remains to be remembered.
    Settled,
    /// Nothing for now: a reply is due, or the content was refused.
    Waiting,
    /// What it is now.
    Tell(&'a Resource),
    /// That it is gone, or does not exist.
    Remove,
}

impl Exception {
    fn new(now: Moment, told: Told, desired: Option<Resource>) -> Exception {
        Exception { told, sent: None, desired, refused: Refused::No, batch: None, since: now, free_since: None }
    }

    /// Whether the peer has refused nothing of late under this name.
    pub(crate) fn is_welcome(&self) -> bool {
        self.refused == Refused::No && self.batch.is_none()
    }

    /// Whether word is on its way that the resource is gone.
    pub(crate) fn is_leaving(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.content.is_none())
    }

    /// What has to be said, when an answer is not owed anyway.
    pub(crate) fn need(&self) -> Need<'_> {
        if self.sent.is_some() {
            return Need::Waiting;
        }
        if let Refused::Alone(content) | Refused::Among(content) = &self.refused
            && *content == self.desired.as_ref().map(|resource| *resource.digest())
        {
            return Need::Waiting;
        }
        match (&self.told, &self.desired) {
            // A peer that refused what it was told still waits for an answer it can use: that there is nothing.
            (Told::Lacks, None) if self.refused == Refused::No => Need::Settled,
            (Told::Holds(held), Some(desired)) if satisfied(held, desired) => Need::Settled,
            (Told::Version(HeldVersion::Known(held)), Some(desired)) if *held == desired.version() => Need::Settled,
            (_, Some(desired)) => Need::Tell(desired),
            (_, None) => Need::Remove,
        }
    }
}

/// The same content; and a TTL, once given, does not outlive its removal.
fn satisfied(held: &Resource, desired: &Resource) -> bool {
    held.same_content(desired) && (held.ttl().is_none() || desired.ttl().is_some())
}

/// What one peer holds of one type.
#[derive(Debug)]
pub(crate) struct Standing {
    anchor: Anchor,
    pub(crate) exceptions: BTreeMap<ResourceName, Exception>,
    /// Names owed an answer, whatever the peer holds; each has an exception.
    pub(crate) owed: BTreeSet<ResourceName>,
    /// Resources accepted, whose own pull references the peer has not settled yet, with the moment of acceptance.
    pub(crate) warming: BTreeMap<ResourceName, Warming>,
    /// What is on its way under names given up meanwhile: a peer that asks for one again may apply it.
    overtaken: BTreeMap<ResourceName, Sent>,
    /// Since when the peer holds a whole set of which nobody knows whether each member has all it needs.
    pub(crate) unproven_since: Option<Moment>,
    /// The sum of what the peer is to hold, as of the anchor; for named state-of-the-world types.
    pub(crate) desired: Digest,
    /// Names asked for since the last comparison.
    asked: Vec<ResourceName>,
    /// Names given up since the last comparison.
    dropped: Vec<ResourceName>,
    /// A refusal of the whole wildcard set, to be looked into with the view at hand.
    refusal: Option<(Nonce, Refusal)>,
    /// What the peer brought from an earlier stream.
    pub(crate) inherited: Inherited,
    next_batch: u32,
}

/// An accepted resource that is of use only once what it names has arrived too.
#[derive(Debug, Clone)]
pub(crate) struct Warming {
    pub(crate) since: Moment,
    /// What it waits for.
    pub(crate) references: Vec<Reference>,
    /// What the peer serves from meanwhile.
    pub(crate) former: Told,
    /// What it accepted since, one of which it may serve from by now.
    pub(crate) perhaps: Vec<Resource>,
}

/// What the first request of a type says of an earlier stream.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// When the first request came, if it brought anything.
    pub(crate) at: Option<Moment>,
    /// The version of the whole type (state of the world).
    pub(crate) version: Option<HeldVersion>,
    /// Versions by name (delta).
    pub(crate) versions: BTreeMap<ResourceName, HeldVersion>,
}

/// What a comparison found that the caller must act on.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// The outcome of a refusal of the whole set.
    pub(crate) refusal: Option<(Nonce, Refusal, Vec<ResourceName>)>,
    /// The peer was found to hold everything as of the view from an earlier stream, but for these names.
    pub(crate) held_but: Option<Vec<ResourceName>>,
    /// The view cannot tell what has changed, and the peer's names are unknown: only a new stream helps.
    pub(crate) lost: bool,
}

impl Standing {
    /// Of a peer that has just asked for the type.
    pub(crate) fn new(inherited: Inherited) -> Standing {
        Standing {
            anchor: Anchor::Unset,
            exceptions: BTreeMap::new(),
            owed: BTreeSet::new(),
            warming: BTreeMap::new(),
            overtaken: BTreeMap::new(),
            unproven_since: inherited.at,
            desired: Digest::EMPTY,
            asked: Vec::new(),
            dropped: Vec::new(),
            refusal: None,
            inherited,
            next_batch: 0,
        }
    }

    /// These names are owed an answer.
    pub(crate) fn ask(&mut self, names: impl IntoIterator<Item = ResourceName>) {
        self.asked.extend(names);
    }

    /// These names are no longer wanted by name.
    pub(crate) fn drop_names(&mut self, names: impl IntoIterator<Item = ResourceName>) {
        for name in names {
            self.asked.retain(|asked| *asked != name);
            self.inherited.versions.remove(&name);
            self.dropped.push(name);
        }
    }

    /// Everything is to be told anew.
    pub(crate) fn restart(&mut self) {
        let asked = core::mem::take(&mut self.asked);
        *self = Standing { asked, next_batch: self.next_batch, ..Standing::new(Inherited::default()) };
    }

    pub(crate) fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Whether the whole wildcard set has to be sent before anything else.
    pub(crate) fn whole_due(&self) -> bool {
        self.anchor == Anchor::Unset
    }

    /// Whether the peer certainly holds what is no exception.
    pub(crate) fn anchored(&self) -> bool {
        matches!(self.anchor, Anchor::At(_))
    }

    /// Whether nothing is left to say or to hear.
    pub(crate) fn settled(&self) -> bool {
        self.anchored() && self.exceptions.is_empty() && self.asked.is_empty()
    }

    /// Whether what the peer asked for under this name has been looked at, and answered.
    pub(crate) fn is_compared(&self, name: &ResourceName) -> bool {
        !self.owed.contains(name) && !self.asked.contains(name)
    }

    /// Moves the anchor to the view, and notes what differs from it since.
    pub(crate) fn compare<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        variant: Variant,
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
        self.owe_asked(now, view, type_url, interest);
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
    fn begin<V: View>(
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
    fn compare_names<V: View>(&mut self, now: Moment, view: &V, type_url: &TypeUrl) {
        for resource in view.iter(type_url).filter(|resource| !resource.on_demand()) {
            let told = match self.inherited.versions.get(resource.name()) {
                Some(HeldVersion::Known(held)) if *held == resource.version() => continue,
                Some(held) => Told::Version(*held),
                None => Told::Lacks,
            };
            self.exceptions.insert(resource.name().clone(), Exception::new(now, told, Some(resource.clone())));
        }
        for (name, held) in &self.inherited.versions {
            if view.get(type_url, name).is_none() {
                self.exceptions.insert(name.clone(), Exception::new(now, Told::Version(*held), None));
            }
        }
    }

    /// Notes what has changed since an epoch. `false`: nobody can tell.
    fn catch_up<V: View>(
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
            self.note(now, &change.name, before, after);
        }
        self.move_anchor(view, type_url);
        true
    }

    fn move_anchor<V: View>(&mut self, view: &V, type_url: &TypeUrl) {
        let Some(epoch) = view.epoch(type_url) else { return };
        self.anchor = match self.anchor {
            Anchor::Sent(_, nonce) => Anchor::Sent(epoch, nonce),
            Anchor::Refused(_) => Anchor::Refused(epoch),
            Anchor::Unset | Anchor::At(_) => Anchor::At(epoch),
        };
    }

    /// The history does not reach back: names are compared one by one, a wildcard set is sent whole.
    fn start_over<V: View>(
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
                self.owed.clear();
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
            self.exceptions.entry(name).or_insert_with(fresh).desired = desired;
        }
        self.move_anchor(view, type_url);
        true
    }

    fn note(&mut self, now: Moment, name: &ResourceName, before: Option<&Resource>, after: Option<&Resource>) {
        if let Some(before) = before {
            self.desired.subtract(before.digest());
        }
        if let Some(after) = after {
            self.desired.add(after.digest());
        }
        let whole_in_doubt = !self.anchored();
        let anchor = self.anchor;
        let refused = self.refusal.as_ref().map(|(nonce, _)| *nonce);
        let exception = self.exceptions.entry(name.clone()).or_insert_with(|| {
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
        self.tidy(name);
    }

    /// Forgets an exception that is none any more.
    pub(crate) fn tidy(&mut self, name: &ResourceName) {
        if self.owed.contains(name) {
            return;
        }
        if let Some(exception) = self.exceptions.get(name)
            && exception.need() == Need::Settled
        {
            self.exceptions.remove(name);
        }
    }

    fn forget_dropped<V: View>(&mut self, view: &V, type_url: &TypeUrl, interest: &Interest) {
        for name in core::mem::take(&mut self.dropped) {
            for member in members(view, type_url, &name) {
                self.forget(view, type_url, interest, &member);
            }
        }
    }

    fn forget<V: View>(&mut self, view: &V, type_url: &TypeUrl, interest: &Interest, name: &ResourceName) {
        let in_view = view.get(type_url, name);
        if interest.covers_otherwise(name, in_view.is_some_and(Resource::on_demand)) {
            return;
        }
        let exception = self.exceptions.remove(name);
        self.owed.remove(name);
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
        self.owed.retain(|name| !inside(name));
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
        let gone = self.inherited.versions.keys().filter(|name| inside(name) && view.get(type_url, name).is_none());
        members.extend(gone.cloned());
        for member in members {
            // What an earlier stream left a peer with cannot be trusted here: it forgets without saying so.
            self.inherited.versions.remove(&member);
            self.owe(now, view, type_url, interest, member);
        }
    }

    /// Forgets everything but these names.
    pub(crate) fn keep_only(&mut self, keep: impl Fn(&ResourceName) -> bool) {
        self.exceptions.retain(|name, _| keep(name));
        self.owed.retain(|name| keep(name));
        self.warming.retain(|name, _| keep(name));
    }

    /// This content cannot be sent.
    pub(crate) fn give_up(&mut self, name: &ResourceName) {
        self.owed.remove(name);
        if let Some(exception) = self.exceptions.get_mut(name) {
            exception.refused = Refused::Alone(exception.desired.as_ref().map(|resource| *resource.digest()));
        }
    }

    fn owe_asked<V: View>(&mut self, now: Moment, view: &V, type_url: &TypeUrl, interest: &Interest) {
        for name in core::mem::take(&mut self.asked) {
            for member in members(view, type_url, &name) {
                self.owe(now, view, type_url, interest, member);
            }
        }
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
        let name = match view.get(type_url, &name) {
            Some(_) => name,
            None => view.by_alias(type_url, &name).map_or(name, |canonical| canonical.name().clone()),
        };
        let desired = interest.desired(view, type_url, &name).cloned();
        let wildcard = interest.is_wildcard() && desired.as_ref().is_none_or(|desired| !desired.on_demand());
        if !self.exceptions.contains_key(&name) {
            let told = match (self.inherited.versions.get(&name), &desired) {
                (Some(HeldVersion::Known(held)), Some(desired)) if *held == desired.version() => {
                    self.desired.add(desired.digest());
                    return;
                }
                (Some(held), _) => Told::Version(*held),
                (None, Some(desired)) if wildcard && self.anchored() => Told::Holds(desired.clone()),
                (None, _) if self.inherited.version.is_some() && !wildcard => Told::Version(HeldVersion::Foreign),
                (None, _) => match self.overtaken.remove(&name).and_then(|sent| sent.content) {
                    Some(content) => Told::Unsure(alloc::vec![content]),
                    None => Told::Lacks,
                },
            };
            if let (Some(desired), false) = (&desired, wildcard) {
                self.desired.add(desired.digest());
            }
            self.exceptions.insert(name.clone(), Exception::new(now, told, desired));
        }
        if let Some(exception) = self.exceptions.get_mut(&name) {
            exception.refused = Refused::No;
            exception.batch = None;
        }
        self.owed.insert(name);
    }

    /// Owes the peer a name it holds once more, if it asked for it and has it.
    pub(crate) fn owe_again(&mut self, now: Moment, name: &ResourceName, desired: Option<&Resource>) {
        if !self.exceptions.contains_key(name) {
            let told = desired.map_or(Told::Lacks, |desired| Told::Holds(desired.clone()));
            self.exceptions.insert(name.clone(), Exception::new(now, told, desired.cloned()));
        }
        self.owed.insert(name.clone());
    }

    /// The reply to this response has come: whatever it held has been applied, or not.
    pub(crate) fn arrived(&mut self, nonce: Nonce) {
        self.overtaken.retain(|_, sent| sent.nonce != nonce);
    }

    /// The whole wildcard set goes out.
    pub(crate) fn whole_sent(&mut self, epoch: Epoch, nonce: Nonce) {
        self.anchor = Anchor::Sent(epoch, nonce);
    }

    /// One name goes out, as it is desired now, or with other content held back for now.
    pub(crate) fn name_sent(&mut self, now: Moment, name: &ResourceName, nonce: Nonce) {
        self.owed.remove(name);
        if let Some(exception) = self.exceptions.get_mut(name) {
            exception.sent = Some(Sent { nonce, content: exception.desired.clone() });
            exception.since = now;
            exception.free_since = None;
        }
    }

    /// The whole wildcard set was accepted.
    pub(crate) fn whole_accepted(&mut self, now: Moment, nonce: Nonce) {
        self.unproven_since = Some(now);
        if let Anchor::Sent(epoch, sent) = self.anchor
            && sent == nonce
        {
            self.anchor = Anchor::At(epoch);
        }
        let names: Vec<ResourceName> = self.exceptions.keys().cloned().collect();
        for name in names {
            self.name_accepted(&name, nonce);
        }
    }

    /// One name of an accepted response.
    pub(crate) fn accept(&mut self, now: Moment, name: &ResourceName, nonce: Nonce) {
        let former = self.exceptions.get(name).map_or(Told::Lacks, |exception| exception.told.clone());
        if let Some(content) = self.name_accepted(name, nonce) {
            self.begin_warming(now, former, &content);
        }
    }

    /// One name of an accepted response, without what follows. Gives the content, if the peer holds it newly or anew.
    fn name_accepted(&mut self, name: &ResourceName, nonce: Nonce) -> Option<Resource> {
        let exception = self.exceptions.get_mut(name)?;
        if exception.sent.as_ref().is_none_or(|sent| sent.nonce != nonce) {
            return None;
        }
        let content = exception.sent.take().and_then(|sent| sent.content);
        exception.told = content.clone().map_or(Told::Lacks, Told::Holds);
        exception.refused = Refused::No;
        exception.batch = None;
        if content.is_none() {
            self.warming.remove(name);
        }
        self.tidy(name);
        content
    }

    /// An accepted resource is of use once what it pulls has arrived; until then the peer serves from what it held.
    fn begin_warming(&mut self, now: Moment, told: Told, content: &Resource) {
        let earlier = self.warming.remove(content.name());
        let pulled = content.references().iter().filter(|reference| {
            let traits = reference.type_url.traits();
            !traits.pushed && !traits.collected
        });
        let references: Vec<Reference> = pulled.cloned().collect();
        if references.is_empty() {
            return;
        }
        let mut warming = Warming { since: now, references, former: told, perhaps: Vec::new() };
        if let Some(earlier) = earlier {
            let accepted = core::mem::replace(&mut warming.former, earlier.former);
            warming.perhaps = earlier.perhaps;
            warming.perhaps.extend(accepted.held().cloned());
            let excess = warming.perhaps.len().saturating_sub(MOST_ACCEPTED_UNSERVED);
            warming.perhaps.drain(..excess);
        }
        self.warming.insert(content.name().clone(), warming);
    }

    /// The whole wildcard set was refused; looked into at the next comparison.
    pub(crate) fn whole_refused(&mut self, now: Moment, nonce: Nonce, refusal: Refusal) {
        self.unproven_since = Some(now);
        if let Anchor::Sent(epoch, sent) = self.anchor
            && sent == nonce
        {
            self.anchor = Anchor::Refused(epoch);
        }
        self.refusal = Some((nonce, refusal));
    }

    /// Some names were refused, one of them or more at fault. Gives the ones known to be.
    pub(crate) fn names_refused(
        &mut self,
        now: Moment,
        names: &[ResourceName],
        nonce: Nonce,
        suspects: &[ResourceName],
        partial: Partial,
    ) -> Vec<ResourceName> {
        let held: Vec<ResourceName> = names.iter().filter(|name| self.was_sent(name, nonce)).cloned().collect();
        let named: Vec<ResourceName> = held.iter().filter(|name| suspects.contains(name)).cloned().collect();
        // Only a response of one name proves it at fault; of others some may have been given up meanwhile.
        let culprits = match (names, partial) {
            ([_], _) => held.clone(),
            (_, Partial::GoodPartApplied | Partial::GoodPartAppliedWhole) => named,
            (_, Partial::AnySubsetApplied) => Vec::new(),
        };
        let spared = partial != Partial::AnySubsetApplied && !culprits.is_empty();
        for name in &held {
            if culprits.contains(name) {
                self.refuse(name, Refused::Alone);
            } else if spared {
                self.accept(now, name, nonce);
            } else if partial == Partial::GoodPartAppliedWhole {
                self.refuse(name, Refused::Among);
            } else {
                self.refuse(name, |_| Refused::No);
            }
        }
        if culprits.is_empty() && partial != Partial::GoodPartAppliedWhole {
            self.split(&held);
        }
        culprits
    }

    fn was_sent(&self, name: &ResourceName, nonce: Nonce) -> bool {
        let sent = self.exceptions.get(name).and_then(|exception| exception.sent.as_ref());
        sent.is_some_and(|sent| sent.nonce == nonce)
    }

    fn refuse(&mut self, name: &ResourceName, how: impl FnOnce(Option<Digest>) -> Refused) {
        let Some(exception) = self.exceptions.get_mut(name) else { return };
        let Some(sent) = exception.sent.take() else { return };
        exception.refused = how(sent.content.as_ref().map(|resource| *resource.digest()));
        if matches!(exception.refused, Refused::Alone(_)) {
            return;
        }
        exception.told = match core::mem::replace(&mut exception.told, Told::Lacks) {
            // What it holds was unknown, and still is.
            Told::Version(_) => Told::Version(HeldVersion::Foreign),
            told => {
                let mut candidates = told.into_candidates();
                candidates.extend(sent.content);
                Told::Unsure(candidates)
            }
        };
    }

    /// Suspects are sent again in two halves, apart from each other, until the one at fault is alone.
    fn split(&mut self, suspects: &[ResourceName]) {
        let middle = suspects.len().div_ceil(2);
        for half in [&suspects[..middle], &suspects[middle..]] {
            self.next_batch += 1;
            for name in half {
                if let Some(exception) = self.exceptions.get_mut(name) {
                    exception.batch = Some(self.next_batch);
                }
            }
        }
    }

    fn blame_whole<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        type_url: &TypeUrl,
        interest: &Interest,
        variant: Variant,
        (nonce, refusal): (Nonce, &Refusal),
    ) -> Vec<ResourceName> {
        let Anchor::Refused(epoch) = self.anchor else { return Vec::new() };
        let overtaken: Vec<ResourceName> =
            self.exceptions.keys().filter(|name| self.was_sent(name, nonce)).cloned().collect();
        let named = crate::blame::candidates(&refusal.message).into_iter();
        let culprits: Vec<ResourceName> =
            named.filter(|name| overtaken.contains(name) || interest.desired(view, type_url, name).is_some()).collect();
        // What has changed since it was sent is looked at first: its content then stands in its exception.
        for name in &overtaken {
            if culprits.contains(name) {
                self.refuse(name, Refused::Alone);
            } else if culprits.is_empty() {
                self.refuse(name, if variant == Variant::Sotw { Refused::Among } else { |_| Refused::No });
            } else {
                self.accept(now, name, nonce);
            }
        }
        if culprits.is_empty() && variant == Variant::Sotw {
            return culprits;
        }
        self.anchor = Anchor::At(epoch);
        let everyone = view.iter(type_url).filter(|resource| interest.covers(resource));
        let blamed: Vec<Resource> =
            everyone.filter(|resource| culprits.is_empty() || culprits.contains(resource.name())).cloned().collect();
        let alone = !culprits.is_empty() || blamed.len() == 1;
        for resource in &blamed {
            if overtaken.contains(resource.name()) {
                continue;
            }
            let fresh = || Exception::new(now, Told::Unsure(Vec::new()), Some(resource.clone()));
            let exception = self.exceptions.entry(resource.name().clone()).or_insert_with(fresh);
            if alone {
                exception.refused = Refused::Alone(Some(*resource.digest()));
                exception.told = Told::Lacks;
            }
        }
        let names: Vec<ResourceName> = blamed.iter().map(|resource| resource.name().clone()).collect();
        if alone {
            return if culprits.is_empty() { names } else { culprits };
        }
        self.split(&names);
        culprits
    }
}

/// The two variants of the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Sotw,
    Delta,
}

/// What a peer that refuses a response of several resources has done with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partial {
    /// Applied them: clusters and listeners.
    GoodPartApplied,
    /// Applied them, and they cannot be sent apart: clusters and listeners, state of the world.
    GoodPartAppliedWhole,
    /// Applied some, nobody knows which: every type subscribed by name.
    AnySubsetApplied,
}

/// The names an asked name stands for: itself, or the members of the glob collection it is.
fn members<V: View>(view: &V, type_url: &TypeUrl, name: &ResourceName) -> Vec<ResourceName> {
    let Some(prefix) = name.glob_prefix() else { return alloc::vec![name.clone()] };
    let inside = view.iter_prefix(type_url, prefix).filter(|resource| resource.name().glob().as_ref() == Some(name));
    let members: Vec<ResourceName> = inside.map(|resource| resource.name().clone()).collect();
    if members.is_empty() { alloc::vec![name.clone()] } else { members }
}
