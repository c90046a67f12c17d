//! What is kept of the work: the translation and the statuses, for one who writes and many who read.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use chancery_translator::api::{ObjectId, Status};
use chancery_translator::{Options, Translator};

/// The translation, and what is said of each object with the time it was said.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) translator: Translator,
    pub(crate) statuses: BTreeMap<ObjectId, Status>,
}

/// A state that is shared. The conductor changes it for as long as an update takes; who reads it holds it for as long.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<RwLock<State>>);

impl Default for Shared {
    fn default() -> Shared {
        Shared::new(Options::default())
    }
}

impl Shared {
    pub(super) fn new(options: Options) -> Shared {
        Shared(Arc::new(RwLock::new(State { translator: Translator::new(options), statuses: BTreeMap::new() })))
    }

    /// Looks at it.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
