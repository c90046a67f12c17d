//! How far one stream has come with one type: the point all of it has reached, and the exceptions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chancery_protocol::{
    Change, Epoch, Event, NameSet, Nonce, Refusal, Resource, ResourceName, Told, TypeUrl, Version, View,
};

use crate::delivery::first_answer::FirstAnswer;
use crate::delivery::report::{Delivery, Reached, RefusedResource, TypeDelivery};
use crate::snapshot::GroupView;

/// More unanswered responses than this and the oldest are forgotten. A session keeps one, or the chunks of one.
const MOST_IN_FLIGHT: usize = 256;

pub(crate) struct TypeProgress {
    type_url: TypeUrl,
    wildcard: bool,
    names: NameSet,
    first_answer: FirstAnswer,
    /// As of here the stream acknowledged all it wants, but for the exceptions. `None`: nothing yet.
    settled: Option<Epoch>,
    exceptions: BTreeMap<ResourceName, Exception>,
    /// The whole first answer was refused, and nobody knows for which resource.
    refused: Option<Arc<Refusal>>,
    /// The oldest first, whose nonce is the least.
    in_flight: VecDeque<(Nonce, Epoch, Told)>,
}

enum Exception {
    /// Subscribed to since, and not told of yet.
    Awaited,
    /// Changed or removed, and not told of, or told in a response that was refused.
    Behind,
    /// Refused, at this version if it is known.
    Refused(Arc<Refusal>, Option<Version>),
}

impl TypeProgress {
    pub(crate) fn new(type_url: TypeUrl) -> TypeProgress {
        TypeProgress {
            type_url,
            wildcard: false,
            names: NameSet::default(),
            first_answer: FirstAnswer::default(),
            settled: None,
            exceptions: BTreeMap::new(),
            refused: None,
            in_flight: VecDeque::new(),
        }
    }

    pub(crate) fn type_url(&self) -> &TypeUrl {
        &self.type_url
    }

    #[cfg(test)]
    pub(crate) fn keeps(&self, names: &NameSet) -> bool {
        let same = self.names.whole().zip(names.whole()).is_some_and(|(own, theirs)| own.is(theirs));
        same && self.exceptions.is_empty() && self.first_answer.is_over()
    }

    pub(crate) fn hear(&mut self, event: &Event, view: Option<&GroupView>) {
        match event {
            Event::Subscribed { wildcard, added, removed, names, .. } => {
                self.subscribed(*wildcard, added, removed, names);
            }
            Event::Held { epoch, except, .. } => self.held(*epoch, except),
            Event::Sent { nonce, epoch, told, .. } => self.sent(*nonce, *epoch, told),
            Event::Acked { nonce, .. } => self.acked(*nonce, view),
            Event::Nacked { nonce, refusal, culprits, .. } => self.nacked(*nonce, refusal, culprits, view),
            _ => {}
        }
    }

    fn subscribed(&mut self, wildcard: bool, added: &[ResourceName], removed: &[ResourceName], names: &NameSet) {
        if wildcard != self.wildcard {
            self.wildcard = wildcard;
            if wildcard {
                self.settled = None;
            }
        }
        if self.settled.is_some() {
            let news = added.iter().filter(|name| !self.names.contains(name));
            self.exceptions.extend(news.map(|name| (name.clone(), Exception::Awaited)));
        }
        for name in removed.iter().filter(|_| !self.wildcard) {
            self.exceptions.remove(name);
            self.first_answer.forget(name);
        }
        self.names.clone_from(names);
    }

    /// An earlier stream left the peer with all it wants, but for some names.
    fn held(&mut self, epoch: Epoch, except: &[ResourceName]) {
        self.settled = Some(epoch);
        self.exceptions.extend(except.iter().map(|name| (name.clone(), Exception::Behind)));
    }

    fn sent(&mut self, nonce: Nonce, epoch: Epoch, told: &Told) {
        if matches!(told, Told::Heartbeat) {
            return;
        }
        self.in_flight.push_back((nonce, epoch, told.clone()));
        if self.in_flight.len() > MOST_IN_FLIGHT {
            self.in_flight.pop_front();
        }
    }

    fn landed(&mut self, nonce: Nonce) -> Option<(Epoch, Told)> {
        let at = self.in_flight.binary_search_by_key(&nonce, |(nonce, ..)| *nonce).ok()?;
        let (_, epoch, told) = self.in_flight.remove(at)?;
        if self.in_flight.is_empty() {
            // Goes back to the beginning of its memory, which is at hand.
            self.in_flight.clear();
        }
        Some((epoch, told))
    }

    fn acked(&mut self, nonce: Nonce, view: Option<&GroupView>) {
        let Some((epoch, told)) = self.landed(nonce) else { return };
        let Some(view) = view else { return };
        self.applied(epoch, &told, view);
    }

    /// The peer has what a response told of.
    fn applied(&mut self, epoch: Epoch, told: &Told, view: &GroupView) {
        self.refused = None;
        match told {
            // Whatever was subscribed is in it; only what was refused, and still is as it was, the session left out.
            Told::Everything => {
                self.first_answer = FirstAnswer::default();
                self.exceptions.retain(|name, exception| match exception {
                    Exception::Refused(_, version) => *version == view.get(&self.type_url, name).map(Resource::version),
                    Exception::Awaited | Exception::Behind => false,
                });
            }
            Told::Names(names) => {
                if self.settled.is_none() && !self.wildcard {
                    self.first_answer = FirstAnswer::of(self.names.clone());
                }
                self.fall_behind(epoch, view, names);
                for name in names.iter() {
                    self.exceptions.remove(name);
                }
                self.first_answer.told(names);
            }
            Told::Heartbeat => return,
        }
        self.settled = Some(epoch);
    }

    /// Notes what has changed since the settled point and was not told of: the settled point is about to move on.
    fn fall_behind(&mut self, epoch: Epoch, view: &GroupView, told: &[ResourceName]) {
        let Some(settled) = self.settled.filter(|settled| *settled != epoch) else { return };
        let Some(changes) = view.changed_since(&self.type_url, settled) else { return };
        for change in changes.iter() {
            if told.binary_search(&change.name).is_err() && self.concerns(change) {
                self.exceptions.entry(change.name.clone()).or_insert(Exception::Behind);
            }
        }
    }

    fn nacked(&mut self, nonce: Nonce, refusal: &Refusal, culprits: &[ResourceName], view: Option<&GroupView>) {
        let Some((epoch, told)) = self.landed(nonce) else { return };
        let Some(view) = view else { return };
        let since_sent = view.changed_since(&self.type_url, epoch);
        let version_sent = |name: &ResourceName| {
            let changes = since_sent.as_ref()?;
            let changed = changes.iter().find(|change| change.name == *name);
            let resource = changed.map_or_else(|| view.get(&self.type_url, name), |change| change.before.as_ref());
            resource.map(Resource::version)
        };
        let refusal = Arc::new(refusal.clone());
        // Of clusters and listeners a peer applies the good part, and says which part is bad.
        let good_part_applied = self.type_url.traits().full_state && !culprits.is_empty();
        if good_part_applied {
            let blamed = culprits.iter().map(|name| (name.clone(), version_sent(name)));
            let blamed: Vec<(ResourceName, Option<Version>)> = blamed.collect();
            self.applied(epoch, &told, view);
            let refused = |version| Exception::Refused(refusal.clone(), version);
            self.exceptions.extend(blamed.into_iter().map(|(name, version)| (name, refused(version))));
            return;
        }
        let told_names = match told {
            Told::Names(names) => names,
            Told::Everything => match self.settled.and_then(|settled| view.changed_since(&self.type_url, settled)) {
                Some(changes) => changes.iter().map(|change| change.name.clone()).collect(),
                None => Arc::default(),
            },
            Told::Heartbeat => return,
        };
        let refused: BTreeMap<ResourceName, Exception> = if culprits.is_empty() { &told_names[..] } else { culprits }
            .iter()
            .map(|name| (name.clone(), Exception::Refused(refusal.clone(), version_sent(name))))
            .collect();
        if refused.is_empty() {
            self.refused = Some(refusal);
        }
        for name in refused.keys() {
            self.first_answer.forget(name);
        }
        if self.settled.is_some() {
            for name in told_names.iter().filter(|name| !refused.contains_key(*name)) {
                self.exceptions.entry(name.clone()).or_insert(Exception::Behind);
            }
        }
        self.exceptions.extend(refused);
    }

    fn wants(&self, resource: &Resource) -> bool {
        let named = |name: &ResourceName| self.names.contains(name);
        (self.wildcard && !resource.on_demand())
            || named(resource.name())
            || resource.aliases().iter().any(named)
            || resource.name().glob().as_ref().is_some_and(named)
    }

    fn concerns(&self, change: &Change) -> bool {
        [&change.before, &change.after].into_iter().flatten().any(|resource| self.wants(resource))
    }

    fn is_in_flight(&self, name: &ResourceName) -> bool {
        self.in_flight.iter().any(|(.., told)| matches!(told, Told::Names(names) if names.contains(name)))
    }

    pub(crate) fn status(&self, view: &GroupView, name: &ResourceName) -> Delivery {
        let Some(resource) = view.get(&self.type_url, name).filter(|resource| self.wants(resource)) else {
            return Delivery::Unknown;
        };
        match self.exceptions.get(name) {
            Some(Exception::Refused(refusal, version))
                if version.is_none_or(|version| version == resource.version()) =>
            {
                return Delivery::Nacked(Refusal::clone(refusal));
            }
            Some(_) => return Delivery::Pending,
            None if self.first_answer.awaits(name) => return Delivery::Pending,
            None if self.is_in_flight(name) => return Delivery::Pending,
            None => {}
        }
        let Some(settled) = self.settled else {
            return self
                .refused
                .as_ref()
                .map_or(Delivery::Pending, |refusal| Delivery::Nacked(Refusal::clone(refusal)));
        };
        match view.changed_since(&self.type_url, settled) {
            Some(changes) if changes.iter().all(|change| change.name != *name) => Delivery::Acked(resource.version()),
            _ => Delivery::Pending,
        }
    }

    /// The names pending and those refused, besides what is wanted and untouched. `None`: everything is pending.
    fn standing(&self, view: &GroupView) -> Option<(BTreeSet<ResourceName>, Vec<RefusedResource>)> {
        let changes = view.changed_since(&self.type_url, self.settled?)?;
        let changed = changes.iter().filter(|change| self.concerns(change)).map(|change| change.name.clone());
        let mut pending: BTreeSet<ResourceName> = changed.collect();
        for (.., told) in &self.in_flight {
            let Told::Names(names) = told else { continue };
            pending.extend(names.iter().filter(|name| view.get(&self.type_url, name).is_some()).cloned());
        }
        pending.extend(self.first_answer.awaited().filter(|name| view.get(&self.type_url, name).is_some()).cloned());
        let mut refused = Vec::new();
        for (name, exception) in &self.exceptions {
            let present = view.get(&self.type_url, name);
            match exception {
                Exception::Behind => drop(pending.insert(name.clone())),
                Exception::Awaited if present.is_some() => drop(pending.insert(name.clone())),
                Exception::Awaited => {}
                Exception::Refused(refusal, version) => {
                    let Some(present) = present else { continue };
                    if version.is_none_or(|version| version == present.version()) {
                        pending.remove(name);
                        let refusal = Refusal::clone(refusal);
                        refused.push(RefusedResource { name: name.clone(), version: *version, refusal });
                    } else {
                        pending.insert(name.clone());
                    }
                }
            }
        }
        Some((pending, refused))
    }

    pub(crate) fn report(&self, view: &GroupView) -> TypeDelivery {
        let wanted = self.wanted_count(view);
        let mut report = TypeDelivery {
            type_url: self.type_url.clone(),
            wildcard: self.wildcard,
            names: self.names.len(),
            acked: 0,
            pending: wanted,
            pending_names: Vec::new(),
            refused: Vec::new(),
        };
        match self.standing(view) {
            Some((pending, refused)) => {
                let present = pending.iter().filter(|name| view.get(&self.type_url, name).is_some()).count();
                report.acked = wanted.saturating_sub(present + refused.len());
                report.pending = pending.len();
                report.pending_names = pending.into_iter().take(TypeDelivery::NAMES_LISTED).collect();
                report.refused = refused;
            }
            None => {
                let all = view.iter(&self.type_url).filter(|resource| self.wants(resource));
                let names = all.take(TypeDelivery::NAMES_LISTED).map(|resource| resource.name().clone());
                match &self.refused {
                    None => report.pending_names = names.collect(),
                    Some(refusal) => {
                        let refusal = Refusal::clone(refusal);
                        let refused = |name| RefusedResource { name, version: None, refusal: refusal.clone() };
                        report.refused = names.map(refused).collect();
                        report.pending = wanted.saturating_sub(report.refused.len());
                    }
                }
            }
        }
        report
    }

    /// How many present resources the stream wants.
    fn wanted_count(&self, view: &GroupView) -> usize {
        let besides_wildcard = |resource: &Resource| !self.wildcard || resource.on_demand();
        let named =
            self.names.iter().flat_map(|name| {
                let one = view.get(&self.type_url, name).or_else(|| view.by_alias(&self.type_url, name));
                let members = name.glob_prefix().map(|prefix| view.iter_prefix(&self.type_url, prefix));
                one.into_iter().chain(members.into_iter().flatten().filter(|member| {
                    member.name().glob().as_ref() == Some(name) && !self.names.contains(member.name())
                }))
            });
        let named: BTreeSet<&ResourceName> =
            named.filter(|resource| besides_wildcard(resource)).map(Resource::name).collect();
        named.len() + if self.wildcard { view.wildcard_count(&self.type_url) } else { 0 }
    }

    /// How far the stream has come with a commit that moved the type to `epoch` (lineage 0: a commit to the base).
    pub(crate) fn reached(&self, view: &GroupView, epoch: Epoch) -> Reached {
        let Some((pending, refused)) = self.standing(view) else {
            return if self.refused.is_some() { Reached::Refused } else { Reached::Pending };
        };
        let late = |exception: &Exception, name: &ResourceName| match exception {
            Exception::Behind => true,
            Exception::Awaited => view.get(&self.type_url, name).is_some(),
            Exception::Refused(..) => false,
        };
        let past = self.settled.is_some_and(|settled| match epoch.lineage {
            0 => settled.positions[0] >= epoch.positions[0],
            lineage => {
                settled.lineage == lineage && settled.positions.iter().zip(epoch.positions).all(|(at, to)| *at >= to)
            }
        });
        let none_late = !self.exceptions.iter().any(|(name, exception)| late(exception, name))
            && !self.first_answer.awaited().any(|name| view.get(&self.type_url, name).is_some());
        if !refused.is_empty() {
            Reached::Refused
        } else if pending.is_empty() || (past && none_late) {
            Reached::Live
        } else {
            Reached::Pending
        }
    }
}
