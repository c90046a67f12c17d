//! The translation that is kept: one change costs what depends on it.
//!
//! Every result remembers what it was made from ([`Dependents`]), and is made anew only when something of that has changed.
//! What comes out equal to what was there changes nothing further on. The order of an update is that of a translation:
//!
//! ```text
//! objects -> gateways -> policies -> services -> routes -> hosts, tables, listeners -> resources, statuses
//! ```
//!
//! The functions that make each result are those of [`translate`](crate::translate); what is kept here is when they run.

mod agenda;
mod change;
mod dependents;
mod endpoints;
mod gateways;
mod holdings;
mod ingest;
mod mixed;
mod places;
mod proxies;
mod proxy;
mod relevance;
mod routes;
mod said;
mod services;
mod translator;

pub use change::{Change, ProxyUpdate, Update};
pub use translator::Translator;
