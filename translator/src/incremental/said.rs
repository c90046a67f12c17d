//! What is said of objects, and what of that is new.

use std::collections::BTreeMap;

use crate::api::{ObjectId, Status};
use crate::translation::Problem;

/// What is new of what is said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) statuses: BTreeMap<ObjectId, Option<Status>>,
    pub(super) problems: BTreeMap<ObjectId, Vec<Problem>>,
}

impl Said {
    /// Gives an object a status, or takes it away.
    pub(super) fn say(&mut self, all: &mut BTreeMap<ObjectId, Status>, id: &ObjectId, status: Option<Status>) {
        if all.get(id) == status.as_ref() {
            return;
        }
        match &status {
            Some(status) => drop(all.insert(id.clone(), status.clone())),
            None => drop(all.remove(id)),
        }
        self.statuses.insert(id.clone(), status);
    }

    /// Says what is wrong with an object, in place of what was said of it.
    pub(super) fn complain(
        &mut self,
        all: &mut BTreeMap<ObjectId, Vec<Problem>>,
        id: &ObjectId,
        problems: Vec<Problem>,
    ) {
        if all.get(id).map_or(&[][..], Vec::as_slice) == problems {
            return;
        }
        match problems.is_empty() {
            true => drop(all.remove(id)),
            false => drop(all.insert(id.clone(), problems.clone())),
        }
        self.problems.insert(id.clone(), problems);
    }
}
