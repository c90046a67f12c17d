//! What a producer of resources looks like from outside.

use std::future::Future;

use crate::Publisher;

/// Something that knows what should be true and publishes it, for as long as it runs: a directory of files, a Kubernetes
/// API server, a database.
///
/// Real implementers: `chancery_directory::Directory`; `examples/embed/src/bin/own_frontend.rs`.
///
/// Several frontends can feed one cache: give each a [`Publisher`] of its own types ([`Publisher::for_types`]).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a frontend",
    note = "implement `chancery_cache::Frontend`, or use a `Publisher` directly"
)]
pub trait Frontend: Send {
    /// Why it gave up.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Publishes until `stop` completes.
    ///
    /// Rules that keep a source's trouble from becoming the proxies': publish nothing before everything was read once;
    /// when the source fails, keep what was published; remove a resource only when the source says that it is gone.
    ///
    /// # Errors
    /// When it cannot go on. What it has published stays.
    fn run(
        self,
        publisher: Publisher,
        stop: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
