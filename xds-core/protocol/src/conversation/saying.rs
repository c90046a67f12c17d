//! What may be said of a type now: what is owed, due, and not waiting for something else.

use alloc::vec::Vec;

use super::{Conversation, sooner};
use crate::order::{self, Pins, Verdict};
use crate::standing::Need;
use crate::{Event, Moment, Reference, Resource, ResourceName, View};

/// Room for as many is made at once where something may be said.
const MOST_JUDGED: usize = 1024;

/// What may be said of one name now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saying {
    pub(crate) name: ResourceName,
    /// `None`: it is gone, or does not exist.
    pub(crate) content: Option<Resource>,
    pub(crate) owed: bool,
    pub(crate) batch: Option<u32>,
}

/// Something that may be said, or not yet.
struct Judged {
    saying: Saying,
    verdict: Verdict,
    /// Since when nothing stands in the way of a removal, as of now and as it was noted.
    free_since: Option<Moment>,
    was_free_since: Option<Moment>,
}

impl Conversation {
    /// What may be said of a type now, and which of it has waited too long. Notes when to look again.
    ///
    /// With `enough_bytes`, it may stop once there is more to say than a response of that size holds: what lies beyond
    /// is looked at for the next one, or a long first answer would cost the square of its length.
    pub(crate) fn sayings<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        at: usize,
        enough_bytes: Option<usize>,
    ) -> Vec<Saying> {
        let mut judged = Vec::with_capacity(self.channels[at].standing.exceptions.len().min(MOST_JUDGED));
        let (mut told, mut bytes) = (0, 0);
        // Resources that are being narrowed down go out batch by batch, in any order.
        let mut in_order = true;
        {
            let channel = &self.channels[at];
            let only_owed = !channel.window_open();
            if only_owed && (!channel.standing.exceptions.owes_anything() || !channel.may_answer()) {
                return Vec::new();
            }
            let mut pins = None;
            for (name, exception) in channel.standing.exceptions.iter() {
                let owed = exception.is_owed();
                if only_owed && !owed {
                    continue;
                }
                let need =
                    if owed { exception.desired.as_ref().map_or(Need::Remove, Need::Tell) } else { exception.need() };
                let (verdict, free_since) = match need {
                    Need::Settled | Need::Waiting => continue,
                    Need::Tell(resource) => (
                        order::may_tell(&self.channels, view, &self.settings, now, resource, exception.since),
                        exception.free_since,
                    ),
                    Need::Remove => {
                        let pins = pins.get_or_insert_with(|| Pins::gather(&self.channels, &channel.type_url));
                        let target = Reference { type_url: channel.type_url.clone(), name: name.clone() };
                        order::may_remove(&self.channels, pins, &self.settings, now, at, &target, exception)
                    }
                };
                in_order &= exception.batch.is_none();
                if let (Verdict::Go, Some(resource)) = (&verdict, &exception.desired)
                    && resource.body().len() <= self.settings.resource_bytes
                {
                    told += 1;
                    bytes += size_in_response(name, Some(resource));
                }
                let (content, batch) = (exception.desired.clone(), exception.batch);
                let saying = Saying { name: name.clone(), content, owed, batch };
                judged.push(Judged { saying, verdict, free_since, was_free_since: exception.free_since });
                if in_order && enough_bytes.is_some_and(|enough| bytes > enough) && told > 1 {
                    break;
                }
            }
        }
        self.act_on(at, judged)
    }

    fn act_on(&mut self, at: usize, judged: Vec<Judged>) -> Vec<Saying> {
        // In place: mostly there is one, in each of many streams.
        judged.into_iter().filter_map(|judged| self.act(at, judged)).collect()
    }

    /// What may be said of it, if it may.
    fn act(&mut self, at: usize, judged: Judged) -> Option<Saying> {
        let Judged { saying, verdict, free_since, was_free_since } = judged;
        let channel = &mut self.channels[at];
        if free_since != was_free_since
            && let Some(exception) = channel.standing.exceptions.get_mut(&saying.name)
        {
            exception.free_since = free_since;
        }
        match verdict {
            Verdict::Wait(until) => {
                sooner(&mut self.wake, until);
                return None;
            }
            Verdict::Overdue => {
                let event = Event::Overdue { type_url: channel.type_url.clone(), name: saying.name.clone() };
                self.events.push_back(event);
            }
            Verdict::Go => {}
        }
        let bytes = saying.content.as_ref().map_or(0, |resource| resource.body().len());
        if bytes > self.settings.resource_bytes {
            channel.standing.give_up(&saying.name);
            let event = Event::Oversized { type_url: channel.type_url.clone(), name: saying.name, bytes };
            self.events.push_back(event);
            return None;
        }
        Some(saying)
    }
}

/// What a resource, or the name of one that is gone, adds to a response, in bytes, more or less.
pub(crate) fn size_in_response(name: &ResourceName, content: Option<&Resource>) -> usize {
    name.as_str().len() + content.map_or(0, |content| content.body().len()) + 32
}
