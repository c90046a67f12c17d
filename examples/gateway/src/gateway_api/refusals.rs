//! What a proxy refused, and which object that comes from.

use chancery_cache::StreamDelivery;
use chancery_protocol::{ResourceName, TypeUrl, printable};
use chancery_translator::{Origin, Translator};

/// A resource a proxy refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RefusedByProxy {
    pub(super) stream: u64,
    pub(super) proxy: String,
    pub(super) type_url: TypeUrl,
    pub(super) name: ResourceName,
    pub(super) words: String,
    /// The objects and fields to look at, the likeliest first.
    pub(super) origins: Vec<Origin>,
}

/// All that is refused now.
pub(super) fn of(translator: &Translator, streams: &[StreamDelivery]) -> Vec<RefusedByProxy> {
    let mut all = Vec::new();
    for stream in streams {
        let proxy = stream.group.as_str();
        for (one, refused) in stream.types.iter().flat_map(|one| one.refused.iter().map(move |refused| (one, refused)))
        {
            let words = printable(&refused.refusal.message);
            all.push(RefusedByProxy {
                stream: stream.stream,
                proxy: proxy.to_owned(),
                type_url: one.type_url.clone(),
                name: refused.name.clone(),
                origins: origins(translator, proxy, &one.type_url, &refused.name, &words),
                words,
            });
        }
    }
    all
}

/// Where a refused resource comes from. When the proxy's words name a part of it, like a route, that part's origins;
/// those of the whole resource otherwise.
pub(super) fn origins(
    translator: &Translator,
    proxy: &str,
    type_url: &TypeUrl,
    name: &ResourceName,
    words: &str,
) -> Vec<Origin> {
    let Some(id) = translator.proxies().find(|id| id.to_string() == proxy) else { return Vec::new() };
    let Some(provenance) = translator.provenance(id, type_url, name) else { return Vec::new() };
    let named = provenance.parts.iter().filter(|(part, _)| words.contains(part.as_str()));
    match named.max_by_key(|(part, _)| part.len()) {
        Some((_, origins)) => origins.clone(),
        None => provenance.origins.clone(),
    }
}
