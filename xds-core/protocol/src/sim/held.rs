//! What a client holds of one name, and what it says of others.

use crate::{Resource, ResourceName, TypeUrl};

/// Something that is served from, and what it is about to become.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    /// Serving.
    pub(crate) active: Option<Resource>,
    /// Accepted, and waiting for what it names.
    pub(crate) warming: Option<Resource>,
}

impl Slot {
    pub(crate) fn newest(&self) -> Option<&Resource> {
        self.warming.as_ref().or(self.active.as_ref())
    }
}

/// The names of this type in a resource.
pub(crate) fn names_in<'a>(resource: &'a Resource, type_url: &TypeUrl) -> impl Iterator<Item = &'a ResourceName> {
    let named = resource.references().iter().filter(move |reference| reference.type_url == *type_url);
    named.map(|reference| &reference.name)
}

/// Whether a route configuration gets its virtual hosts apart.
pub(super) fn announces(table: &Resource) -> bool {
    names_in(table, &TypeUrl::VIRTUAL_HOST).next().is_some()
}
