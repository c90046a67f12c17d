//! Why streams end and servers fail, whose fault it is, and which gRPC status says so.

use std::net::SocketAddr;

use chancery_protocol::{Fault, TypeUrl, Violation};
use tonic::{Code, Status};

use crate::Denial;
use crate::reader::Unreadable;
use crate::wire::Malformed;

/// Why a stream ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum End {
    /// The peer ended its half; the server did the same.
    #[error("the peer ended the stream")]
    HalfClosed,
    /// The peer reset the stream, or the connection is lost.
    #[error("the peer reset the stream or the connection is lost")]
    Lost,
    /// A request is malformed, or breaks a rule of the protocol.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A request is compressed, which was not negotiated.
    #[error("requests must not be compressed")]
    Compressed,
    /// A request stopped in its middle.
    #[error("the stream ended in the middle of a request")]
    Truncated,
    /// A request is larger than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("a request of {announced} bytes is larger than the limit of {limit} (`message_bytes`)")]
    MessageTooLarge {
        /// The request's size, in bytes.
        announced: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// All streams together use up a budget of the server.
    #[error("the server-wide budget of {limit} is used up (`{budget}`)")]
    BudgetExhausted {
        /// The limit's field in [`Limits`](crate::Limits).
        budget: &'static str,
        /// Its value.
        limit: usize,
    },
    /// No complete request came in time.
    #[error("no complete request arrived within the time limit (`request_patience`)")]
    RequestOverdue,
    /// The authorizer turned the caller away.
    #[error("not authorized: {0}")]
    Denied(Denial),
    /// The grant was renewed as another one; the peer gets it on its next stream.
    #[error("what this caller is granted has changed: open a new stream")]
    GrantChanged,
    /// The source turned the peer away.
    #[error("the source has nothing for this peer: {0}")]
    Refused(String),
    /// The source was not ready in time.
    #[error("the server is not ready")]
    NotReady,
    /// One type of the source was not ready in time.
    #[error("the server does not know resources of type {0} yet")]
    Unsynced(TypeUrl),
    /// Only the peer knows what it holds of a type, and it says so on a new stream only.
    #[error("what changed among resources of type {0} can no longer be told: open a new stream")]
    HistoryLost(TypeUrl),
    /// The source is gone for good.
    #[error("the source of resources is gone")]
    SourceGone,
    /// The peer took nothing of what was sent to it for too long.
    #[error("the peer has not read for longer than the limit (`progress_patience`)")]
    Stalled,
    /// A response is larger than a gRPC message can be.
    #[error("a response of type {0} is larger than a gRPC message can be")]
    ResponseTooLarge(TypeUrl),
    /// The connection is as old as connections get.
    #[error("the connection has reached its maximum age")]
    Aged,
    /// The server is stopping.
    #[error("the server is draining")]
    Draining,
}

impl End {
    /// The gRPC status the stream ends with.
    pub fn code(&self) -> Code {
        match self {
            End::HalfClosed => Code::Ok,
            End::Lost => Code::Cancelled,
            End::Malformed(Malformed::Violation(violation)) => match violation.fault() {
                Fault::InvalidArgument => Code::InvalidArgument,
                Fault::Unimplemented => Code::Unimplemented,
                Fault::PermissionDenied => Code::PermissionDenied,
                Fault::ResourceExhausted => Code::ResourceExhausted,
            },
            End::Malformed(Malformed::NodeTooLarge { .. }) => Code::ResourceExhausted,
            End::Malformed(_) | End::Truncated => Code::InvalidArgument,
            End::Compressed => Code::Unimplemented,
            End::MessageTooLarge { .. } | End::BudgetExhausted { .. } | End::ResponseTooLarge(_) => {
                Code::ResourceExhausted
            }
            End::RequestOverdue => Code::DeadlineExceeded,
            End::Denied(Denial::Unauthenticated(_)) => Code::Unauthenticated,
            End::Denied(Denial::Forbidden(_)) => Code::PermissionDenied,
            End::Denied(Denial::Unavailable(_))
            | End::GrantChanged
            | End::Refused(_)
            | End::NotReady
            | End::Unsynced(_)
            | End::HistoryLost(_)
            | End::SourceGone
            | End::Stalled
            | End::Aged
            | End::Draining => Code::Unavailable,
        }
    }

    /// A short, fixed name for metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            End::HalfClosed => "half_closed",
            End::Lost => "lost",
            End::Malformed(Malformed::Violation(_)) => "violation",
            End::Malformed(_) => "malformed",
            End::Compressed => "compressed",
            End::Truncated => "truncated",
            End::MessageTooLarge { .. } => "message_bytes",
            End::BudgetExhausted { budget, .. } => budget,
            End::RequestOverdue => "request_patience",
            End::Denied(_) => "denied",
            End::GrantChanged => "grant_changed",
            End::Refused(_) => "refused",
            End::NotReady => "not_ready",
            End::Unsynced(_) => "unsynced",
            End::HistoryLost(_) => "history_lost",
            End::SourceGone => "source_gone",
            End::Stalled => "progress_patience",
            End::ResponseTooLarge(_) => "response_too_large",
            End::Aged => "connection_age",
            End::Draining => "draining",
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self {
            End::HalfClosed => Status::ok(""),
            _ => Status::new(self.code(), self.to_string()),
        }
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> End {
        End::Malformed(Malformed::Violation(violation))
    }
}

impl From<Unreadable> for End {
    fn from(unreadable: Unreadable) -> End {
        match unreadable {
            Unreadable::Compressed => End::Compressed,
            Unreadable::TooLarge { announced, limit } => End::MessageTooLarge { announced, limit },
            Unreadable::BudgetExhausted { limit } => End::BudgetExhausted { budget: "buffered_request_bytes", limit },
            Unreadable::Truncated => End::Truncated,
            Unreadable::Lost => End::Lost,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Resources, secrets among them, would leave the machine in plain text.
    #[error(
        "{address} can be reached from other machines and the server has no TLS: \
         give it `.tls(..)`, listen on 127.0.0.1, or say `.insecure_plaintext()`"
    )]
    Plaintext {
        /// The address listened on.
        address: SocketAddr,
    },
    /// The reflection service was given bytes that are not a `FileDescriptorSet`.
    #[error("the descriptors for the reflection service cannot be used: {0}")]
    Descriptors(String),
    /// The listener is unusable.
    #[error("the listener is unusable: {0}")]
    Listener(#[from] std::io::Error),
}
