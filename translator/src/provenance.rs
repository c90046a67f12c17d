//! Which object, and which field of it, something comes from.

use std::collections::BTreeMap;
use std::fmt;

use chancery_protocol::{ResourceName, TypeUrl};

use crate::api::ObjectId;

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

/// Where every resource of a proxy comes from.
pub type Provenances = BTreeMap<(TypeUrl, ResourceName), Provenance>;
