//! Listeners: a socket, and the chains behind it.

use envoy_types::pb::envoy::config::listener::v3::{AdditionalAddress, Listener, ListenerFilter, listener_filter};
use envoy_types::pb::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;

use super::{chain, udp, values};
use crate::ir::{self, PlainChain, Transport};
use crate::names;
use crate::provenance::Origin;

/// How much is kept for a connection whose other side is slow.
const BUFFER_BYTES: u32 = 32 * 1024;

const TLS_INSPECTOR: &str = "envoy.filters.listener.tls_inspector";

/// `None` when nothing would answer: Envoy refuses such a listener.
pub(super) fn message(listener: &ir::Listener) -> Option<Listener> {
    let socket = &listener.socket;
    let further = listener.further_addresses.iter().filter(|address| **address != socket.address);
    let base = Listener {
        name: names::listener(socket),
        address: Some(values::bound(socket.address, socket.port, socket.transport)),
        additional_addresses: further
            .map(|address| AdditionalAddress {
                address: Some(values::bound(*address, socket.port, socket.transport)),
                ..AdditionalAddress::default()
            })
            .collect(),
        per_connection_buffer_limit_bytes: values::number(BUFFER_BYTES),
        ..Listener::default()
    };
    match (socket.transport, &listener.plain) {
        (Transport::Udp, Some(PlainChain::Forward(forward))) => Some(Listener {
            listener_filters: vec![udp::filter(&base.name, forward)],
            udp_listener_config: Some(Default::default()),
            ..base
        }),
        (Transport::Udp, _) => None,
        (Transport::Tcp, _) => {
            let filter_chains = chain::all(listener, &base.name);
            (!filter_chains.is_empty()).then(|| Listener {
                filter_chains,
                listener_filters: if listener.tls.is_empty() { Vec::new() } else { vec![tls_inspector()] },
                enable_reuse_port: values::truth(false),
                ..base
            })
        }
    }
}

/// Where the chains come from.
pub(super) fn parts(listener: &ir::Listener) -> Vec<(String, Vec<Origin>)> {
    let tls = listener.tls.iter().map(|chain| (chain::name(chain), chain.origins.clone()));
    let plain = listener.plain.iter().map(|plain| match plain {
        PlainChain::Http(_) => (chain::PLAIN.to_owned(), listener.origins.clone()),
        PlainChain::Forward(forward) => (chain::PLAIN.to_owned(), forward.origins.clone()),
    });
    tls.chain(plain).collect()
}

fn tls_inspector() -> ListenerFilter {
    let config = listener_filter::ConfigType::TypedConfig(values::any(&TlsInspector::default()));
    ListenerFilter { name: TLS_INSPECTOR.to_owned(), config_type: Some(config), ..ListenerFilter::default() }
}
