//! Which object, and which field of it, something comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use chancery_protocol::{ResourceName, TypeUrl};

use crate::api::ObjectId;
use crate::emit::provenances;
use crate::ir::Proxy;

/// A field of an object. Shown as `HTTPRoute shop/cart spec.rules[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The object.
    pub object: ObjectId,
    /// The field, like `spec.rules[0].backendRefs[1]`; empty for the object as a whole.
    pub field: String,
}

impl Origin {
    /// This field of this object.
    pub fn new(object: &ObjectId, field: impl Into<String>) -> Origin {
        Origin { object: object.clone(), field: field.into() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.is_empty() {
            true => self.object.fmt(f),
            false => write!(f, "{} {}", self.object, self.field),
        }
    }
}

/// Where one resource, and what is in it, comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// What shaped the resource as a whole, the most specific first.
    pub origins: Vec<Origin>,
    /// What shaped its parts: virtual hosts, routes and filter chains, by their names.
    pub parts: BTreeMap<String, Vec<Origin>>,
}

/// Where every resource of a proxy comes from, by type and name.
///
/// Worked out when it is first asked for: most translations are never asked.
#[derive(Clone, Default)]
pub struct Provenances {
    model: Arc<Proxy>,
    known: Arc<OnceLock<BTreeMap<(TypeUrl, ResourceName), Provenance>>>,
}

impl Provenances {
    pub(crate) fn of(model: Arc<Proxy>) -> Provenances {
        Provenances { model, known: Arc::default() }
    }
}

impl Deref for Provenances {
    type Target = BTreeMap<(TypeUrl, ResourceName), Provenance>;

    fn deref(&self) -> &Self::Target {
        self.known.get_or_init(|| provenances(&self.model))
    }
}

impl PartialEq for Provenances {
    fn eq(&self, other: &Provenances) -> bool {
        Arc::ptr_eq(&self.model, &other.model) || **self == **other
    }
}

impl fmt::Debug for Provenances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
