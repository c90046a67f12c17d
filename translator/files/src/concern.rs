//! What hangs together: files that speak of the same objects, and those objects.

use std::collections::BTreeSet;

use chancery_translator::api::ObjectId;

use crate::delivered::Delivered;
use crate::source_name::SourceName;
use crate::tree::Tree;

/// Files and objects of which nothing depends on any other file.
#[derive(Debug, Default)]
pub(crate) struct Concern {
    pub(crate) files: BTreeSet<SourceName>,
    pub(crate) objects: BTreeSet<ObjectId>,
}

impl Concern {
    /// All that hangs together with these files and objects.
    pub(crate) fn of(
        files: BTreeSet<SourceName>,
        objects: BTreeSet<ObjectId>,
        tree: &Tree,
        last: &Delivered,
    ) -> Concern {
        let mut concern = Concern::default();
        let (mut new_files, mut new_objects) = (files, objects);
        while !(new_files.is_empty() && new_objects.is_empty()) {
            while let Some(file) = new_files.pop_first() {
                let here = tree.file(&file).map(|file| file.content.objects()).into_iter().flatten();
                let known = here.chain(last.of_file(&file).map(|(id, _)| id));
                new_objects.extend(known.filter(|id| !concern.objects.contains(*id)).cloned());
                concern.files.insert(file);
            }
            while let Some(object) = new_objects.pop_first() {
                let known = tree.mentions().of(&object).chain(last.get(&object).map(|entry| &entry.file));
                new_files.extend(known.filter(|file| !concern.files.contains(*file)).cloned());
                concern.objects.insert(object);
            }
        }
        concern
    }
}
