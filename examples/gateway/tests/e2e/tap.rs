//! Hears everything that passes through a server: requests, the resources in its responses, refusals.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_core::{Observer, Sessions};
use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, Event, Moment, Peer, ResourceName, Session, Settings, SotwRequest,
    SotwResponse, SotwSession, TypeUrl, View, Violation,
};

/// Something that passed.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    Opened,
    Request { type_url: TypeUrl },
    Response { type_url: TypeUrl, names: Vec<String>, removed: Vec<String> },
    Refused { type_url: TypeUrl, culprits: Vec<String>, text: String },
}

/// What one server's streams carried, in order. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Vec<Record>>>);

impl Tap {
    pub(crate) fn records(&self) -> Vec<Record> {
        self.lock().clone()
    }

    /// How many there are: a place to look from with [`Tap::since`].
    pub(crate) fn mark(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn since(&self, mark: usize) -> Vec<Record> {
        self.lock().get(mark..).unwrap_or_default().to_vec()
    }

    pub(crate) fn requests_since(&self, mark: usize) -> usize {
        self.since(mark).iter().filter(|record| matches!(record, Record::Request { .. })).count()
    }

    /// The names of the resources, and of the removals, in responses since then: `cds blue`, `cds -blue`.
    pub(crate) fn sent_since(&self, mark: usize) -> Vec<String> {
        let mut sent = Vec::new();
        for record in self.since(mark) {
            if let Record::Response { type_url, names, removed } = record {
                let kind = type_url.short().unwrap_or("other");
                sent.extend(names.iter().map(|name| format!("{kind} {name}")));
                sent.extend(removed.iter().map(|name| format!("{kind} -{name}")));
            }
        }
        sent
    }

    /// Whether a type was asked for since then.
    pub(crate) fn asked_since(&self, mark: usize, wanted: &TypeUrl) -> bool {
        self.since(mark).iter().any(|record| matches!(record, Record::Request { type_url } if type_url == wanted))
    }

    fn hear(&self, record: Record) {
        self.lock().push(record);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Tap {
    fn opened(&self, _: &Peer) {
        self.hear(Record::Opened);
    }

    fn happened(&self, _: &Peer, event: &Event) {
        if let Event::Nacked { type_url, refusal, culprits, .. } = event {
            let culprits = culprits.iter().map(ToString::to_string).collect();
            self.hear(Record::Refused { type_url: type_url.clone(), culprits, text: refusal.message.to_string() });
        }
    }
}

impl Sessions for Tap {
    type Sotw = Tapped<SotwSession>;
    type Delta = Tapped<DeltaSession>;

    fn sotw(&self, settings: Settings) -> Self::Sotw {
        Tapped { session: SotwSession::new(settings), tap: self.clone() }
    }

    fn delta(&self, settings: Settings) -> Self::Delta {
        Tapped { session: DeltaSession::new(settings), tap: self.clone() }
    }
}

/// A session that is listened to.
pub(crate) struct Tapped<S> {
    session: S,
    tap: Tap,
}

trait Typed {
    fn type_url(&self) -> &TypeUrl;
}

trait Filled {
    fn record<V: View>(&self, view: &V) -> Record;
}

impl Typed for SotwRequest {
    fn type_url(&self) -> &TypeUrl {
        &self.type_url
    }
}

impl Typed for DeltaRequest {
    fn type_url(&self) -> &TypeUrl {
        &self.type_url
    }
}

impl Filled for SotwResponse {
    fn record<V: View>(&self, view: &V) -> Record {
        let names = self.payload.resources(&self.type_url, view).map(|resource| resource.name().to_string()).collect();
        Record::Response { type_url: self.type_url.clone(), names, removed: Vec::new() }
    }
}

impl Filled for DeltaResponse {
    fn record<V: View>(&self, view: &V) -> Record {
        let names = self.payload.resources(&self.type_url, view).map(|resource| resource.name().to_string()).collect();
        let removed = self.removed.iter().map(ResourceName::to_string).collect();
        Record::Response { type_url: self.type_url.clone(), names, removed }
    }
}

impl<S> Session for Tapped<S>
where
    S: Session,
    S::Request: Typed,
    S::Response: Filled,
{
    type Request = S::Request;
    type Response = S::Response;

    fn handle_request(&mut self, now: Moment, request: S::Request) -> Result<(), Violation> {
        self.tap.hear(Record::Request { type_url: request.type_url().clone() });
        self.session.handle_request(now, request)
    }

    fn handle_timeout(&mut self, now: Moment) {
        self.session.handle_timeout(now);
    }

    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<S::Response> {
        let response = self.session.poll_transmit(now, view)?;
        self.tap.hear(response.record(view));
        Some(response)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.session.poll_timeout()
    }
}
