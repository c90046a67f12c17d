//! Filter chains: what answers on a connection.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::TransportSocket;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, FilterChainMatch, filter};
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::{TcpProxy, tcp_proxy};

use super::{connection_manager, tls, values};
use crate::ir::{self, Forward, PlainChain, TlsAction, TlsChain};
use crate::names;

/// The name of the chain for connections without TLS.
pub(super) const PLAIN: &str = "plain";

const TCP_PROXY: &str = "envoy.filters.network.tcp_proxy";
/// After this long without a byte a forwarded connection ends.
const IDLE: Duration = Duration::from_secs(3600);

/// The chains for each server name, and the one for connections without TLS.
pub(super) fn all(listener: &ir::Listener, stat_prefix: &str) -> Vec<FilterChain> {
    let mut chains: Vec<FilterChain> = listener.tls.iter().map(|chain| encrypted(chain, stat_prefix)).collect();
    chains.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(plain) = &listener.plain {
        let filter = match plain {
            PlainChain::Http(http) => connection_manager::filter(stat_prefix, http),
            PlainChain::Forward(forward) => forwarding(stat_prefix, forward),
        };
        let unencrypted =
            FilterChainMatch { transport_protocol: "raw_buffer".to_owned(), ..FilterChainMatch::default() };
        chains.push(FilterChain {
            name: PLAIN.to_owned(),
            filter_chain_match: (!chains.is_empty()).then_some(unencrypted),
            filters: vec![filter],
            ..FilterChain::default()
        });
    }
    chains
}

pub(super) fn name(chain: &TlsChain) -> String {
    names::tls_chain(chain.server_name.as_deref()).to_string()
}

fn encrypted(chain: &TlsChain, stat_prefix: &str) -> FilterChain {
    let (filter, transport_socket): (Filter, Option<TransportSocket>) = match &chain.action {
        TlsAction::Https(termination, http) => {
            (connection_manager::filter(stat_prefix, http), Some(tls::downstream(termination)))
        }
        TlsAction::Terminate(termination, forward) => {
            (forwarding(stat_prefix, forward), Some(tls::downstream(termination)))
        }
        TlsAction::Passthrough(forward) => (forwarding(stat_prefix, forward), None),
        TlsAction::Close => (proxy(stat_prefix, nobody()), None),
    };
    FilterChain {
        name: name(chain),
        filter_chain_match: Some(FilterChainMatch {
            server_names: chain.server_name.iter().map(|name| name.to_string()).collect(),
            transport_protocol: "tls".to_owned(),
            ..FilterChainMatch::default()
        }),
        filters: vec![filter],
        transport_socket,
        ..FilterChain::default()
    }
}

/// The cluster nobody serves: the connection ends at once.
fn nobody() -> tcp_proxy::ClusterSpecifier {
    tcp_proxy::ClusterSpecifier::Cluster(names::NEVER.to_owned())
}

fn forwarding(stat_prefix: &str, forward: &Forward) -> Filter {
    let mut weighted = forward.clusters.iter().filter(|(_, weight)| *weight > 0);
    let specifier = match (weighted.next(), weighted.next()) {
        (None, _) => nobody(),
        (Some((only, _)), None) => tcp_proxy::ClusterSpecifier::Cluster(only.0.to_string()),
        (Some(_), Some(_)) => {
            let of = |(cluster, weight): &(ir::ClusterName, u32)| tcp_proxy::weighted_cluster::ClusterWeight {
                name: cluster.0.to_string(),
                weight: *weight,
                ..Default::default()
            };
            let clusters = forward.clusters.iter().filter(|(_, weight)| *weight > 0).map(of).collect();
            tcp_proxy::ClusterSpecifier::WeightedClusters(tcp_proxy::WeightedCluster { clusters })
        }
    };
    proxy(stat_prefix, specifier)
}

fn proxy(stat_prefix: &str, clusters: tcp_proxy::ClusterSpecifier) -> Filter {
    let config = TcpProxy {
        stat_prefix: stat_prefix.to_owned(),
        idle_timeout: values::time(IDLE),
        cluster_specifier: Some(clusters),
        ..TcpProxy::default()
    };
    Filter { name: TCP_PROXY.to_owned(), config_type: Some(filter::ConfigType::TypedConfig(values::any(&config))) }
}
