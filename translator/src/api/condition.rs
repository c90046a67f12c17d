//! One thing that is said of an object, and whether it holds.

use serde::{Deserialize, Serialize};

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Truth {
    True,
    False,
    #[default]
    #[serde(other)]
    Unknown,
}

/// A condition, as the Kubernetes API defines it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What is said.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: Truth,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// The generation of the object it was found in.
    pub observed_generation: i64,
    /// When it last changed between holding and not, as RFC 3339 writes it. Stamped by
    /// [`merge_status`](crate::merge_status); never by the translation, which has no clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}
