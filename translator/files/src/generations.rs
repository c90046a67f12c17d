//! The generation of objects whose files do not say it: it grows with every change of what they specify.

use std::collections::BTreeMap;

use blake3::Hash;
use chancery_translator::api::ObjectId;

use crate::candidate::Candidacy;

/// The generations assigned so far, also to objects that are gone: one that comes back is not taken for what it was.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    assigned: BTreeMap<ObjectId, (Hash, i64)>,
}

impl Generations {
    /// The generation the object has, or gets when it is served.
    pub(crate) fn of(&self, candidacy: &Candidacy) -> i64 {
        candidacy.generation.unwrap_or_else(|| match self.assigned.get(&candidacy.id) {
            Some((digest, generation)) if *digest == candidacy.digest => *generation,
            Some((_, generation)) => generation + 1,
            None => 1,
        })
    }

    /// Takes note that the object is served in this generation.
    pub(crate) fn settle(&mut self, candidacy: &Candidacy, generation: i64) {
        self.assigned.insert(candidacy.id.clone(), (candidacy.digest, generation));
    }
}
