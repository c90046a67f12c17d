//! What can go wrong, whose fault it is and what to do about it.

use std::fmt;

use chancery_protocol::{ResourceName, TypeUrl};

use crate::{DanglingSet, GroupKey};

/// Two resources of one set have the same type and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The type of both.
    pub type_url: TypeUrl,
    /// The name of both.
    pub name: ResourceName,
    /// Where the one that was there came from, if it says.
    pub first: Option<Box<str>>,
    /// Where the refused one came from, if it says.
    pub second: Option<Box<str>>,
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} is defined twice", self.type_url.message_name(), self.name)?;
        if let Some(first) = &self.first {
            write!(f, ", first in {first}")?;
        }
        if let Some(second) = &self.second {
            write!(f, ", again in {second}")?;
        }
        f.write_str("; rename or remove one of them")
    }
}

impl std::error::Error for Duplicate {}

/// A publish was refused; nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Inconsistent {
    /// Resources would name others that do not exist, and the cache was told to refuse that.
    #[error("group {group} would hold {} dangling reference(s), the first: {}", dangling.len(), First(dangling))]
    Dangling {
        /// The group in which they would dangle.
        group: GroupKey,
        /// All of them.
        dangling: DanglingSet,
    },
    /// The set or patch holds a resource of a type this publisher does not publish.
    #[error(
        "this publisher does not publish {}: the type belongs to another one (see `Publisher::for_types`)",
        .0.message_name()
    )]
    OtherType(TypeUrl),
}

struct First<'a>(&'a DanglingSet);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.iter().next() {
            Some(first) => first.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// A type already belongs to another publisher of the same cache.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} already has a publisher; clone that one, or leave the type out", .0.message_name())]
pub struct Claimed(
    /// The type.
    pub TypeUrl,
);

/// Why a stream is not seated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TurnedAway {
    /// This peer has no group here, and will have none however often it asks.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// This peer has no group yet; it may try again.
    #[error("not available: {0}")]
    NotNow(String),
}

impl TurnedAway {
    /// Whether trying again may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, TurnedAway::NotNow(_))
    }
}
