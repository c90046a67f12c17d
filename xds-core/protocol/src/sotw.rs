//! The state-of-the-world variant: clusters and listeners whole each time, other types only what is new.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::conversation::{Conversation, Saying};
use crate::delta::{heartbeat_payload, mix_digest, mix_text};
use crate::standing::{Brought, Inherited, Need, Refused, Standing, Told, Variant};
use crate::{
    Base, Digest, Dress, Event, Moment, Nonce, Payload, Reply, Resource, ResourceName, Session, Settings, SotwRequest,
    SotwResponse, TypeUrl, Version, View, Violation,
};

/// One state-of-the-world stream (`StreamAggregatedResources`, `StreamClusters`, ...).
///
/// ```
/// use chancery_protocol::{Moment, Session, Settings, SotwRequest, SotwSession, TypeUrl};
/// let mut session = SotwSession::new(Settings::default());
/// session.handle_request(Moment::default(), SotwRequest::first(TypeUrl::CLUSTER, &[]))?;
/// # Ok::<(), chancery_protocol::Violation>(())
/// ```
#[derive(Debug)]
pub struct SotwSession {
    conversation: Conversation,
}

impl SotwSession {
    /// A new stream.
    pub fn new(settings: Settings) -> SotwSession {
        SotwSession { conversation: Conversation::new(settings, Variant::Sotw) }
    }

    /// The first request of a type, or one that starts over in mid-stream.
    fn begin(&mut self, now: Moment, at: usize, request: SotwRequest) {
        let channel = &mut self.conversation.channels[at];
        channel.standing = Standing::new(Inherited {
            at: request.version.map(|_| now),
            version: request.version,
            versions: Brought::default(),
        });
        channel.recalls_names = true;
        let change =
            channel.interest.begin_sotw(&request.type_url, request.names, &self.conversation.settings.name_pool);
        self.conversation.subscribed(at, change);
    }

    /// Takes in what became of a response; whether the request speaks of the last one.
    fn heed(&mut self, now: Moment, at: usize, reply: Reply) -> bool {
        let nonce = match reply {
            Reply::None | Reply::Foreign => return false,
            Reply::Ack(nonce) => {
                self.conversation.accepted(now, at, nonce);
                nonce
            }
            Reply::Nack(nonce, refusal) => {
                self.conversation.refused(now, at, nonce, refusal);
                nonce
            }
        };
        self.conversation.channels[at].ledger.is_last(nonce)
    }

    fn answer<V: View>(&mut self, now: Moment, view: &V, at: usize) -> Option<SotwResponse> {
        let channel = &self.conversation.channels[at];
        view.epoch(&channel.type_url)?;
        let whole_due = channel.standing.whole_due();
        let full_state = channel.type_url.traits().full_state;
        if whole_due && !channel.may_answer() {
            return None;
        }
        let sayings = self.conversation.sayings(now, view, at, None);
        let said = if full_state { self.worth_a_response(at, sayings) } else { self.expressible(now, at, sayings) };
        if said.is_empty() && !whole_due {
            return self.heartbeat(now, view, at);
        }
        Some(if full_state || whole_due {
            self.respond_whole(now, view, at, said, whole_due)
        } else {
            self.respond_partly(now, view, at, said)
        })
    }

    /// A set is sent again when it changes for the peer, or when a name that exists was asked for.
    fn worth_a_response(&mut self, at: usize, sayings: Vec<Saying>) -> Vec<Saying> {
        let standing = &mut self.conversation.channels[at].standing;
        let mut worth = Vec::with_capacity(sayings.len());
        for saying in sayings {
            // A name the last response held, and the peer refused, may still stand for something older.
            let held = standing
                .exceptions
                .get(&saying.name)
                .map(|exception| !matches!(exception.told, Told::Lacks) || exception.refused != Refused::No);
            if saying.content.is_some() || held == Some(true) {
                worth.push(saying);
            } else {
                // Nothing exists and nothing was there: silence, and the name is remembered by the interest.
                standing.exceptions.remove(&saying.name);
            }
        }
        worth
    }

    /// Removals cannot be said in a partial response. What the peer holds still counts for what it names, until the
    /// peer gives the name up or the wait for that is over.
    fn expressible(&mut self, now: Moment, at: usize, sayings: Vec<Saying>) -> Vec<Saying> {
        let patience = self.conversation.settings.dependency_patience;
        let standing = &mut self.conversation.channels[at].standing;
        let mut expressible: Vec<Saying> = Vec::with_capacity(sayings.len());
        let mut wake = None;
        for saying in sayings {
            if saying.content.is_some() {
                if expressible.first().is_none_or(|first| first.batch == saying.batch) {
                    expressible.push(saying);
                }
                continue;
            }
            standing.exceptions.owe_no_longer(&saying.name);
            let Some(exception) = standing.exceptions.get(&saying.name) else { continue };
            let end = exception.since + patience;
            if matches!(exception.told, Told::Lacks) || now >= end {
                standing.exceptions.remove(&saying.name);
            } else {
                wake = Some(end);
            }
        }
        if let Some(end) = wake {
            self.conversation.wake_at(end);
        }
        expressible
    }

    fn respond_partly<V: View>(&mut self, now: Moment, view: &V, at: usize, said: Vec<Saying>) -> SotwResponse {
        let nonce = self.conversation.sent(now, view, at, &said, false);
        let channel = &self.conversation.channels[at];
        let type_url = channel.type_url.clone();
        let digest = if channel.interest.is_wildcard() { view.digest(&type_url) } else { channel.standing.desired };
        let listed = said
            .into_iter()
            .filter_map(|saying| saying.content)
            .map(|resource| (resource.name().clone(), Some(resource)))
            .collect();
        self.finish(type_url, digest.version(), nonce, Payload { base: Base::Nothing, listed }, Dress::Full)
    }

    /// Everything the peer is to hold: what may be said now as it is now, the rest as the peer has it.
    fn respond_whole<V: View>(
        &mut self,
        now: Moment,
        view: &V,
        at: usize,
        said: Vec<Saying>,
        whole_due: bool,
    ) -> SotwResponse {
        let channel = &self.conversation.channels[at];
        let type_url = channel.type_url.clone();
        let wildcard = channel.interest.is_wildcard();
        let mut digest = if wildcard { view.digest(&type_url) } else { Digest::EMPTY };
        let mut listed: BTreeMap<ResourceName, Option<Resource>> = BTreeMap::new();
        if !wildcard {
            for resource in channel.interest.names().filter_map(|name| channel.interest.desired(view, &type_url, name))
            {
                digest.add(resource.digest());
                listed.insert(resource.name().clone(), Some(resource.clone()));
            }
        }
        for (name, held) in self.held_back(at, &said) {
            let in_view = channel.interest.desired(view, &type_url, &name);
            if let Some(resource) = in_view {
                digest.subtract(resource.digest());
            }
            if let Some(resource) = &held {
                digest.add(resource.digest());
            }
            listed.insert(name, held);
        }
        if wildcard {
            for resource in channel.interest.names().filter_map(|name| channel.interest.desired(view, &type_url, name))
            {
                if resource.on_demand() && !listed.contains_key(resource.name()) {
                    digest.add(resource.digest());
                    listed.insert(resource.name().clone(), Some(resource.clone()));
                }
            }
        }
        let base = if wildcard { Base::Wildcard } else { Base::Nothing };
        let whole = wildcard && (whole_due || !channel.standing.anchored());
        let nonce = self.conversation.sent(now, view, at, &said, whole);
        let payload = Payload { base, listed: listed.into_iter().collect() };
        self.finish(type_url, digest.version(), nonce, payload, Dress::Full)
    }

    /// Names that keep the content the peer has: they wait for something, or it refused what they have become.
    fn held_back(&self, at: usize, said: &[Saying]) -> Vec<(ResourceName, Option<Resource>)> {
        let standing = &self.conversation.channels[at].standing;
        let mut held_back = Vec::new();
        for (name, exception) in standing.exceptions.iter() {
            if said.binary_search_by(|saying| saying.name.cmp(name)).is_ok() {
                continue;
            }
            let kept = match (&exception.sent, &exception.refused, exception.need()) {
                (Some(sent), _, _) => sent.content.clone(),
                (None, Refused::Among(_), Need::Waiting) => continue,
                (None, _, Need::Settled) => continue,
                (None, ..) => match &exception.told {
                    Told::Holds(resource) => Some(resource.clone()),
                    // Of clusters and listeners the peer applied the good part, so most likely the newest.
                    Told::Unsure(candidates) => candidates.last().cloned(),
                    Told::Lacks | Told::Version(_) => None,
                },
            };
            held_back.push((name.clone(), kept));
        }
        held_back
    }

    fn heartbeat<V: View>(&mut self, now: Moment, view: &V, at: usize) -> Option<SotwResponse> {
        let due = self.conversation.heartbeats(now, at);
        if due.is_empty() {
            return None;
        }
        let channel = &self.conversation.channels[at];
        let type_url = channel.type_url.clone();
        let digest = if channel.interest.is_wildcard() { view.digest(&type_url) } else { channel.standing.desired };
        let nonce = self.conversation.sent_heartbeat(now, view, at, &due);
        let (listed, _) = heartbeat_payload(view, &type_url, due);
        Some(self.finish(type_url, digest.version(), nonce, Payload { base: Base::Nothing, listed }, Dress::Heartbeat))
    }

    fn finish(
        &self,
        type_url: TypeUrl,
        version: Version,
        nonce: Nonce,
        payload: Payload,
        dress: Dress,
    ) -> SotwResponse {
        let mut content = Digest::EMPTY;
        content.mix(if dress == Dress::Full { 11 } else { 12 });
        mix_text(&mut content, version.as_str());
        content.mix(if payload.base == Base::Wildcard { 13 } else { 14 });
        for (name, resource) in &payload.listed {
            match resource {
                Some(resource) => {
                    mix_digest(&mut content, resource.digest());
                    content.mix(resource.ttl().map_or(0, |ttl| 1 + ttl.as_nanos() as u64));
                }
                None => mix_text(&mut content, name.as_str()),
            }
        }
        let capabilities = self.conversation.settings.capabilities;
        SotwResponse { type_url, version, nonce, payload, dress, capabilities, content }
    }
}

impl Session for SotwSession {
    type Request = SotwRequest;
    type Response = SotwResponse;

    fn handle_request(&mut self, now: Moment, mut request: SotwRequest) -> Result<(), Violation> {
        if request.type_url.traits().delta_only {
            return Err(Violation::DeltaOnly(request.type_url.as_str().into()));
        }
        let (at, first) = self.conversation.channel(&request.type_url)?;
        self.conversation.check_replacement(at, &request.names)?;
        if first {
            self.begin(now, at, request);
            return Ok(());
        }
        let reply = core::mem::replace(&mut request.reply, Reply::None);
        if reply == Reply::None && self.conversation.channels[at].ledger.unanswered() == 0 {
            self.begin(now, at, request);
            return Ok(());
        }
        let is_current = self.heed(now, at, reply);
        let channel = &mut self.conversation.channels[at];
        channel.recalls_names = is_current;
        let change = match is_current {
            true => channel.interest.replace(request.names, &self.conversation.settings.name_pool),
            false => channel.interest.give_up_unnamed(&request.names),
        };
        if !is_current {
            self.conversation.stale(&request.type_url);
        }
        self.conversation.subscribed(at, change);
        Ok(())
    }

    fn recalls_names(&self, type_url: &TypeUrl) -> bool {
        self.conversation.find(type_url).is_some_and(|at| self.conversation.channels[at].recalls_names)
    }

    fn handle_reply(&mut self, now: Moment, type_url: &TypeUrl, reply: Reply) -> Result<(), Violation> {
        let Some(at) = self.conversation.find(type_url) else { return Ok(()) };
        // The names are what they are, and a request that is late gives none of them up.
        if !self.heed(now, at, reply) {
            self.conversation.stale(type_url);
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Moment) {
        self.conversation.handle_timeout(now);
    }

    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<SotwResponse> {
        self.conversation.compare(now, view);
        (0..self.conversation.channels.len()).find_map(|at| self.answer(now, view, at))
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
