//! Which proxies a peer belongs to, and that it can do what they are asked to do.

use chancery_cache::{ByNodeCluster, GroupKey, Grouping, TurnedAway};
use chancery_protocol::{Grant, Node, Peer};
use chancery_translator::EnvoyFloor;

/// By the node's cluster, which is the name of a Gateway. An Envoy older than the oldest that is served is turned away: it could
/// not use what it would get, and might drop what it has. Whoever is no Envoy, or says no version, is taken at its word.
pub(super) struct NotOlder(pub(super) EnvoyFloor);

impl Grouping for NotOlder {
    fn group(&self, peer: &Peer, grant: &Grant) -> Result<GroupKey, TurnedAway> {
        let floor = self.0;
        match version(&peer.node) {
            Some(version) if version < floor.version() => {
                let (major, minor) = version;
                Err(TurnedAway::NotAllowed(format!(
                    "the proxy {:?} is Envoy {major}.{minor}, and Envoys older than {floor} are not served; see --oldest-envoy",
                    peer.node.id
                )))
            }
            _ => ByNodeCluster.group(peer, grant),
        }
    }
}

/// Major and minor version of an Envoy, from `envoy/1.36.4`.
fn version(node: &Node) -> Option<(u32, u32)> {
    let mut numbers = node.user_agent.strip_prefix("envoy/")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envoy_older_than_the_oldest_that_is_served_is_turned_away() {
        let peer = |user_agent: &str| {
            let node = Node { cluster: "shop/web".into(), user_agent: user_agent.into(), ..Node::default() };
            Peer { node, ..Peer::default() }
        };
        let grouping = NotOlder(EnvoyFloor::V1_37);
        let group = |user_agent: &str| grouping.group(&peer(user_agent), &Grant::default());
        let TurnedAway::NotAllowed(why) = group("envoy/1.36.4").expect_err("turned away") else {
            panic!("turned away for good");
        };
        assert!(why.contains("Envoy 1.36") && why.contains("1.37"), "{why}");
        for served in ["envoy/1.37.0", "envoy/1.40.0", "envoy/2.0.0", "gRPC Go/1.60", "envoy", ""] {
            assert_eq!(group(served).expect("a group").to_string(), "shop/web", "{served}");
        }
    }
}
