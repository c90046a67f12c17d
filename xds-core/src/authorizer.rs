//! Who may have what: asked once per stream, before anything is shown, and again when a grant expires.

use std::future::Future;

use chancery_protocol::{Grant, Identity, Node};
use http::HeaderMap;

/// What is known of a caller apart from its own words in the messages.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Caller<'a> {
    /// What the transport proved: the address and the verified certificate.
    pub identity: &'a Identity,
    /// The request's headers, where a bearer token would stand. The peer chose them: verify before use.
    pub metadata: &'a HeaderMap,
}

/// Why a caller is turned away; the text goes to the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Who the caller is, is not known (`UNAUTHENTICATED`).
    #[error("{0}")]
    Unauthenticated(String),
    /// Who the caller is, is known, and is not enough (`PERMISSION_DENIED`).
    #[error("{0}")]
    Forbidden(String),
    /// It cannot be decided now (`UNAVAILABLE`): the peer should try again.
    #[error("{0}")]
    Unavailable(String),
}

/// Decides which callers may have what.
///
/// Every server has one: there is no way around it but [`InsecureAllowEveryone`], which says what it does. The decision
/// must rest on the `caller`; the `node` is the peer's own claim, which may narrow what it gets and never widen it.
///
/// ```
/// use chancery_core::{Authorizer, Caller, Denial};
/// use chancery_protocol::{Grant, Node};
///
/// /// Gives each namespace its own class, by SPIFFE ID.
/// struct ByNamespace;
///
/// impl Authorizer for ByNamespace {
///     async fn authorize(&self, caller: &Caller<'_>, _node: &Node) -> Result<Grant, Denial> {
///         let certificate = caller.identity.certificate.as_ref();
///         let id = certificate.and_then(|certificate| certificate.uris.first());
///         let id = id.ok_or_else(|| Denial::Unauthenticated("a client certificate is needed".into()))?;
///         let namespace = id.strip_prefix("spiffe://example.org/ns/").and_then(|rest| rest.split('/').next());
///         let namespace = namespace.ok_or_else(|| Denial::Forbidden(format!("{id} is not one of ours")))?;
///         Ok(Grant { class: namespace.into(), ..Grant::everything() })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not authorize callers",
    note = "use `ByCertificate`, implement `chancery_core::Authorizer`, or say `InsecureAllowEveryone`"
)]
pub trait Authorizer: Send + Sync + 'static {
    /// What this caller is granted.
    ///
    /// # Errors
    /// When it is turned away, or nothing can be decided now.
    fn authorize(&self, caller: &Caller<'_>, node: &Node) -> impl Future<Output = Result<Grant, Denial>> + Send;
}

/// Grants everything to everyone who reaches the port, secrets included. For demonstrations on the loopback interface.
#[derive(Debug, Clone, Copy, Default)]
pub struct InsecureAllowEveryone;

impl Authorizer for InsecureAllowEveryone {
    async fn authorize(&self, _caller: &Caller<'_>, _node: &Node) -> Result<Grant, Denial> {
        Ok(Grant::everything())
    }
}

/// Grants everything to callers whose verified certificate carries one of the listed names.
///
/// Needs a server with TLS that verifies client certificates; without a certificate everyone is turned away.
#[derive(Debug, Clone, Default)]
pub struct ByCertificate {
    names: Vec<String>,
}

impl ByCertificate {
    /// Allows these URI names (SPIFFE IDs) and DNS names, compared as text. Common names do not count.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> ByCertificate {
        ByCertificate { names: names.into_iter().map(Into::into).collect() }
    }
}

impl Authorizer for ByCertificate {
    async fn authorize(&self, caller: &Caller<'_>, _node: &Node) -> Result<Grant, Denial> {
        let Some(certificate) = &caller.identity.certificate else {
            return Err(Denial::Unauthenticated("a verified client certificate is needed".into()));
        };
        let mut shown = certificate.uris.iter().chain(&certificate.dns_names);
        if shown.any(|name| self.names.contains(name)) {
            Ok(Grant::everything())
        } else {
            Err(Denial::Forbidden("none of the names in the client certificate is allowed here".into()))
        }
    }
}
