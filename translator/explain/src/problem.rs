//! What is wrong with resources, found when they are read.

/// A resource, or a part of one, that cannot be evaluated. Everything else still is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes are no message of their type.
    #[error("{place}: cannot be decoded as {type_url}: {reason}; encode it again")]
    Undecodable {
        /// Which resource, or which part of it.
        place: String,
        /// The type it says it has.
        type_url: String,
        /// What the decoder said.
        reason: String,
    },
    /// A regular expression is none. The condition it stands in cannot be worked out.
    #[error("{place}: the regular expression {pattern:?} cannot be read: {reason}; correct it")]
    Regex {
        /// Where it stands.
        place: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A domain stands twice in a route configuration: Envoy refuses it. The first counts here.
    #[error("{place}: the domain {domain:?} is also in virtual host {first:?}; Envoy refuses that, remove one")]
    DomainTwice {
        /// Where the second one stands.
        place: String,
        /// The domain.
        domain: String,
        /// The virtual host that had it first.
        first: String,
    },
}
