//! What a peer can do wrong: each ends its own stream, with the status given here, and nothing else.

use core::fmt;

use alloc::boxed::Box;

/// Why a stream is ended, and whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The first message of the stream has no `node` (P1).
    MissingNode,
    /// A message on an aggregated stream has no `type_url` (P3).
    MissingTypeUrl,
    /// A message on a one-type stream has another type (P4).
    OtherTypeUrl {
        /// The type the stream serves.
        served: Box<str>,
        /// The type asked for.
        asked: Box<str>,
    },
    /// The type is served in the delta variant only (P9).
    DeltaOnly(Box<str>),
    /// The grant does not include the type.
    NotGranted(Box<str>),
    /// More names subscribed than the limit allows.
    TooManyNames {
        /// The limit, in names per stream.
        limit: usize,
    },
    /// More bytes of names subscribed than the limit allows.
    TooManyNameBytes {
        /// The limit, in bytes per stream.
        limit: usize,
    },
    /// More types on one stream than the limit allows.
    TooManyTypes {
        /// The limit, in types per stream.
        limit: usize,
    },
}

/// The kind of gRPC status a violation ends the stream with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `INVALID_ARGUMENT`
    InvalidArgument,
    /// `UNIMPLEMENTED`
    Unimplemented,
    /// `PERMISSION_DENIED`
    PermissionDenied,
    /// `RESOURCE_EXHAUSTED`
    ResourceExhausted,
}

impl Violation {
    /// The gRPC status this ends the stream with.
    pub fn fault(&self) -> Fault {
        match self {
            Violation::MissingNode | Violation::MissingTypeUrl | Violation::OtherTypeUrl { .. } => {
                Fault::InvalidArgument
            }
            Violation::DeltaOnly(_) => Fault::Unimplemented,
            Violation::NotGranted(_) => Fault::PermissionDenied,
            Violation::TooManyNames { .. } | Violation::TooManyNameBytes { .. } | Violation::TooManyTypes { .. } => {
                Fault::ResourceExhausted
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::MissingNode => f.write_str("the first message of a stream must carry `node`"),
            Violation::MissingTypeUrl => f.write_str("a message on an aggregated stream must carry `type_url`"),
            Violation::OtherTypeUrl { served, asked } => {
                write!(f, "this method serves {served} only, and was asked for {asked}")
            }
            Violation::DeltaOnly(asked) => write!(f, "{asked} is served in the delta variant only"),
            Violation::NotGranted(asked) => write!(f, "this caller may not ask for {asked}"),
            Violation::TooManyNames { limit } => write!(f, "more than {limit} resource names on one stream"),
            Violation::TooManyNameBytes { limit } => {
                write!(f, "more than {limit} bytes of resource names on one stream")
            }
            Violation::TooManyTypes { limit } => write!(f, "more than {limit} resource types on one stream"),
        }
    }
}

impl core::error::Error for Violation {}
