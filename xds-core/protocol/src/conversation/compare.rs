//! Every type of a stream brought up to the view: what differs, what is no longer waited for, and who is silent.

use alloc::collections::VecDeque;

use super::collections::announces_virtual_hosts;
use super::{Channel, Conversation, sooner};
use crate::order;
use crate::{Event, Moment, Settings, TypeUrl, View};

impl Conversation {
    /// Brings every channel up to the view.
    pub(crate) fn compare<V: View>(&mut self, now: Moment, view: &V) {
        self.wake = None;
        let variant = self.variant;
        for channel in &mut self.channels {
            let Some(epoch) = view.epoch(&channel.type_url) else {
                wait_for_sync(now, &self.settings, channel, &mut self.events, &mut self.wake);
                continue;
            };
            channel.unsynced_since = None;
            let room = channel.room(variant, &self.settings);
            let Channel { standing, interest, type_url, .. } = channel;
            let compared = standing.compare(now, view, type_url, interest, variant, room);
            if let Some((nonce, refusal, culprits)) = compared.refusal {
                self.events.push_back(Event::Nacked { type_url: type_url.clone(), nonce, refusal, culprits });
            }
            if let Some(except) = compared.held_but.as_ref().filter(|_| *type_url == TypeUrl::ROUTE) {
                // What is held since an earlier stream announces as well as what is sent.
                let held = interest.names().filter(|name| except.binary_search(name).is_err());
                for name in held.filter(|name| view.get(type_url, name).is_some_and(announces_virtual_hosts)) {
                    self.collections.announce(name.clone());
                }
            }
            if let Some(except) = compared.held_but {
                self.events.push_back(Event::Held { type_url: type_url.clone(), epoch, except });
            }
            if compared.lost {
                self.events.push_back(Event::HistoryLost { type_url: type_url.clone() });
            }
            channel.heartbeat.follow(now, view, epoch, &channel.type_url, &channel.interest);
            if channel.type_url.traits().reanswered {
                for reference in core::mem::take(&mut self.unasked) {
                    if reference.type_url == channel.type_url {
                        channel.owe_again(now, view, &reference.name);
                    }
                }
            }
        }
        self.collect(now, view);
        self.cool(now, view);
        self.call_silent(now);
    }

    /// Accepted resources that have all they need are no longer waited for.
    fn cool<V: View>(&mut self, now: Moment, view: &V) {
        for at in 0..self.channels.len() {
            if self.channels[at].standing.warming.is_empty() {
                continue;
            }
            let mut warming = core::mem::take(&mut self.channels[at].standing.warming);
            let patience = self.settings.dependency_patience;
            warming.retain(|name, resource| {
                let warm = order::is_warm(&self.channels, view, self.variant, resource);
                let overdue = !warm && now >= resource.since + patience;
                if overdue {
                    let type_url = self.channels[at].type_url.clone();
                    self.events.push_back(Event::Overdue { type_url, name: name.clone() });
                }
                !warm && !overdue
            });
            for resource in warming.values() {
                sooner(&mut self.wake, resource.since + patience);
            }
            self.channels[at].standing.warming = warming;
        }
    }

    fn call_silent(&mut self, now: Moment) {
        let patience = self.settings.reply_patience;
        for channel in &mut self.channels {
            if let Some((nonce, flight)) = channel.ledger.oldest_uncalled()
                && now >= flight.sent_at + patience
            {
                flight.called_silent = true;
                self.events.push_back(Event::Silent { type_url: channel.type_url.clone(), nonce });
            }
            if let Some(since) = channel.ledger.waiting_since() {
                sooner(&mut self.wake, since + patience);
            }
        }
    }
}

fn wait_for_sync(
    now: Moment,
    settings: &Settings,
    channel: &mut Channel,
    events: &mut VecDeque<Event>,
    wake: &mut Option<Moment>,
) {
    let since = match channel.unsynced_since {
        Some(since) => since,
        None => {
            channel.unsynced_since = Some(now);
            events.push_back(Event::Unknown { type_url: channel.type_url.clone() });
            now
        }
    };
    let end = since + settings.sync_patience;
    if now < end {
        sooner(wake, end);
    } else if channel.type_url.short().is_some() {
        events.push_back(Event::Unsynced { type_url: channel.type_url.clone() });
    }
}
