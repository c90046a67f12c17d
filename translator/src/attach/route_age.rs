//! The order in which routes are served.

use std::sync::Arc;

use crate::api::{Kind, Metadata, ObjectId};

/// The place of a route among all routes: the oldest first, then by namespace, name and kind. No two routes have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RouteAge {
    /// A route that does not say when it was created comes last.
    unknown: bool,
    created: Arc<str>,
    namespace: Arc<str>,
    name: Arc<str>,
    kind: Kind,
}

impl RouteAge {
    pub(crate) fn of(id: &ObjectId, metadata: &Metadata) -> RouteAge {
        let created = metadata.creation_timestamp.as_deref().unwrap_or_default();
        RouteAge {
            unknown: created.is_empty(),
            created: created.into(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            kind: id.kind,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Which route it is.
    pub(crate) fn id(&self) -> ObjectId {
        ObjectId { kind: self.kind, namespace: self.namespace.clone(), name: self.name.clone() }
    }
}
