//! One stream's conversation: the contract every session keeps.

use core::time::Duration;

use crate::{Capabilities, Event, Moment, PoolChoice, Reply, ResourceName, TypeUrl, View, Violation};

/// One stream's conversation, without its transport.
///
/// The caller drives it:
/// 1. [`handle_request`](Session::handle_request) for each message that arrives;
/// 2. [`poll_transmit`](Session::poll_transmit), whenever there is room to send, with the newest view, until it gives
///    `None`;
/// 3. [`poll_event`](Session::poll_event) until it gives `None`;
/// 4. [`handle_timeout`](Session::handle_timeout) at the moment [`poll_timeout`](Session::poll_timeout) names, then 2.
///
/// Views given to one session must be of growing age: never an older one after a newer one.
pub trait Session: Send {
    /// What arrives.
    type Request;
    /// What is sent.
    type Response;

    /// Takes in a message.
    ///
    /// # Errors
    /// When the peer broke a rule that ends the stream.
    fn handle_request(&mut self, now: Moment, request: Self::Request) -> Result<(), Violation>;

    /// Whether the session recalls what names the last request of this type listed, and they are what counts: then a reply that
    /// lists the same again can be given to [`handle_reply`](Session::handle_reply) without them. In state of the world every acceptance
    /// repeats every name; a caller that recognises them spares all the work with them. Default: never.
    fn recalls_names(&self, type_url: &TypeUrl) -> bool {
        let _ = type_url;
        false
    }

    /// Takes in a reply that lists what the last request of its type listed. Only for types of which
    /// [`recalls_names`](Session::recalls_names) holds. Default: nothing, as it holds of none.
    ///
    /// # Errors
    /// As [`handle_request`](Session::handle_request).
    fn handle_reply(&mut self, now: Moment, type_url: &TypeUrl, reply: Reply) -> Result<(), Violation> {
        let _ = (now, type_url, reply);
        Ok(())
    }

    /// Tells the session what time it is.
    fn handle_timeout(&mut self, now: Moment);

    /// The next response, derived from the view; call only when there is room for it.
    fn poll_transmit<V: View>(&mut self, now: Moment, view: &V) -> Option<Self::Response>;

    /// The next thing that happened.
    fn poll_event(&mut self) -> Option<Event>;

    /// When to call [`handle_timeout`](Session::handle_timeout) next.
    fn poll_timeout(&self) -> Option<Moment>;

    /// Whether [`poll_transmit`](Session::poll_transmit) would certainly give `None`, as long as no request comes, the view stays the
    /// same and [`poll_timeout`](Session::poll_timeout) has not come. Spares a caller a poll after each response. Default: never
    /// certain.
    fn is_quiet(&self) -> bool {
        false
    }

    /// Whether the peer owes no reply, and what it asked for has been looked at. Said after
    /// [`poll_transmit`](Session::poll_transmit) gave `None`; a caller that bounds how many peers are given their first answers
    /// at once goes by it. Default: always.
    fn is_settled(&self) -> bool {
        true
    }
}

/// The types a stream serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Services {
    /// Every type, on one aggregated stream (ADS).
    Aggregated,
    /// One type. An empty `type_url` means it, another one is refused.
    Single(TypeUrl),
}

/// Whether one type waits for another on an aggregated stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    /// Make before break: a referrer waits for what it names, a removal waits until nobody names it.
    Staged,
    /// Nothing waits.
    Free,
}

/// How a session behaves. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The types the stream serves. Default: aggregated.
    pub services: Services,
    /// Whether types wait for each other. Default: staged. A one-type stream has nothing to wait for.
    pub ordering: Ordering,
    /// What the peer can do. Default: nothing beyond the basics.
    pub capabilities: Capabilities,
    /// How long a resource waits for another before it goes ahead without. Default: 15 s.
    pub dependency_patience: Duration,
    /// How long a removal waits after the last referrer was dropped. Default: 1 s.
    pub removal_grace: Duration,
    /// How long a type may stay unknown before the stream is given up (P89). Default: 10 s.
    pub sync_patience: Duration,
    /// How long a peer may owe a reply before it is called silent. Default: 30 s.
    pub reply_patience: Duration,
    /// The size a delta response of several resources may grow to, in bytes. Default: 256 KiB.
    pub chunk_bytes: usize,
    /// The largest resource that is sent, in bytes. Default: 64 MiB.
    pub resource_bytes: usize,
    /// The most names a stream may subscribe to, over all types. Default: 200,000.
    pub max_names: usize,
    /// The most bytes of names a stream may subscribe to. Default: 32 MiB.
    pub max_name_bytes: usize,
    /// How many names of a large first subscription are answered together, at least 1. The rest take no memory of the stream's
    /// until it is their turn. Default: 1,024.
    pub names_at_once: usize,
    /// The most types on one stream. Default: 64.
    pub max_types: usize,
    /// Whether endpoints are sent again after their cluster changed (P72). Default: true. Envoys with
    /// `use_eds_cache_for_ads` do not need it.
    pub reanswer_endpoints: bool,
    /// On a virtual host stream of its own (VHDS outside ADS), the route configuration it is for: its requests do not
    /// say. Default: none, which means the virtual hosts of all.
    pub collection: Option<ResourceName>,
    /// Where sets of names are shared with other sessions. Default: nowhere.
    pub name_pool: PoolChoice,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            services: Services::Aggregated,
            ordering: Ordering::Staged,
            capabilities: Capabilities::default(),
            dependency_patience: Duration::from_secs(15),
            removal_grace: Duration::from_secs(1),
            sync_patience: Duration::from_secs(10),
            reply_patience: Duration::from_secs(30),
            chunk_bytes: 256 * 1024,
            resource_bytes: 64 * 1024 * 1024,
            max_names: 200_000,
            max_name_bytes: 32 * 1024 * 1024,
            names_at_once: 1024,
            max_types: 64,
            reanswer_endpoints: true,
            collection: None,
            name_pool: PoolChoice::default(),
        }
    }
}
