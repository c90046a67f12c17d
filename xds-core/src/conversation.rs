//! What a stream's task knows between two events: the session, its newest view, and when something must happen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chancery_protocol::{Event, Grant, Moment, Peer, ResourceName, Session, Source, TypeUrl, Violation, Watch};
use tokio::time::Instant;

use crate::End;
use crate::bucket::Bucket;
use crate::budget::Draw;
use crate::frame::Message;
use crate::metrics::{self, Exchanges};
use crate::outlet::Outlet;
use crate::shared::Shared;
use crate::variant::Variant;
use crate::wire::Decoded;

/// How many names with unsupported parameters are remembered per stream until they can be answered.
const MOST_UNSUPPORTED: usize = 1_000;

/// The shortest wait for a timer: a session that names a moment in the past must not spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Longer than any stream lives.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Whether the session may have something to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Something happened since it was asked last.
    Unknown,
    /// It was asked, and had nothing.
    Quiet,
}

/// A stream's state while it is open. Nothing in here waits.
pub(crate) struct Conversation<'s, S: Source, A, E, Q> {
    pub(crate) peer: Arc<Peer>,
    pub(crate) watch: S::Watch,
    pub(crate) outlook: Outlook,
    shared: &'s Shared<S, A, E>,
    session: Q,
    /// Whether the source has something to show. The view itself is not kept: a stream that sleeps would keep what was.
    is_ready: bool,
    grant: Grant,
    grant_expires_at: Option<Instant>,
    opened_at: Instant,
    now: Instant,
    /// The same, as the session knows it.
    moment: Moment,
    requests: Bucket,
    names: Draw,
    unsupported: BTreeMap<TypeUrl, Vec<ResourceName>>,
    /// Chunks taken when the transport last made progress, and when that was.
    progress: (u64, Instant),
    /// Since when the transport has not asked for more.
    asking: bool,
    /// Since when a request has begun and is not complete.
    midway_since: Option<Instant>,
    /// The types asked for so far: at most `max_types`, and one that is one too many.
    types: Vec<(TypeUrl, Exchanges)>,
    /// Whether one of them was asked for the first time since somebody asked.
    begins_anew: bool,
}

impl<'s, S: Source, A, E, Q: Session> Conversation<'s, S, A, E, Q> {
    pub(crate) fn new(shared: &'s Shared<S, A, E>, session: Q, peer: Arc<Peer>, grant: Grant, watch: S::Watch) -> Self {
        let now = Instant::now();
        Conversation {
            peer,
            watch,
            outlook: Outlook::Unknown,
            session,
            is_ready: false,
            grant_expires_at: grant.expires_after.map(|after| now + after.min(FAR)),
            grant,
            opened_at: now,
            now,
            moment: shared.moment(now),
            requests: Bucket::full(shared.limits.requests_per_stream, now),
            names: shared.names.draw(),
            unsupported: BTreeMap::new(),
            progress: (0, now),
            asking: false,
            midway_since: None,
            types: Vec::new(),
            begins_anew: false,
            shared,
        }
    }

    /// Takes in a request.
    pub(crate) fn take_in<V>(&mut self, decoded: Decoded<Q::Request>) -> Result<(), End>
    where
        V: Variant<Request = Q::Request>,
    {
        self.note_time();
        let Decoded { request, unsupported, repeats, .. } = decoded;
        // Only a request that was allowed to be read comes here; the bucket just counts it.
        let _ = self.requests.take(self.now);
        let type_url = V::asked(&request).clone();
        if self.exchanges(&type_url).is_none() {
            self.types.push((type_url.clone(), Exchanges::of(&type_url)));
            self.begins_anew = true;
        }
        self.exchanges(&type_url).inspect(|exchanges| exchanges.requested());
        if !self.grant.allows(&type_url) {
            return Err(Violation::NotGranted(type_url.as_str().into()).into());
        }
        match repeats {
            true => self.session.handle_reply(self.moment, &type_url, V::reply(request)),
            false => self.session.handle_request(self.moment, request),
        }?;
        if !self.session.is_quiet() || !unsupported.is_empty() {
            self.outlook = Outlook::Unknown;
        }
        if !unsupported.is_empty() {
            metrics::unsupported(&type_url, unsupported.len());
            let remembered: usize = self.unsupported.values().map(Vec::len).sum();
            let room = MOST_UNSUPPORTED.saturating_sub(remembered);
            self.unsupported.entry(type_url).or_default().extend(unsupported.into_iter().take(room));
        }
        Ok(())
    }

    /// Whether the session recalls what names the last request of this type listed.
    pub(crate) fn recalls_names(&self, type_url: &TypeUrl) -> bool {
        self.session.recalls_names(type_url)
    }

    /// Takes note of the time: whoever slept since the last look around woke at another.
    fn note_time(&mut self) {
        self.now = Instant::now();
        self.moment = self.shared.moment(self.now);
    }

    /// The same as [`send`](Self::send), for a stream that slept until there was room.
    pub(crate) fn send_now<V>(&mut self, outlet: &Outlet) -> Result<(), End>
    where
        V: Variant<Request = Q::Request, Response = Q::Response>,
    {
        self.note_time();
        self.send::<V>(outlet)
    }

    /// Derives the next response from the newest view, and hands it to the transport, which has room.
    fn send<V>(&mut self, outlet: &Outlet) -> Result<(), End>
    where
        V: Variant<Request = Q::Request, Response = Q::Response>,
    {
        let Some(view) = self.watch.latest() else {
            self.outlook = Outlook::Quiet;
            return Ok(());
        };
        let view = &*view;
        let Some(response) = self.session.poll_transmit(self.moment, view) else {
            self.outlook = Outlook::Quiet;
            return Ok(());
        };
        let type_url = V::answered(&response);
        let unsupported = self.unsupported.remove(type_url).unwrap_or_default();
        let Shared { bodies, identifier, .. } = self.shared;
        let body = V::shared_body(bodies, &response, view, &self.grant.class, identifier);
        let message = Message::assemble(&V::tail(&response, &unsupported), body);
        let message = message.ok_or_else(|| End::ResponseTooLarge(type_url.clone()))?;
        self.exchanges(type_url).inspect(|exchanges| exchanges.responded(message.len()));
        outlet.send(message);
        if self.session.is_quiet() {
            self.outlook = Outlook::Quiet;
        }
        Ok(())
    }

    /// The same for a stream that just woke, without waiting for room: if there is none, it is waited for as usual. The look
    /// around comes afterwards, as ever.
    pub(crate) fn send_at_once<V>(&mut self, outlet: &Outlet) -> Result<(), End>
    where
        V: Variant<Request = Q::Request, Response = Q::Response>,
    {
        self.catch_up(outlet);
        match self.may_send() && outlet.has_room() && !self.grant_has_expired() {
            true => self.send::<V>(outlet),
            false => Ok(()),
        }
    }

    /// Notes the time, tells the session, and whether the source has something to show and the transport has made progress by now.
    fn catch_up(&mut self, outlet: &Outlet) {
        self.note_time();
        if self.session.poll_timeout().is_some_and(|due| due <= self.moment) {
            self.session.handle_timeout(self.moment);
            self.outlook = Outlook::Unknown;
        }
        if !self.is_ready {
            self.is_ready = self.watch.latest().is_some();
        }
        let (taken, asking) = outlet.progress();
        if asking || taken != self.progress.0 {
            self.progress = (taken, self.now);
        }
        self.asking = asking;
    }

    /// Catches up, passes on what happened, and checks what may be overdue.
    pub(crate) fn look_around(&mut self, outlet: &Outlet, midway: bool) -> Result<(), End> {
        self.catch_up(outlet);
        self.pass_on_events()?;
        let limits = &self.shared.limits;
        if !self.is_ready && self.now >= self.opened_at + limits.ready_patience {
            return Err(End::NotReady);
        }
        if self.now >= self.progress.1 + limits.progress_patience {
            return Err(End::Stalled);
        }
        self.midway_since = if midway { self.midway_since.or(Some(self.now)) } else { None };
        if self.midway_since.is_some_and(|since| self.now >= since + limits.request_patience) {
            return Err(End::RequestOverdue);
        }
        Ok(())
    }

    /// When [`look_around`](Self::look_around) must come again, whatever happens.
    pub(crate) fn wake_at(&mut self) -> Instant {
        let limits = &self.shared.limits;
        let session = self.session.poll_timeout().map(|due| self.shared.instant(due));
        let ready = (!self.is_ready).then(|| self.opened_at + limits.ready_patience);
        let progress = (!self.asking).then(|| self.progress.1 + limits.progress_patience);
        let request = self.midway_since.map(|since| since + limits.request_patience);
        let token = self.requests.wait(self.now).err().map(|wait| self.now + wait);
        let due = [session, ready, progress, request, token, self.grant_expires_at].into_iter().flatten().min();
        due.unwrap_or(self.now + FAR).max(self.now + SHORTEST_WAIT)
    }

    /// Whether the next request may be read: the stream has not used up its rate.
    pub(crate) fn may_read(&mut self) -> bool {
        self.requests.wait(self.now).is_ok()
    }

    /// Whether it makes sense to wait for room.
    pub(crate) fn may_send(&self) -> bool {
        self.outlook == Outlook::Unknown && self.is_ready
    }

    /// Whether news from the source would make a difference: the newest view is read before each response anyway.
    pub(crate) fn awaits_change(&self) -> bool {
        self.outlook == Outlook::Quiet || !self.is_ready
    }

    /// Whether a type was asked for the first time since this was called last.
    pub(crate) fn begins_anew(&mut self) -> bool {
        std::mem::take(&mut self.begins_anew)
    }

    /// Whether the peer has been told, and has accepted, all there is for it at the moment.
    pub(crate) fn is_settled(&self) -> bool {
        self.outlook == Outlook::Quiet && self.session.is_settled()
    }

    pub(crate) fn grant_has_expired(&self) -> bool {
        self.grant_expires_at.is_some_and(|at| self.now >= at)
    }

    /// Goes on under a new grant. A view is a function of the grant, so another one needs another stream.
    pub(crate) fn renew(&mut self, grant: Grant) -> Result<(), End> {
        if grant.class != self.grant.class || grant.types != self.grant.types {
            return Err(End::GrantChanged);
        }
        let now = Instant::now();
        self.grant_expires_at = grant.expires_after.map(|after| now + after.clamp(SHORTEST_WAIT, FAR));
        self.grant = grant;
        Ok(())
    }

    fn exchanges(&self, type_url: &TypeUrl) -> Option<&Exchanges> {
        self.types.iter().find(|(known, _)| known == type_url).map(|(_, exchanges)| exchanges)
    }

    fn pass_on_events(&mut self) -> Result<(), End> {
        while let Some(event) = self.session.poll_event() {
            match &event {
                Event::Acked { type_url, .. } => {
                    self.exchanges(type_url).inspect(|exchanges| exchanges.acknowledged());
                }
                other => metrics::happened(other),
            }
            self.watch.progressed(&event);
            self.shared.observer.happened(&self.peer, &event);
            match event {
                Event::Unsynced { type_url } => return Err(End::Unsynced(type_url)),
                Event::HistoryLost { type_url } => return Err(End::HistoryLost(type_url)),
                Event::Subscribed { added, removed, .. } => {
                    let names = (self.names.amount() + added.len()).saturating_sub(removed.len());
                    let limit = self.names.limit();
                    let exhausted = |_| End::BudgetExhausted { budget: "subscribed_names", limit };
                    self.names.set(names).map_err(exhausted)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
