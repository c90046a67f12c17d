//! A filter chain: what its network filters do with a connection.

use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::ClusterSpecifier;
use prost::{Message, Name};

use crate::explanation::Chosen;
use crate::manager::Manager;
use crate::problem::Problem;
use crate::text::Findings;
use crate::upstream::Clusters;

/// What a chain does with the bytes.
#[derive(Debug, Clone)]
pub(crate) enum Service {
    Http(Box<Manager>),
    Tcp(Tcp),
    Unknown(String),
}

/// Where a TCP proxy sends connections: clusters with weights; one without a choice has weight 1.
#[derive(Debug, Clone)]
pub(crate) struct Tcp(Vec<(String, u64)>);

impl Tcp {
    fn new(message: &TcpProxy) -> Tcp {
        Tcp(match &message.cluster_specifier {
            Some(ClusterSpecifier::Cluster(name)) => vec![(name.clone(), 1)],
            Some(ClusterSpecifier::WeightedClusters(weighted)) => {
                weighted.clusters.iter().map(|share| (share.name.clone(), share.weight.into())).collect()
            }
            None => Vec::new(),
        })
    }

    /// The cluster of a connection; `None` when the proxy has none.
    pub(crate) fn pick(&self, random: u64, clusters: &Clusters) -> Option<Chosen> {
        let place = random.checked_rem(self.0.iter().map(|(_, weight)| weight).sum())?;
        let mut end = 0;
        let (name, _) = self.0.iter().find(|(_, weight)| {
            end += weight;
            place < end
        })?;
        let weights = if self.0.len() > 1 { self.0.clone() } else { Vec::new() };
        Some(Chosen { upstream: clusters.upstream(name), weights })
    }
}

/// A filter chain's service, and whether it ends TLS.
#[derive(Debug, Clone)]
pub(crate) struct ChainBody {
    pub(crate) name: String,
    pub(crate) service: Service,
    pub(crate) has_transport_socket: bool,
    pub(crate) notes: Vec<String>,
}

impl ChainBody {
    pub(crate) fn new(message: &FilterChain, findings: &mut Findings<'_>) -> ChainBody {
        let mut notes = Vec::new();
        let mut service = None;
        for filter in &message.filters {
            match terminal(filter, findings) {
                Some(found) => service = service.or(Some(found)),
                None => notes.push(format!("the network filter {:?} is not evaluated", filter.name)),
            }
        }
        ChainBody {
            name: message.name.clone(),
            service: service.unwrap_or_else(|| {
                Service::Unknown("the filter chain has neither a connection manager nor a TCP proxy".into())
            }),
            has_transport_socket: message
                .transport_socket
                .as_ref()
                .is_some_and(|socket| socket.name != "envoy.transport_sockets.raw_buffer"),
            notes,
        }
    }
}

/// What a filter does with all bytes; `None` when it only looks at them on their way.
fn terminal(filter: &Filter, findings: &mut Findings<'_>) -> Option<Service> {
    let Some(ConfigType::TypedConfig(any)) = &filter.config_type else { return None };
    let mut undecodable = |error: prost::DecodeError| {
        let reason = error.to_string();
        let place = format!("{}, filter {:?}", findings.place, filter.name);
        let said = Service::Unknown(format!("the filter {:?} cannot be decoded: {reason}", filter.name));
        findings.problems.push(Problem::Undecodable { place, type_url: any.type_url.clone(), reason });
        said
    };
    if any.type_url == HttpConnectionManager::type_url() {
        Some(match HttpConnectionManager::decode(any.value.as_slice()) {
            Ok(message) => Service::Http(Box::new(Manager::new(&message, findings))),
            Err(error) => undecodable(error),
        })
    } else if any.type_url == TcpProxy::type_url() {
        Some(match TcpProxy::decode(any.value.as_slice()) {
            Ok(message) => Service::Tcp(Tcp::new(&message)),
            Err(error) => undecodable(error),
        })
    } else {
        None
    }
}
