//! What streams ask for, for each content of a server.

use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;

use super::setting::{Content, Kind};
use super::wire::{Ask, Variant};
use crate::{edge, made};

/// Whom the streams of the lab say they are.
fn node() -> Node {
    Node { id: "herd".into(), cluster: "lab".into(), ..Node::default() }
}

/// Asks as the lab's streams do; without names for everything.
pub(super) fn ask(variant: Variant, type_url: TypeUrl, names: Vec<String>, expected: usize) -> Ask {
    Ask::new(variant, &node(), type_url, names, &[], expected)
}

/// Asks for load assignments which the stream says it holds, and waits for none.
pub(super) fn ask_again(held: &[super::wire::Held]) -> Ask {
    let names = held.iter().map(|held| held.name.clone()).collect();
    Ask::new(Variant::Delta, &node(), TypeUrl::ENDPOINTS, names, held, 0)
}

/// All a stream asks of this content, in the order in which Envoy does.
pub(super) fn asks(content: Content, resources: usize) -> Vec<Ask> {
    asks_and_more(content, resources, 0)
}

/// The same, of this server: a floor is asked as much, and answers with one resource.
pub(super) fn asks_of(kind: Kind, content: Content, resources: usize) -> Vec<Ask> {
    let mut asks = asks(content, resources);
    if kind.greets_with_one() {
        asks.iter_mut().for_each(|ask| ask.expected = 1);
    }
    asks
}

/// What is asked of any server, and so many load assignments that are there beside.
pub(super) fn asks_and_more(content: Content, resources: usize, beside: usize) -> Vec<Ask> {
    let all = |type_url, expected| ask(Variant::Delta, type_url, Vec::new(), expected);
    let named = |type_url| ask(Variant::Delta, type_url, content.names(resources), content.names(resources).len());
    let endpoints = |count| ask(Variant::Delta, TypeUrl::ENDPOINTS, (0..count).map(made::name).collect(), count);
    match content {
        Content::Endpoints | Content::Shops => vec![endpoints(resources + beside)],
        Content::Everything => vec![
            all(TypeUrl::CLUSTER, resources),
            endpoints(resources + beside),
            all(TypeUrl::LISTENER, resources),
            named(TypeUrl::ROUTE),
        ],
        Content::Table | Content::Tables | Content::Hosts => {
            vec![all(TypeUrl::CLUSTER, edge::CLUSTERS), endpoints(edge::CLUSTERS), named(content.changing())]
        }
    }
}
