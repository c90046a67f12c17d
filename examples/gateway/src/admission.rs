//! Who is let in: whoever reaches the port, or holders of client certificates.

use chancery_core::{Authorizer, ByCertificate, Caller, Denial, InsecureAllowEveryone};
use chancery_protocol::{Grant, Node};

/// Which callers are granted everything.
pub(crate) enum Admission {
    /// All of them: on a loopback address, or because somebody said so.
    Everyone(InsecureAllowEveryone),
    /// Those whose certificate was verified.
    Verified,
    /// Those whose verified certificate carries one of some names.
    Named(ByCertificate),
}

impl Authorizer for Admission {
    async fn authorize(&self, caller: &Caller<'_>, node: &Node) -> Result<Grant, Denial> {
        match self {
            Admission::Everyone(everyone) => everyone.authorize(caller, node).await,
            Admission::Named(names) => names.authorize(caller, node).await,
            Admission::Verified if caller.identity.certificate.is_some() => Ok(Grant::everything()),
            Admission::Verified => Err(Denial::Unauthenticated("a verified client certificate is needed".into())),
        }
    }
}
