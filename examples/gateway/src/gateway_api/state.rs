//! What is kept of the work: the files, the translation and the statuses, for one who writes and many who read.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use chancery_translator::api::{ObjectId, Status};
use chancery_translator::{Options, Translator};

use super::source::Seen;

/// What the files hold, the translation, and what is said of each object with the time it was said.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) seen: Seen,
    pub(crate) translator: Translator,
    pub(crate) statuses: BTreeMap<ObjectId, Status>,
}

impl State {
    /// What is wrong with the files and the objects in them, with file and line.
    pub(crate) fn problems(&self) -> Vec<String> {
        let of_objects = self.translator.problems();
        let of_objects = of_objects.iter().map(|problem| self.seen.told(problem));
        self.seen.problems.iter().cloned().chain(of_objects).collect()
    }
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
        let (seen, translator) = (Seen::default(), Translator::new(options));
        Shared(Arc::new(RwLock::new(State { seen, translator, statuses: BTreeMap::new() })))
    }

    /// Looks at it.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
