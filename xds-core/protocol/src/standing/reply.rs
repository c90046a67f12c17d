//! What becomes of a response: sent, accepted, refused, and who is at fault.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::interest::Interest;
use crate::{Digest, Epoch, HeldVersion, Moment, Nonce, Reference, Refusal, Resource, ResourceName, TypeUrl, View};

use super::{Anchor, Exception, Partial, Refused, Sent, Standing, Told, Variant, Warming};

/// How many contents of one name, accepted one after the other without any being known to serve, are remembered.
const MOST_ACCEPTED_UNSERVED: usize = 8;

impl Standing {
    /// The reply to this response has come: whatever it held has been applied, or not.
    pub(crate) fn arrived(&mut self, nonce: Nonce) {
        self.overtaken.retain(|_, sent| sent.nonce != nonce);
    }

    /// The whole wildcard set goes out.
    pub(crate) fn whole_sent(&mut self, epoch: Epoch, nonce: Nonce) {
        self.anchor = Anchor::Sent(epoch, nonce);
    }

    /// These names, sorted, go out, as they are desired now, or with other content held back for now.
    pub(crate) fn names_sent(&mut self, now: Moment, names: &[ResourceName], nonce: Nonce) {
        self.exceptions.answer_each(names, |exception| {
            exception.sent = Some(Sent { nonce, content: exception.desired.clone() });
            exception.since = now;
            exception.free_since = None;
        });
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
        self.names_accepted(&names, nonce);
    }

    /// These names, sorted, of an accepted response.
    pub(crate) fn accept(&mut self, now: Moment, names: &[ResourceName], nonce: Nonce) {
        for (former, content) in self.names_accepted(names, nonce) {
            self.begin_warming(now, former, &content);
        }
    }

    /// These names of an accepted response, without what follows. Gives what the peer held before, and the content it holds
    /// newly or anew, where that names others or what it replaces did.
    fn names_accepted(&mut self, names: &[ResourceName], nonce: Nonce) -> Vec<(Told, Resource)> {
        let (mut referring, warming) = (Vec::new(), &mut self.warming);
        self.exceptions.settle_each(names, |name, exception| {
            if exception.sent.as_ref().is_none_or(|sent| sent.nonce != nonce) {
                return;
            }
            let content = exception.sent.take().and_then(|sent| sent.content);
            if content.is_none() {
                warming.remove(name);
            }
            let told = content.clone().map_or(Told::Lacks, Told::Holds);
            let former = core::mem::replace(&mut exception.told, told);
            exception.refused = Refused::No;
            exception.batch = None;
            let refers = |content: &Resource| !content.references().is_empty() || warming.contains_key(name);
            referring.extend(content.filter(refers).map(|content| (former, content)));
        });
        referring
    }

    /// An accepted resource is of use once what it pulls has arrived; until then the peer serves from what it held.
    pub(super) fn begin_warming(&mut self, now: Moment, told: Told, content: &Resource) {
        let earlier = if self.warming.is_empty() { None } else { self.warming.remove(content.name()) };
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
                self.accept(now, core::slice::from_ref(name), nonce);
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

    pub(super) fn was_sent(&self, name: &ResourceName, nonce: Nonce) -> bool {
        let sent = self.exceptions.get(name).and_then(|exception| exception.sent.as_ref());
        sent.is_some_and(|sent| sent.nonce == nonce)
    }

    pub(super) fn refuse(&mut self, name: &ResourceName, how: impl FnOnce(Option<Box<Digest>>) -> Refused) {
        let Some(exception) = self.exceptions.get_mut(name) else { return };
        let Some(sent) = exception.sent.take() else { return };
        exception.refused = how(sent.content.as_ref().map(|resource| Box::new(*resource.digest())));
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
    pub(super) fn split(&mut self, suspects: &[ResourceName]) {
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

    pub(super) fn blame_whole<V: View>(
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
                self.accept(now, core::slice::from_ref(name), nonce);
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
            let exception = self.exceptions.or_insert_with(resource.name().clone(), fresh);
            if alone {
                exception.refused = Refused::Alone(Some(Box::new(*resource.digest())));
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
