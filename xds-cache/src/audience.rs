//! Which streams of a group a commit concerns: those that asked for what it changes. The others are not woken.
//!
//! Streams that want the same names share one set of them, and are found through it: a commit asks each set of names once, and not
//! each stream.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_protocol::{Event, NameSet, Names, TypeUrl};

use crate::collection::Touch;
use crate::delivery::Seat;
use crate::layer::{Layer, Step};

/// Streams, by the number of their seat.
type Streams = HashMap<u64, Arc<Seat>>;

/// The streams of one group, and what they want.
#[derive(Default)]
pub(crate) struct Audience(Mutex<Wants>);

#[derive(Default)]
struct Wants {
    /// Streams that have not said yet what they want: anything may concern them.
    unknown: Streams,
    by_type: HashMap<TypeUrl, OfType>,
}

/// Who wants something of one type.
#[derive(Default)]
struct OfType {
    /// Everything, or what cannot be told from names alone.
    anything: Streams,
    /// Exactly the names of a set that others may share; by the fingerprint of the set.
    shared: HashMap<u64, Vec<(Names, Streams)>>,
    /// Names of their own.
    apart: HashMap<u64, (NameSet, Arc<Seat>)>,
    /// How many changes of the type there were since all its streams were woken: those that sleep must not fall out of the history.
    unseen: usize,
    /// Under which fingerprint streams are in `shared`.
    fingerprints: HashMap<u64, u64>,
}

/// What a commit changes of one type.
pub(crate) enum Changed<'a> {
    /// These names.
    Names(&'a [Touch]),
    /// Names that are not at hand.
    Some,
}

/// So many changes of a type wake all its streams, whatever they asked for. Half of what the shortest history remembers.
const MOST_UNSEEN: usize = 512;

impl Changed<'_> {
    fn count(&self) -> usize {
        match self {
            Changed::Names(touches) => touches.len(),
            Changed::Some => 1,
        }
    }
}

impl Audience {
    fn wants(&self) -> MutexGuard<'_, Wants> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, seat: Arc<Seat>) {
        self.wants().unknown.insert(seat.number, seat);
    }

    pub(crate) fn leave(&self, seat: &Seat) {
        let mut wants = self.wants();
        wants.unknown.remove(&seat.number);
        wants.by_type.retain(|_, of_type| {
            of_type.forget(seat.number);
            !of_type.is_empty()
        });
    }

    /// Takes note of what a stream wants.
    pub(crate) fn hear(&self, event: &Event, seat: &Arc<Seat>) {
        let Event::Subscribed { type_url, wildcard, names, .. } = event else { return };
        let mut wants = self.wants();
        wants.unknown.remove(&seat.number);
        let of_type = wants.by_type.entry(type_url.clone()).or_default();
        of_type.forget(seat.number);
        of_type.note(seat, *wildcard || type_url.traits().collected || names.has_globs(), names);
    }

    /// Wakes the streams that a commit of these changes concerns.
    pub(crate) fn wake<'a>(&self, changes: impl Iterator<Item = (&'a TypeUrl, Changed<'a>)>) {
        let mut wants = self.wants();
        wants.unknown.values().for_each(|seat| seat.bell.raise());
        for (type_url, changed) in changes {
            let Some(of_type) = wants.by_type.get_mut(type_url) else { continue };
            of_type.unseen += changed.count();
            let changed = if of_type.unseen < MOST_UNSEEN { changed } else { Changed::Some };
            if let Changed::Some = changed {
                of_type.unseen = 0;
            }
            of_type.wake(&changed);
        }
    }

    /// Wakes every stream.
    pub(crate) fn wake_all(&self) {
        self.each(|seat| seat.bell.raise());
    }

    /// Tells every stream that nothing newer will come.
    pub(crate) fn close(&self) {
        self.each(|seat| seat.bell.close());
    }

    fn each(&self, visit: impl Fn(&Seat)) {
        let wants = self.wants();
        let mut seen: HashSet<u64> = HashSet::new();
        for (number, seat) in wants.unknown.iter().chain(wants.by_type.values().flat_map(OfType::streams)) {
            if seen.insert(*number) {
                visit(seat);
            }
        }
    }
}

impl OfType {
    fn note(&mut self, seat: &Arc<Seat>, anything: bool, names: &NameSet) {
        if anything {
            self.anything.insert(seat.number, seat.clone());
            return;
        }
        let Some(names) = names.whole() else {
            self.apart.insert(seat.number, (names.clone(), seat.clone()));
            return;
        };
        self.fingerprints.insert(seat.number, names.fingerprint());
        let alike = self.shared.entry(names.fingerprint()).or_default();
        match alike.iter_mut().find(|(known, _)| known.is(names)) {
            Some((_, streams)) => drop(streams.insert(seat.number, seat.clone())),
            None => alike.push((names.clone(), Streams::from([(seat.number, seat.clone())]))),
        }
    }

    fn forget(&mut self, number: u64) {
        self.anything.remove(&number);
        self.apart.remove(&number);
        let Some(fingerprint) = self.fingerprints.remove(&number) else { return };
        let Some(alike) = self.shared.get_mut(&fingerprint) else { return };
        alike.retain_mut(|(_, streams)| {
            streams.remove(&number);
            !streams.is_empty()
        });
        if alike.is_empty() {
            self.shared.remove(&fingerprint);
        }
    }

    fn is_empty(&self) -> bool {
        self.anything.is_empty() && self.shared.is_empty() && self.apart.is_empty()
    }

    fn streams(&self) -> impl Iterator<Item = (&u64, &Arc<Seat>)> {
        let shared = self.shared.values().flatten().flat_map(|(_, streams)| streams);
        let apart = self.apart.iter().map(|(number, (_, seat))| (number, seat));
        self.anything.iter().chain(shared).chain(apart)
    }

    fn wake(&self, changed: &Changed<'_>) {
        let Changed::Names(touches) = changed else {
            return self.streams().for_each(|(_, seat)| seat.bell.raise());
        };
        self.anything.values().for_each(|seat| seat.bell.raise());
        for (names, streams) in self.shared.values().flatten() {
            if concerns(touches, names.len(), |name| names.contains(name)) {
                streams.values().for_each(|seat| seat.bell.raise());
            }
        }
        for (names, seat) in self.apart.values() {
            if concerns(touches, names.len(), |name| names.contains(name)) {
                seat.bell.raise();
            }
        }
    }
}

/// Whether one of the names is among these, or may be: to find out must not cost more than to be woken in vain.
fn concerns(touches: &[Touch], wanted: usize, wants: impl Fn(&chancery_protocol::ResourceName) -> bool) -> bool {
    const MOST_ASKED: usize = 64;
    if wanted == 0 {
        return false;
    }
    touches.len() > MOST_ASKED
        || touches
            .iter()
            .filter(|touch| touch.is_change())
            .any(|touch| wants(&touch.name) || touch.aliases().any(&wants))
}

/// What a step of one layer changes of each type, `hidden` types apart. What it lays over, or uncovers, may have other aliases.
pub(crate) fn changes_of<'a>(
    step: &'a Step,
    beneath: &Layer,
    hidden: impl Fn(&TypeUrl) -> bool,
) -> impl Iterator<Item = (&'a TypeUrl, Changed<'a>)> {
    let visible = step.iter().filter(move |(type_url, _)| !hidden(type_url));
    visible.map(|(type_url, touches)| {
        let has_aliases =
            |touch: &Touch| beneath.get(type_url, &touch.name).is_some_and(|under| !under.aliases().is_empty());
        (type_url, if touches.iter().any(has_aliases) { Changed::Some } else { Changed::Names(touches) })
    })
}
