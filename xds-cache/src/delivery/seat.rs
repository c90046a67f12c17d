//! One stream, as the delivery reports know it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_protocol::{Epoch, Event, Identity, Peer, ResourceName, TypeUrl};

use crate::GroupKey;
use crate::bell::Bell;
use crate::delivery::progress::TypeProgress;
use crate::delivery::report::{Delivery, Reached, StreamDelivery};
use crate::snapshot::GroupView;

pub(crate) struct Seat {
    /// Unique in the cache, whatever the peers are numbered.
    pub(crate) number: u64,
    pub(crate) stream: u64,
    /// Rung when there is something newer for the stream.
    pub(crate) bell: Bell,
    node: String,
    identity: Identity,
    types: Mutex<Types>,
}

/// The types a stream asks for, in order. They are few, and each is large.
#[derive(Default)]
struct Types(Vec<TypeProgress>);

impl Types {
    fn place(&self, type_url: &TypeUrl) -> Result<usize, usize> {
        self.0.binary_search_by(|progress| progress.type_url().cmp(type_url))
    }

    fn get(&self, type_url: &TypeUrl) -> Option<&TypeProgress> {
        self.place(type_url).ok().and_then(|at| self.0.get(at))
    }

    /// Those of this type, from now on if there was nothing of it.
    fn get_or_begin(&mut self, type_url: &TypeUrl) -> &mut TypeProgress {
        let at = self.place(type_url).unwrap_or_else(|at| {
            self.0.reserve_exact(1);
            self.0.insert(at, TypeProgress::new(type_url.clone()));
            at
        });
        &mut self.0[at]
    }
}

impl Seat {
    pub(crate) fn new(number: u64, peer: &Peer) -> Seat {
        let Peer { stream, identity, node } = peer;
        Seat {
            number,
            stream: *stream,
            bell: Bell::default(),
            node: node.id.clone(),
            identity: identity.clone(),
            types: Mutex::default(),
        }
    }

    fn types(&self) -> MutexGuard<'_, Types> {
        self.types.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what happened. Says whether it is of interest here.
    pub(crate) fn hear(&self, event: &Event, view: impl FnOnce() -> Option<Arc<GroupView>>) -> bool {
        let (Event::Subscribed { type_url, .. }
        | Event::Held { type_url, .. }
        | Event::Sent { type_url, .. }
        | Event::Acked { type_url, .. }
        | Event::Nacked { type_url, .. }) = event
        else {
            return false;
        };
        let is_answer = matches!(event, Event::Acked { .. } | Event::Nacked { .. });
        let view = if is_answer { view() } else { None };
        let mut types = self.types();
        types.get_or_begin(type_url).hear(event, view.as_deref());
        true
    }

    /// Whether of a type it keeps this set of names, no copy of it, and no exceptions.
    #[cfg(test)]
    pub(crate) fn keeps(&self, type_url: &TypeUrl, names: &chancery_protocol::NameSet) -> bool {
        self.types().get(type_url).is_some_and(|progress| progress.keeps(names))
    }

    pub(crate) fn status(&self, view: Option<&GroupView>, type_url: &TypeUrl, name: &ResourceName) -> Delivery {
        let Some(view) = view else { return Delivery::Unknown };
        self.types().get(type_url).map_or(Delivery::Unknown, |progress| progress.status(view, name))
    }

    pub(crate) fn report(&self, group: &GroupKey, view: Option<&GroupView>) -> StreamDelivery {
        let types = self.types();
        StreamDelivery {
            stream: self.stream,
            node: self.node.clone(),
            identity: self.identity.clone(),
            group: group.clone(),
            types: view.map(|view| types.0.iter().map(|progress| progress.report(view)).collect()).unwrap_or_default(),
        }
    }

    pub(crate) fn reached(&self, view: Option<&GroupView>, epochs: &BTreeMap<TypeUrl, Epoch>) -> Reached {
        let Some(view) = view else { return Reached::Pending };
        let types = self.types();
        // A type the stream never asked for does not hold it back; a stream that asked for nothing holds nothing.
        if types.0.is_empty() {
            return Reached::Pending;
        }
        let asked = epochs.iter().filter_map(|(type_url, epoch)| Some((types.get(type_url)?, epoch)));
        asked.map(|(progress, epoch)| progress.reached(view, *epoch)).max().unwrap_or(Reached::Live)
    }
}
