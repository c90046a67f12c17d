//! The types of one stream and what they share: limits, nonces, events, the next moment to wake.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

mod channel;
mod collections;
mod compare;
mod saying;

pub(crate) use channel::Channel;
use collections::Collections;
pub(crate) use saying::{Saying, size_in_response};

use crate::interest::{Interest, InterestChange};
use crate::ledger::Flight;
use crate::standing::{Partial, Variant};
use crate::{
    Event, Moment, Nonce, Reference, Refusal, Resource, ResourceName, Services, Settings, Told, TypeUrl, View,
    Violation,
};

/// The types of one stream.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) settings: Settings,
    pub(crate) channels: Vec<Channel>,
    variant: Variant,
    events: VecDeque<Event>,
    next_nonce: u64,
    wake: Option<Moment>,
    collections: Collections,
    /// What resources that were sent need the peer to be given again, and it has not asked for yet on this stream.
    unasked: BTreeSet<Reference>,
}

impl Conversation {
    pub(crate) fn new(settings: Settings, variant: Variant) -> Conversation {
        let collections = Collections::beginning_with(settings.collection.clone());
        Conversation {
            settings,
            channels: Vec::new(),
            variant,
            events: VecDeque::new(),
            next_nonce: 0,
            wake: None,
            collections,
            unasked: BTreeSet::new(),
        }
    }

    /// The channel of a type, opened if the peer asks for the type for the first time.
    pub(crate) fn channel(&mut self, type_url: &TypeUrl) -> Result<(usize, bool), Violation> {
        if let Services::Single(served) = &self.settings.services
            && served != type_url
        {
            return Err(Violation::OtherTypeUrl { served: served.as_str().into(), asked: type_url.as_str().into() });
        }
        match self.place(type_url) {
            Ok(at) => Ok((at, false)),
            Err(_) if self.channels.len() >= self.settings.max_types => {
                Err(Violation::TooManyTypes { limit: self.settings.max_types })
            }
            Err(at) => {
                // There are few, and each is large.
                self.channels.reserve_exact(1);
                self.channels.insert(at, Channel::new(type_url.clone()));
                Ok((at, true))
            }
        }
    }

    /// The channel of this type, if there is one.
    pub(crate) fn find(&self, type_url: &TypeUrl) -> Option<usize> {
        self.place(type_url).ok()
    }

    fn place(&self, type_url: &TypeUrl) -> Result<usize, usize> {
        self.channels.binary_search_by(|channel| channel.type_url.cmp(type_url))
    }

    /// Whether the stream stays within its limits of names, those about to be taken in included.
    pub(crate) fn check_limits<'a>(&self, more: impl Iterator<Item = &'a ResourceName>) -> Result<(), Violation> {
        let names: usize = self.channels.iter().map(|channel| channel.interest.name_count()).sum();
        let (more_names, more_bytes) =
            more.fold((0, 0), |(names, bytes), name| (names + 1, bytes + name.as_str().len()));
        if names + more_names > self.settings.max_names {
            return Err(Violation::TooManyNames { limit: self.settings.max_names });
        }
        let bytes: usize = self.channels.iter().map(|channel| channel.interest.name_bytes()).sum();
        if bytes + more_bytes > self.settings.max_name_bytes {
            return Err(Violation::TooManyNameBytes { limit: self.settings.max_name_bytes });
        }
        Ok(())
    }

    /// The same, for names that take the place of a channel's former ones.
    pub(crate) fn check_replacement(&mut self, at: usize, names: &[ResourceName]) -> Result<(), Violation> {
        let Some(channel) = self.channels.get_mut(at) else { return Ok(()) };
        let former = core::mem::replace(&mut channel.interest, Interest::none());
        let outcome = self.check_limits(names.iter());
        self.channels[at].interest = former;
        outcome
    }

    /// A subscription changed: what that means for what the peer is owed.
    pub(crate) fn subscribed(&mut self, at: usize, change: InterestChange) {
        let Some(channel) = self.channels.get_mut(at) else { return };
        if change == InterestChange::default() {
            return;
        }
        if channel.type_url.traits().collected {
            self.collections.follow_anew();
        }
        channel.heartbeat.reconsider();
        if change.wildcard_began && !channel.standing.whole_due() {
            channel.standing.restart();
            channel.greeting = true;
        }
        channel.interest.share(&self.settings.name_pool);
        channel.standing.drop_names(&change.dropped);
        match channel.interest.name_set().whole().filter(|_| change.asked_all) {
            Some(names) => channel.standing.ask_all(names.clone()),
            None => channel.standing.ask(change.asked.iter().cloned()),
        }
        if change.wildcard_ended {
            let interest = &channel.interest;
            channel.standing.keep_only(|name| interest.names_cover(name));
        }
        if channel.type_url == TypeUrl::ROUTE {
            for name in &change.dropped {
                self.collections.withdraw(name);
            }
        }
        let event = Event::Subscribed {
            type_url: channel.type_url.clone(),
            wildcard: channel.interest.is_wildcard(),
            added: change.asked,
            removed: change.dropped,
            names: channel.interest.name_set().clone(),
        };
        self.events.push_back(event);
    }

    /// The peer accepted a response. `false`: the reply is not to one it owed.
    pub(crate) fn accepted(&mut self, now: Moment, at: usize, nonce: Nonce) -> bool {
        let Some(channel) = self.channels.get_mut(at) else { return false };
        let Some(flight) = channel.ledger.settle(nonce) else { return false };
        channel.standing.arrived(nonce);
        if flight.whole {
            channel.standing.whole_accepted(now, nonce);
        }
        channel.standing.accept(now, &flight.names, nonce);
        self.events.push_back(Event::Acked { type_url: channel.type_url.clone(), nonce });
        true
    }

    /// The peer refused a response. `false`: the reply is not to one it owed.
    pub(crate) fn refused(&mut self, now: Moment, at: usize, nonce: Nonce, refusal: Refusal) -> bool {
        let variant = self.variant;
        let Some(channel) = self.channels.get_mut(at) else { return false };
        let Some(flight) = channel.ledger.settle(nonce) else { return false };
        channel.standing.arrived(nonce);
        let full_state = channel.type_url.traits().full_state;
        let partial = match variant {
            _ if !full_state => Partial::AnySubsetApplied,
            Variant::Delta => Partial::GoodPartApplied,
            Variant::Sotw => Partial::GoodPartAppliedWhole,
        };
        let suspects = if full_state { crate::blame::candidates(&refusal.message) } else { Vec::new() };
        let culprits = channel.standing.names_refused(now, &flight.names, nonce, &suspects, partial);
        if flight.whole {
            channel.standing.whole_refused(now, nonce, refusal);
        } else {
            self.events.push_back(Event::Nacked { type_url: channel.type_url.clone(), nonce, refusal, culprits });
        }
        true
    }

    /// A reply that came too late, or to nothing.
    pub(crate) fn stale(&mut self, type_url: &TypeUrl) {
        self.events.push_back(Event::Stale { type_url: type_url.clone() });
    }

    /// A response goes out that says these things, or (`whole`) everything.
    pub(crate) fn sent<V: View>(&mut self, now: Moment, view: &V, at: usize, said: &[Saying], whole: bool) -> Nonce {
        let nonce = Nonce(self.next_nonce + 1);
        self.next_nonce += 1;
        let names: Arc<[ResourceName]> = said.iter().map(|saying| saying.name.clone()).collect();
        // Whoever hears of them searches them.
        debug_assert!(names.is_sorted(), "{names:?}");
        let channel = &mut self.channels[at];
        let Some(epoch) = view.epoch(&channel.type_url) else { return nonce };
        if whole {
            channel.standing.whole_sent(epoch, nonce);
            channel.heartbeat.told_all(now);
        }
        channel.standing.names_sent(now, &names, nonce);
        for name in &*names {
            channel.heartbeat.told(now, name);
        }
        channel.greeting = false;
        let told = if whole { Told::Everything } else { Told::Names(names.clone()) };
        self.events.push_back(Event::Sent { type_url: channel.type_url.clone(), nonce, epoch, told });
        channel.ledger.sent(nonce, Flight { names, whole, sent_at: now, called_silent: false });
        sooner(&mut self.wake, now + self.settings.reply_patience);
        self.note_collections(at, said);
        self.reanswer(now, view, at, said, whole);
        nonce
    }

    /// A heartbeat goes out.
    pub(crate) fn sent_heartbeat<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        at: usize,
        names: &[ResourceName],
    ) -> Nonce {
        let nonce = Nonce(self.next_nonce + 1);
        self.next_nonce += 1;
        let channel = &mut self.channels[at];
        for name in names {
            channel.heartbeat.told(now, name);
        }
        channel.ledger.sent(nonce, Flight { names: Arc::default(), whole: false, sent_at: now, called_silent: false });
        if let Some(epoch) = view.epoch(&channel.type_url) {
            let type_url = channel.type_url.clone();
            self.events.push_back(Event::Sent { type_url, nonce, epoch, told: Told::Heartbeat });
        }
        nonce
    }

    /// A peer that is given a cluster anew needs its endpoints anew, and does not always ask.
    fn reanswer<V: View>(&mut self, now: Moment, view: &V, at: usize, said: &[Saying], whole: bool) {
        if !self.settings.reanswer_endpoints || !self.channels[at].type_url.traits().pushed {
            return;
        }
        if whole {
            for follower in self.channels.iter_mut().filter(|channel| channel.type_url.traits().reanswered) {
                let names: Vec<ResourceName> = follower.interest.names().cloned().collect();
                for name in names {
                    follower.owe_again(now, view, &name);
                }
            }
        }
        let named = said.iter().filter_map(|saying| saying.content.as_ref()).flat_map(Resource::references);
        for reference in named.filter(|reference| reference.type_url.traits().reanswered) {
            match self.channels.iter_mut().find(|channel| channel.type_url == reference.type_url) {
                Some(follower) => follower.owe_again(now, view, &reference.name),
                None => {
                    self.unasked.insert(reference.clone());
                }
            }
        }
    }

    /// Wakes the caller at this moment, or earlier.
    pub(crate) fn wake_at(&mut self, moment: Moment) {
        sooner(&mut self.wake, moment);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        self.wake
    }

    /// Whether there is more of a large first subscription to look at, and room for it.
    pub(crate) fn looks_further<V: View>(&self, view: &V) -> bool {
        self.channels
            .iter()
            .any(|channel| view.epoch(&channel.type_url).is_some() && channel.looks_further(&self.settings))
    }

    /// Whether nothing can be said before something happens.
    pub(crate) fn is_quiet(&self) -> bool {
        self.unasked.is_empty() && self.has_collected() && self.channels.iter().all(Channel::is_quiet)
    }

    /// Whether the peer owes no reply, and nothing it asked for is still to be looked at.
    pub(crate) fn is_settled(&self) -> bool {
        self.channels.iter().all(|channel| channel.ledger.unanswered() == 0 && !channel.standing.has_questions())
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment) {
        if self.wake.is_some_and(|wake| wake <= now) {
            self.wake = None;
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            // Goes back to the beginning of its memory, which is at hand.
            self.events.clear();
        }
        event
    }

    /// Heartbeats due on a channel whose peer can read them.
    pub(crate) fn heartbeats(&mut self, now: Moment, at: usize) -> Vec<ResourceName> {
        let capabilities = self.settings.capabilities;
        let readable = capabilities.ttl && (self.variant == Variant::Delta || capabilities.wrapped_in_sotw);
        let channel = &self.channels[at];
        if !readable || !channel.window_open() {
            return Vec::new();
        }
        let mut due = channel.heartbeat.due(now);
        due.retain(|name| !channel.standing.exceptions.contains_key(name));
        if due.is_empty()
            && let Some(next) = channel.heartbeat.next()
        {
            sooner(&mut self.wake, next.max(now + core::time::Duration::from_millis(1)));
        }
        due
    }
}

fn sooner(wake: &mut Option<Moment>, moment: Moment) {
    *wake = Some(wake.map_or(moment, |wake| wake.min(moment)));
}
