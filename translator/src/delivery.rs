//! What is known of the proxies: the facts behind `Programmed`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::key::ProxyId;

/// What proxies made of what they were sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// By proxy. A proxy that is not listed was never seen.
    pub proxies: BTreeMap<ProxyId, ProxyFacts>,
}

/// What the instances of one proxy made of what they were sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyFacts {
    /// How many instances are connected.
    pub connected: u32,
    /// How many of them hold all that was published for them, or an older form of what they refused.
    pub settled: u32,
    /// Listeners an instance refused, by name, with its words.
    pub refused_listeners: BTreeMap<String, String>,
    /// Where instances can be reached.
    pub addresses: Vec<IpAddr>,
}
