//! Which engine drives a stream: the standard sessions, or your own.

use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, Session, Settings, SotwRequest, SotwResponse, SotwSession,
};

/// Makes the session of each new stream.
///
/// [`StandardSessions`] is what a server uses unless told otherwise. Bring your own to change the protocol itself while
/// keeping everything around it.
pub trait Sessions: Send + Sync + 'static {
    /// Sessions of the state-of-the-world variant.
    type Sotw: Session<Request = SotwRequest, Response = SotwResponse> + 'static;
    /// Sessions of the delta variant.
    type Delta: Session<Request = DeltaRequest, Response = DeltaResponse> + 'static;

    /// The session of a new state-of-the-world stream. The settings name what it serves and what its peer can do.
    fn sotw(&self, settings: Settings) -> Self::Sotw;

    /// The session of a new delta stream.
    fn delta(&self, settings: Settings) -> Self::Delta;
}

/// The sessions of [`chancery_protocol`].
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardSessions;

impl Sessions for StandardSessions {
    type Sotw = SotwSession;
    type Delta = DeltaSession;

    fn sotw(&self, settings: Settings) -> SotwSession {
        SotwSession::new(settings)
    }

    fn delta(&self, settings: Settings) -> DeltaSession {
        DeltaSession::new(settings)
    }
}
