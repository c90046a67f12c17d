//! Which files speak of an object: those that define it, and those that try to.

use std::collections::{BTreeMap, BTreeSet};

use chancery_translator::api::ObjectId;

use crate::source_name::SourceName;

/// The files that speak of each object.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    files: BTreeMap<ObjectId, BTreeSet<SourceName>>,
}

impl Mentions {
    /// The file speaks of these.
    pub(crate) fn add<'a>(&mut self, file: &SourceName, objects: impl IntoIterator<Item = &'a ObjectId>) {
        for object in objects {
            self.files.entry(object.clone()).or_default().insert(file.clone());
        }
    }

    /// The file speaks of these no more.
    pub(crate) fn retract<'a>(&mut self, file: &SourceName, objects: impl IntoIterator<Item = &'a ObjectId>) {
        for object in objects {
            if let Some(files) = self.files.get_mut(object) {
                files.remove(file);
                if files.is_empty() {
                    self.files.remove(object);
                }
            }
        }
    }

    /// The files that speak of the object.
    pub(crate) fn of(&self, object: &ObjectId) -> impl Iterator<Item = &SourceName> {
        self.files.get(object).into_iter().flatten()
    }
}
