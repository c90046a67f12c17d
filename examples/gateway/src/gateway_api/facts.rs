//! What is known of the proxies, from what their streams said.

use std::collections::BTreeMap;

use chancery_cache::StreamDelivery;
use chancery_protocol::TypeUrl;
use chancery_translator::{Facts, ProxyFacts, ProxyId};

/// Where the addresses of proxies are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// They are bound to addresses of our choice.
    Bound,
    /// A proxy is where its stream comes from.
    BySource,
}

/// The facts of these proxies. A stream counts once it asked for listeners: the other streams of a proxy that opens one for
/// each type say nothing of whether it serves.
pub(super) fn of<'a>(
    proxies: impl IntoIterator<Item = &'a ProxyId>,
    streams: &[StreamDelivery],
    reached: Reached,
) -> Facts {
    let mut facts = Facts::default();
    let names: BTreeMap<String, &ProxyId> = proxies.into_iter().map(|proxy| (proxy.to_string(), proxy)).collect();
    for stream in streams {
        let Some(proxy) = names.get(stream.group.as_str()) else { continue };
        let Some(listeners) = stream.types.iter().find(|one| one.type_url == TypeUrl::LISTENER) else { continue };
        let known: &mut ProxyFacts = facts.proxies.entry((*proxy).clone()).or_default();
        known.connected += 1;
        known.settled += u32::from(stream.types.iter().all(|one| one.pending == 0));
        for refused in &listeners.refused {
            let words = refused.refusal.message.to_string();
            known.refused_listeners.insert(refused.name.to_string(), words);
        }
        if let (Reached::BySource, Some(address)) = (reached, stream.identity.address) {
            known.addresses.push(address.ip());
        }
    }
    for known in facts.proxies.values_mut() {
        known.addresses.sort();
        known.addresses.dedup();
    }
    facts
}
