//! The resource types of xDS and what the protocol demands of each: an open registry, keyed by type URL.

use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;

/// What the protocol engine must know of a resource type.
///
/// A type nobody has described gets [`Traits::PLAIN`]: named subscriptions, partial responses, no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Place in the order of one ADS stream (clusters before endpoints before listeners before routes); lower goes first.
    pub rank: u8,
    /// In the state-of-the-world variant every response holds the whole subscribed set, and absence is deletion.
    pub full_state: bool,
    /// A first request without names subscribes to everything.
    pub legacy_wildcard: bool,
    /// Served in the delta variant only.
    pub delta_only: bool,
    /// A reference to this type is a *push edge*: the peer does not ask for the resource because of the reference, so a
    /// referrer waits until the peer holds it. All other references are pull edges, answered when asked.
    pub pushed: bool,
    /// A removal is told to a peer that still subscribes to the name.
    pub removable: bool,
    /// A first request without names means the collections the peer's route configurations announce (VHDS).
    pub collected: bool,
    /// When a referrer that names a resource of this type changes, the peer needs that resource again.
    pub reanswered: bool,
}

impl Traits {
    /// The traits of a type nobody has described.
    pub const PLAIN: Traits = Traits {
        rank: 7,
        full_state: false,
        legacy_wildcard: false,
        delta_only: false,
        pushed: false,
        removable: true,
        collected: false,
        reanswered: false,
    };
}

struct Known {
    url: &'static str,
    short: &'static str,
    traits: Traits,
    /// Where it stands among the others: told apart and ordered by this, without a look at the URLs.
    place: u16,
}

/// The place of the type in this row of the table below: the ranks come first, and within a rank the rows are in the order of URLs.
const fn place(traits: &Traits, row: Row) -> u16 {
    ((traits.rank as u16) << 8) | row as u16
}

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident = $short:literal, $url:literal, $traits:expr;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy)]
        enum Row {
            $($name),*
        }

        impl TypeUrl {
            $($(#[$doc])* pub const $name: TypeUrl = TypeUrl(Inner::Known(&Known {
                url: $url,
                short: $short,
                traits: $traits,
                place: place(&$traits, Row::$name),
            }));)*
            /// Every type this crate describes, in their order on a stream.
            pub const KNOWN: &'static [TypeUrl] = &[$(TypeUrl::$name),*];
        }
    };
}

known! {
    /// Secrets (SDS).
    SECRET = "sds", "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        Traits { rank: 0, ..Traits::PLAIN };
    /// Clusters (CDS).
    CLUSTER = "cds", "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        Traits { rank: 1, full_state: true, legacy_wildcard: true, pushed: true, ..Traits::PLAIN };
    /// Endpoints of a cluster (EDS).
    ENDPOINTS = "eds", "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        Traits { rank: 2, reanswered: true, ..Traits::PLAIN };
    /// Endpoints of a locality (LEDS).
    LOCALITY_ENDPOINTS = "leds", "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint",
        Traits { rank: 2, delta_only: true, ..Traits::PLAIN };
    /// Extension configuration (ECDS). Removing one that is in use makes Envoy answer 5xx.
    EXTENSION_CONFIG = "ecds", "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        Traits { rank: 3, removable: false, ..Traits::PLAIN };
    /// Listeners (LDS).
    LISTENER = "lds", "type.googleapis.com/envoy.config.listener.v3.Listener",
        Traits { rank: 3, full_state: true, legacy_wildcard: true, ..Traits::PLAIN };
    /// Scoped routes (SRDS).
    SCOPED_ROUTE = "srds", "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
        Traits { rank: 4, full_state: true, legacy_wildcard: true, ..Traits::PLAIN };
    /// Route configurations (RDS).
    ROUTE = "rds", "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        Traits { rank: 5, ..Traits::PLAIN };
    /// Virtual hosts of a route configuration (VHDS).
    VIRTUAL_HOST = "vhds", "type.googleapis.com/envoy.config.route.v3.VirtualHost",
        Traits { rank: 6, delta_only: true, collected: true, ..Traits::PLAIN };
    /// Runtime layers (RTDS).
    RUNTIME = "rtds", "type.googleapis.com/envoy.service.runtime.v3.Runtime",
        Traits { rank: 0, ..Traits::PLAIN };
}

#[derive(Clone, Copy)]
enum Reference<'a> {
    Known(&'static Known),
    Other(&'a OtherType),
}

struct OtherType {
    url: Arc<str>,
    traits: Traits,
}

/// A resource type: the `type_url` of its `Any`, with the [`Traits`] the protocol gives it.
///
/// Cheap to clone and compare. The well-known types are constants; [`TypeUrl::parse`] takes any other text as a type
/// with [`Traits::PLAIN`], and [`TypeUrl::described`] makes a type of your own.
///
/// ```
/// use chancery_protocol::{Traits, TypeUrl};
/// let cds = TypeUrl::parse("type.googleapis.com/envoy.config.cluster.v3.Cluster");
/// assert_eq!(cds, TypeUrl::CLUSTER);
/// assert!(cds.traits().full_state);
/// let own = TypeUrl::parse("type.googleapis.com/acme.v1.Widget");
/// assert_eq!(*own.traits(), Traits::PLAIN);
/// ```
#[derive(Clone)]
pub struct TypeUrl(Inner);

#[derive(Clone)]
enum Inner {
    Known(&'static Known),
    Other(Arc<OtherType>),
}

impl TypeUrl {
    /// The type with this URL; a well-known one keeps its traits, any other text gets [`Traits::PLAIN`].
    pub fn parse(url: &str) -> TypeUrl {
        TypeUrl::described(url, Traits::PLAIN)
    }

    /// A type with traits of your own. For a well-known URL the traits given are ignored: the protocol fixes them.
    pub fn described(url: &str, traits: Traits) -> TypeUrl {
        match Self::KNOWN.iter().find(|known| known.as_str() == url) {
            Some(known) => known.clone(),
            None => TypeUrl(Inner::Other(Arc::new(OtherType { url: url.into(), traits }))),
        }
    }

    /// The type of messages with this full name (`envoy.config.cluster.v3.Cluster`).
    pub fn of_message(full_name: &str) -> TypeUrl {
        let mut url = alloc::string::String::from("type.googleapis.com/");
        url.push_str(full_name);
        TypeUrl::parse(&url)
    }

    /// The type whose short name (`cds`, `eds`, ...) this is.
    pub fn from_short(short: &str) -> Option<TypeUrl> {
        Self::KNOWN.iter().find(|known| known.short() == Some(short)).cloned()
    }

    /// The URL as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self.reference() {
            Reference::Known(known) => known.url,
            Reference::Other(other) => &other.url,
        }
    }

    /// The full name of the message, without the `type.googleapis.com/` part.
    pub fn message_name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// The customary short name (`cds`), if there is one.
    pub fn short(&self) -> Option<&'static str> {
        match self.reference() {
            Reference::Known(known) => Some(known.short),
            Reference::Other(_) => None,
        }
    }

    /// What the protocol demands of this type.
    pub fn traits(&self) -> &Traits {
        match &self.0 {
            Inner::Known(known) => &known.traits,
            Inner::Other(other) => &other.traits,
        }
    }

    fn reference(&self) -> Reference<'_> {
        match &self.0 {
            Inner::Known(known) => Reference::Known(known),
            Inner::Other(other) => Reference::Other(other),
        }
    }
}

impl PartialEq for TypeUrl {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Inner::Known(a), Inner::Known(b)) => a.place == b.place,
            (Inner::Other(a), Inner::Other(b)) => Arc::ptr_eq(a, b) || a.url == b.url,
            _ => false,
        }
    }
}

impl Eq for TypeUrl {}

impl Ord for TypeUrl {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of described types the rank counts, too: equal URLs alone would put them in no order.
        match (&self.0, &other.0) {
            (Inner::Known(a), Inner::Known(b)) => return a.place.cmp(&b.place),
            (Inner::Other(a), Inner::Other(b)) if Arc::ptr_eq(a, b) => return Ordering::Equal,
            _ => {}
        }
        self.traits().rank.cmp(&other.traits().rank).then_with(|| self.as_str().cmp(other.as_str()))
    }
}

impl PartialOrd for TypeUrl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl core::hash::Hash for TypeUrl {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        match &self.0 {
            Inner::Known(known) => known.place.hash(state),
            Inner::Other(other) => other.url.hash(state),
        }
    }
}

impl fmt::Debug for TypeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short().unwrap_or(self.as_str()))
    }
}

impl fmt::Display for TypeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_known_are_in_the_order_of_ranks_and_urls_among_themselves_and_with_others() {
        let by_text = |a: &TypeUrl, b: &TypeUrl| (a.traits().rank, a.as_str()).cmp(&(b.traits().rank, b.as_str()));
        let others = ["a", "z"].map(|url| TypeUrl::described(url, Traits { rank: 2, ..Traits::PLAIN }));
        let all: Vec<&TypeUrl> = TypeUrl::KNOWN.iter().chain(&others).collect();
        for a in &all {
            for b in &all {
                assert_eq!(a.cmp(b), by_text(a, b), "{a:?} and {b:?}");
                assert_eq!(a == b, a.as_str() == b.as_str(), "{a:?} and {b:?}");
            }
        }
    }
}
