//! The delta variant: only what is new, changed or gone.

use alloc::vec::Vec;

use crate::conversation::{Conversation, Saying, size_in_response};
use crate::standing::{Brought, Inherited, Standing, Variant};
use crate::{
    Base, DeltaRequest, DeltaResponse, Digest, Dress, Event, Listed, Moment, Nonce, Payload, Reply, ResourceName,
    Services, Session, Settings, TypeUrl, View, Violation,
};

/// One delta stream (`DeltaAggregatedResources`, `DeltaClusters`, ...).
///
/// ```
/// use chancery_protocol::{DeltaRequest, DeltaSession, Moment, Session, Settings, TypeUrl};
/// let mut session = DeltaSession::new(Settings::default());
/// session.handle_request(Moment::default(), DeltaRequest::first(TypeUrl::CLUSTER, &[]))?;
/// # Ok::<(), chancery_protocol::Violation>(())
/// ```
#[derive(Debug)]
pub struct DeltaSession {
    conversation: Conversation,
}

impl DeltaSession {
    /// A new stream.
    pub fn new(settings: Settings) -> DeltaSession {
        DeltaSession { conversation: Conversation::new(settings, Variant::Delta) }
    }

    fn begin(&mut self, now: Moment, at: usize, request: DeltaRequest) {
        let single = matches!(self.conversation.settings.services, Services::Single(_));
        let uncollected = self.conversation.settings.collection.is_none();
        let pool = &self.conversation.settings.name_pool;
        let channel = &mut self.conversation.channels[at];
        let names_nothing = request.subscribe.is_empty() && request.unsubscribe.is_empty();
        let change = if names_nothing && single && uncollected && request.type_url.traits().collected {
            channel.interest.begin_everything()
        } else {
            channel.interest.begin_delta(&request.type_url, request.subscribe, &request.unsubscribe, pool)
        };
        channel.interest.share(pool);
        let brought_at = (!request.initial_versions.is_empty()).then_some(now);
        // Those of a collected type are kept for as long as the stream.
        let subscribed = channel.interest.name_set().whole().filter(|_| !request.type_url.traits().collected);
        let versions = Brought::new(subscribed, request.initial_versions);
        channel.standing = Standing::new(Inherited { at: brought_at, version: None, versions });
        channel.greeting = change.wildcard_began;
        self.conversation.subscribed(at, change);
    }

    fn reply(&mut self, now: Moment, at: usize, type_url: &TypeUrl, reply: Reply) {
        let known = match reply {
            Reply::None => true,
            Reply::Ack(nonce) => self.conversation.accepted(now, at, nonce),
            Reply::Nack(nonce, refusal) => self.conversation.refused(now, at, nonce, refusal),
            Reply::Foreign => false,
        };
        if !known {
            self.conversation.stale(type_url);
        }
    }

    fn answer<V: View>(&mut self, now: Moment, view: &V, at: usize) -> Option<DeltaResponse> {
        view.epoch(&self.conversation.channels[at].type_url)?;
        if self.conversation.channels[at].standing.whole_due() {
            return Some(self.whole(now, view, at));
        }
        let collected = self.conversation.channels[at].type_url.traits().collected;
        let enough = (!collected).then_some(self.conversation.settings.chunk_bytes);
        let sayings = self.conversation.sayings(now, view, at, enough);
        let (said, cut) = self.pick(at, sayings);
        if said.is_empty() {
            let channel = &mut self.conversation.channels[at];
            channel.continuing = false;
            if channel.greeting && channel.window_open() {
                return Some(self.respond(now, view, at, Vec::new()));
            }
            return self.heartbeat(now, view, at);
        }
        let response = self.respond(now, view, at, said);
        self.conversation.channels[at].continuing = cut;
        Some(response)
    }

    /// The first answer to a wildcard subscription to clusters or listeners: in one piece, even if empty.
    fn whole<V: View>(&mut self, now: Moment, view: &V, at: usize) -> DeltaResponse {
        let channel = &self.conversation.channels[at];
        let type_url = channel.type_url.clone();
        let owed: Vec<Saying> = channel
            .standing
            .exceptions
            .owed()
            .map(|(name, exception)| Saying {
                name: name.clone(),
                content: exception.desired.clone(),
                owed: true,
                batch: None,
            })
            .collect();
        let nonce = self.conversation.sent(now, view, at, &owed, true);
        let mut listed = Vec::new();
        let mut removed = Vec::new();
        for saying in owed {
            match saying.content {
                Some(resource) => listed.push((saying.name, Some(resource))),
                None => removed.push(saying.name),
            }
        }
        let mut content = view.digest(&type_url);
        content.mix(1);
        let payload = Payload { base: Base::Wildcard, listed: listed.into_iter().collect() };
        self.finish(type_url, view, nonce, payload, removed, content)
    }

    /// Which of the things that may be said go into the next response, and whether some had to stay behind only for
    /// its size, or because they belong to another route configuration.
    fn pick(&self, at: usize, mut sayings: Vec<Saying>) -> (Vec<Saying>, bool) {
        let collected = self.conversation.channels[at].type_url.traits().collected;
        let (mut first, mut bytes, mut full) = (None::<(Option<u32>, ResourceName)>, 0, false);
        // Virtual hosts of other route configurations are told of in responses of their own.
        let mut apart = false;
        sayings.retain(|saying| {
            if full || !self.is_sayable(at, saying) {
                return false;
            }
            let size = size_in_response(&saying.name, saying.content.as_ref());
            let Some((batch, name)) = &first else {
                (first, bytes) = (Some((saying.batch, saying.name.clone())), size);
                return true;
            };
            if collected && name.collection() != saying.name.collection() {
                apart = true;
                return false;
            }
            if *batch != saying.batch {
                return false;
            }
            let first_of_collection = collected && saying.owed;
            full = bytes + size > self.conversation.settings.chunk_bytes && !first_of_collection;
            bytes += size;
            !full
        });
        (sayings, full || apart)
    }

    /// Some types are not told of removals while the peer still subscribes to the name.
    fn is_sayable(&self, at: usize, saying: &Saying) -> bool {
        let channel = &self.conversation.channels[at];
        saying.content.is_some()
            || saying.owed
            || channel.type_url.traits().removable
            || !channel.interest.names_cover(&saying.name)
    }

    fn respond<V: View>(&mut self, now: Moment, view: &V, at: usize, said: Vec<Saying>) -> DeltaResponse {
        let type_url = self.conversation.channels[at].type_url.clone();
        let nonce = self.conversation.sent(now, view, at, &said, false);
        let mut content = Digest::EMPTY;
        content.mix(2);
        let mut removed = Vec::new();
        for saying in &said {
            match &saying.content {
                Some(resource) => {
                    mix_digest(&mut content, resource.digest());
                    content.mix(resource.ttl().map_or(0, |ttl| 1 + ttl.as_nanos() as u64));
                }
                None => {
                    mix_text(&mut content, saying.name.as_str());
                    removed.push(saying.name.clone());
                }
            }
        }
        let told = said.into_iter().filter_map(|saying| saying.content);
        let listed = told.map(|resource| (resource.name().clone(), Some(resource))).collect();
        self.finish(type_url, view, nonce, Payload { base: Base::Nothing, listed }, removed, content)
    }

    fn heartbeat<V: View>(&mut self, now: Moment, view: &V, at: usize) -> Option<DeltaResponse> {
        let due = self.conversation.heartbeats(now, at);
        if due.is_empty() {
            return None;
        }
        let type_url = self.conversation.channels[at].type_url.clone();
        let nonce = self.conversation.sent_heartbeat(now, view, at, &due);
        let (listed, content) = heartbeat_payload(view, &type_url, due);
        let payload = Payload { base: Base::Nothing, listed };
        let mut response = self.finish(type_url, view, nonce, payload, Vec::new(), content);
        response.dress = Dress::Heartbeat;
        Some(response)
    }

    fn finish<V: View>(
        &self,
        type_url: TypeUrl,
        view: &V,
        nonce: Nonce,
        payload: Payload,
        removed: Vec<ResourceName>,
        mut content: Digest,
    ) -> DeltaResponse {
        let capabilities = self.conversation.settings.capabilities;
        let (unresolved, removed) =
            removed.into_iter().partition(|name| type_url.traits().collected && self.asked_by_name(&type_url, name));
        let system = view.digest(&type_url);
        mix_digest(&mut content, &system);
        content.mix(6);
        let system_version = system.version();
        let dress = Dress::Full;
        DeltaResponse { type_url, system_version, nonce, payload, removed, unresolved, dress, capabilities, content }
    }

    fn asked_by_name(&self, type_url: &TypeUrl, name: &ResourceName) -> bool {
        let channel = crate::order::channel_of(&self.conversation.channels, type_url);
        channel.is_some_and(|channel| channel.interest.has_name(name))
    }
}

pub(crate) fn heartbeat_payload<V: View>(view: &V, type_url: &TypeUrl, due: Vec<ResourceName>) -> (Listed, Digest) {
    let mut content = Digest::EMPTY;
    content.mix(3);
    let mut listed = Vec::with_capacity(due.len());
    for name in due {
        if let Some(resource) = view.get(type_url, &name) {
            mix_digest(&mut content, resource.digest());
            content.mix(resource.ttl().map_or(0, |ttl| 1 + ttl.as_nanos() as u64));
            listed.push((name, Some(resource.clone())));
        }
    }
    (listed.into_iter().collect(), content)
}

pub(crate) fn mix_digest(content: &mut Digest, digest: &Digest) {
    content.mix(4);
    content.add(digest);
}

pub(crate) fn mix_text(content: &mut Digest, text: &str) {
    content.mix(5 + text.len() as u64);
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        content.mix(u64::from_le_bytes(word));
    }
}

impl Session for DeltaSession {
    type Request = DeltaRequest;
    type Response = DeltaResponse;

    fn handle_request(&mut self, now: Moment, mut request: DeltaRequest) -> Result<(), Violation> {
        let brought = request.initial_versions.iter().map(|(name, _)| name);
        self.conversation.check_limits(request.subscribe.iter().chain(brought))?;
        let (at, first) = self.conversation.channel(&request.type_url)?;
        if first {
            self.begin(now, at, request);
            return Ok(());
        }
        let reply = core::mem::replace(&mut request.reply, Reply::None);
        self.reply(now, at, &request.type_url, reply);
        let pool = &self.conversation.settings.name_pool;
        let channel = &mut self.conversation.channels[at];
        let under_wildcard: Vec<ResourceName> = match channel.interest.is_wildcard() {
            true => request.unsubscribe.iter().filter(|name| channel.interest.has_name(name)).cloned().collect(),
            false => Vec::new(),
        };
        let change = channel.interest.adjust(request.subscribe, &request.unsubscribe, pool);
        let still_wildcard = channel.interest.is_wildcard();
        self.conversation.subscribed(at, change);
        if still_wildcard {
            // A name given up under a wildcard is still wanted if the wildcard set has it: the peer must hear which.
            self.conversation.channels[at].standing.ask(under_wildcard);
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Moment) {
        self.conversation.handle_timeout(now);
    }

    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<DeltaResponse> {
        loop {
            self.conversation.compare(now, view);
            let response = (0..self.conversation.channels.len()).find_map(|at| self.answer(now, view, at));
            // Of what was looked at there may have been nothing to say.
            if response.is_some() || !self.conversation.looks_further(view) {
                return response;
            }
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.conversation.poll_event()
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.conversation.poll_timeout()
    }

    fn is_quiet(&self) -> bool {
        self.conversation.is_quiet()
    }

    fn is_settled(&self) -> bool {
        self.conversation.is_settled()
    }
}
