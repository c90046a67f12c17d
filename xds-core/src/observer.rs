//! Hooks for whoever wants to watch the streams: logs, reports, tests.

use chancery_protocol::{Event, Identity, Peer};

use crate::End;

/// Told of everything that happens on the streams. Every method has a default that does nothing.
///
/// Calls come from the streams' own tasks: they must not block. Texts that came from a peer (node fields, the words of
/// a refusal) are untrusted; [`chancery_protocol::printable`] makes them safe to log.
///
/// ```
/// use chancery_core::Observer;
/// use chancery_protocol::{Event, Peer, printable};
///
/// struct Refusals;
///
/// impl Observer for Refusals {
///     fn happened(&self, peer: &Peer, event: &Event) {
///         if let Event::Nacked { type_url, refusal, .. } = event {
///             eprintln!("{} refused {type_url}: {}", printable(&peer.node.id), printable(&refusal.message));
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// A caller was authorized and its stream begins.
    fn opened(&self, peer: &Peer) {
        let _ = peer;
    }

    /// Something happened on a stream.
    fn happened(&self, peer: &Peer, event: &Event) {
        let _ = (peer, event);
    }

    /// A stream that was opened has ended.
    fn closed(&self, peer: &Peer, end: &End) {
        let _ = (peer, end);
    }

    /// A stream ended before it was opened: a bad first request, a caller turned away.
    fn turned_away(&self, identity: &Identity, end: &End) {
        let _ = (identity, end);
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
