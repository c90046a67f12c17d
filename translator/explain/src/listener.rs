//! A listener: where it listens, and which of its filter chains serves a connection.

use std::net::{IpAddr, SocketAddr};

use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::socket_address::{PortSpecifier, Protocol};
use envoy_types::pb::envoy::config::core::v3::{Address, CidrRange};
use envoy_types::pb::envoy::config::listener::v3::filter_chain_match::ConnectionSourceType;
use envoy_types::pb::envoy::config::listener::v3::{FilterChain, FilterChainMatch, Listener as Message};

use crate::chain::ChainBody;
use crate::request::{Entry, Request, Transport};
use crate::text::Findings;
use crate::trace::{Candidate, Trace};

/// A listener, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) name: String,
    sockets: Vec<SocketAddr>,
    chains: Vec<(FilterChainMatch, ChainBody)>,
    default: Option<ChainBody>,
    /// Why its chains cannot be chosen among here.
    pub(crate) unknown: Option<String>,
}

/// How well a listener fits an entry: the more exact one gets the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    AllAddresses,
    ThisAddress,
    Named,
}

impl Listener {
    pub(crate) fn new(message: &Message, findings: &mut Findings<'_>) -> Listener {
        let mut findings = findings.at(&format!("listener {:?}", message.name));
        let additional = message.additional_addresses.iter().filter_map(|additional| additional.address.as_ref());
        let chains = message.filter_chains.iter().map(|chain| {
            let matched = chain.filter_chain_match.clone().unwrap_or_default();
            (matched, body(chain, &mut findings))
        });
        let chains = chains.collect();
        let default = message.default_filter_chain.as_ref().map(|chain| body(chain, &mut findings));
        let unknown = if message.filter_chain_matcher.is_some() {
            Some("this listener chooses its filter chains by a matcher, which is not evaluated".to_owned())
        } else if message.fcds_config.is_some() {
            Some("this listener discovers its filter chains, which is not evaluated".to_owned())
        } else {
            None
        };
        Listener {
            name: message.name.clone(),
            sockets: message.address.iter().chain(additional).filter_map(tcp_socket).collect(),
            chains,
            default,
            unknown,
        }
    }

    /// How well it fits, or why not.
    pub(crate) fn fit(&self, entry: &Entry) -> Result<Fit, String> {
        let sockets = || self.sockets.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
        match entry {
            Entry::Listener(name) if *name == self.name => Ok(Fit::Named),
            Entry::Listener(name) => Err(format!("it is not {name:?}")),
            Entry::Port(port) if self.sockets.iter().any(|socket| socket.port() == *port) => Ok(Fit::ThisAddress),
            Entry::Port(port) => Err(format!("it does not listen on port {port}: {}", sockets())),
            Entry::Address(address) if self.sockets.contains(address) => Ok(Fit::ThisAddress),
            Entry::Address(address) => {
                let all = |socket: &&SocketAddr| {
                    let same_family = socket.is_ipv4() == address.is_ipv4() || socket.is_ipv6();
                    socket.ip().is_unspecified() && socket.port() == address.port() && same_family
                };
                let found = self.sockets.iter().find(all);
                found
                    .map(|_| Fit::AllAddresses)
                    .ok_or_else(|| format!("it does not listen on {address}: {}", sockets()))
            }
        }
    }

    /// The port a connection arrives at.
    pub(crate) fn local_port(&self, entry: &Entry) -> Option<u16> {
        entry.port().or_else(|| self.sockets.first().map(SocketAddr::port)).filter(|port| *port != 0)
    }

    /// The chain that serves a connection and its position, or why there is none. Each criterion in turn keeps the chains
    /// that say it most exactly, and never goes back.
    pub(crate) fn chain(&self, request: &Request, trace: &mut Trace) -> Option<(Option<usize>, &ChainBody)> {
        let mut left: Vec<usize> = (0..self.chains.len()).collect();
        let port = self.local_port(&request.entry);
        for criterion in CRITERIA {
            let rank = |&index: &usize| {
                let (matched, _) = self.chains.get(index)?;
                criterion.rank(matched, request, port)
            };
            let best = left.iter().filter_map(rank).max();
            left.retain(|index| {
                let keep = best.is_some() && rank(index) == best;
                if !keep {
                    let name = self.chains.get(*index).map(|(_, body)| body.name.as_str()).unwrap_or_default();
                    let reason = match rank(index) {
                        Some(_) => format!("another chain says {} more exactly", criterion.noun()),
                        None => format!("{} is another", criterion.noun()),
                    };
                    trace.reject(Candidate::FilterChain, name, *index, reason);
                }
                keep
            });
        }
        match left.first().and_then(|index| Some((*index, self.chains.get(*index)?))) {
            Some((index, (_, body))) => Some((Some(index), body)),
            None => self.default.as_ref().map(|body| (None, body)),
        }
    }

    /// Whether some chain asks for an address that the request does not tell.
    pub(crate) fn lacks(&self, request: &Request) -> Option<&'static str> {
        let any = |asks: fn(&FilterChainMatch) -> bool| self.chains.iter().any(|(matched, _)| asks(matched));
        if request.source.is_none()
            && any(|matched| {
                !matched.source_prefix_ranges.is_empty()
                    || !matched.direct_source_prefix_ranges.is_empty()
                    || !matched.source_ports.is_empty()
                    || matched.source_type != 0
            })
        {
            return Some("a filter chain asks for the source of the connection, which is not given");
        }
        let lacks_address = request.entry.address().is_none();
        (lacks_address && any(|matched| !matched.prefix_ranges.is_empty()))
            .then_some("a filter chain asks for the destination address, which is not given")
    }
}

fn body(chain: &FilterChain, findings: &mut Findings<'_>) -> ChainBody {
    ChainBody::new(chain, &mut findings.at(&format!("filter chain {:?}", chain.name)))
}

fn tcp_socket(address: &Address) -> Option<SocketAddr> {
    let AddressKind::SocketAddress(socket) = address.address.as_ref()? else { return None };
    let PortSpecifier::PortValue(port) = socket.port_specifier.as_ref()? else { return None };
    if socket.protocol != Protocol::Tcp as i32 {
        return None;
    }
    Some(SocketAddr::new(socket.address.parse().ok()?, u16::try_from(*port).ok()?))
}

#[derive(Debug, Clone, Copy)]
enum Criterion {
    DestinationPort,
    DestinationAddress,
    ServerName,
    TransportProtocol,
    ApplicationProtocol,
    DirectSource,
    SourceType,
    SourceAddress,
    SourcePort,
}

/// In the order Envoy looks.
const CRITERIA: [Criterion; 9] = [
    Criterion::DestinationPort,
    Criterion::DestinationAddress,
    Criterion::ServerName,
    Criterion::TransportProtocol,
    Criterion::ApplicationProtocol,
    Criterion::DirectSource,
    Criterion::SourceType,
    Criterion::SourceAddress,
    Criterion::SourcePort,
];

impl Criterion {
    fn noun(self) -> &'static str {
        match self {
            Criterion::DestinationPort => "the destination port",
            Criterion::DestinationAddress => "the destination address",
            Criterion::ServerName => "the server name",
            Criterion::TransportProtocol => "the transport protocol",
            Criterion::ApplicationProtocol => "the application protocol",
            Criterion::DirectSource => "the direct source address",
            Criterion::SourceType => "the type of source",
            Criterion::SourceAddress => "the source address",
            Criterion::SourcePort => "the source port",
        }
    }

    /// How exactly a chain says what the connection is; `None` when it says something else, 0 when it says nothing.
    fn rank(self, matched: &FilterChainMatch, request: &Request, local_port: Option<u16>) -> Option<usize> {
        let source = request.source.map(|source| source.ip());
        match self {
            Criterion::DestinationPort => match &matched.destination_port {
                None => Some(0),
                Some(port) => (local_port.map(u32::from) == Some(port.value)).then_some(1),
            },
            Criterion::DestinationAddress => in_ranges(&matched.prefix_ranges, request.entry.address()),
            Criterion::ServerName => server_name(&matched.server_names, &request.transport),
            Criterion::TransportProtocol => match matched.transport_protocol.as_str() {
                "" => Some(0),
                "tls" => request.transport.is_tls().then_some(1),
                "raw_buffer" => (!request.transport.is_tls()).then_some(1),
                _ => None,
            },
            Criterion::ApplicationProtocol => application_protocol(&matched.application_protocols, &request.transport),
            Criterion::DirectSource => in_ranges(&matched.direct_source_prefix_ranges, source),
            Criterion::SourceType => {
                let local = source.is_some_and(|ip| ip.is_loopback() || Some(ip) == request.entry.address());
                match ConnectionSourceType::try_from(matched.source_type).unwrap_or(ConnectionSourceType::Any) {
                    ConnectionSourceType::Any => Some(0),
                    ConnectionSourceType::SameIpOrLoopback => local.then_some(1),
                    ConnectionSourceType::External => (!local).then_some(1),
                }
            }
            Criterion::SourceAddress => in_ranges(&matched.source_prefix_ranges, source),
            Criterion::SourcePort => {
                let port = request.source.map(|source| u32::from(source.port()));
                if matched.source_ports.is_empty() {
                    return Some(0);
                }
                port.filter(|port| matched.source_ports.contains(port)).map(|_| 1)
            }
        }
    }
}

fn server_name(names: &[String], transport: &Transport) -> Option<usize> {
    if names.is_empty() {
        return Some(0);
    }
    let Transport::Tls { server_name: Some(asked), .. } = transport else { return None };
    let asked = asked.to_ascii_lowercase();
    let rank = |name: &String| {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix('*') {
            None => (name == asked).then_some(usize::MAX),
            Some(end) => (asked.len() > end.len() && asked.ends_with(end)).then_some(end.len()),
        }
    };
    names.iter().filter_map(rank).max()
}

fn application_protocol(protocols: &[String], transport: &Transport) -> Option<usize> {
    if protocols.is_empty() {
        return Some(0);
    }
    let Transport::Tls { alpn, .. } = transport else { return None };
    let first = alpn.iter().position(|offered| protocols.contains(offered))?;
    Some(alpn.len() - first)
}

fn in_ranges(ranges: &[CidrRange], address: Option<IpAddr>) -> Option<usize> {
    if ranges.is_empty() {
        return Some(0);
    }
    let address = address?;
    ranges.iter().filter_map(|range| in_range(range, address)).max()
}

/// One more than the bits of the range, when the address is in it.
fn in_range(range: &CidrRange, address: IpAddr) -> Option<usize> {
    let bits = range.prefix_len.as_ref().map_or(0, |bits| bits.value);
    let inside = match (range.address_prefix.parse::<IpAddr>().ok()?, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    };
    inside.then(|| usize::try_from(bits).unwrap_or(usize::MAX).saturating_add(1))
}
