//! The smallest management server that real Envoys and raw streams can be tried on: fixed resources, both variants, no
//! updates. It is no model of one: it answers the first request of each type and hears nothing else.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;

use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use envoy_types::pb::google::protobuf::Any;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// One resource: type, name, body.
pub(crate) type Fixed = (TypeUrl, &'static str, Any);

pub(crate) struct Management {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Management {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Management {
    pub(crate) async fn start(resources: Vec<Fixed>) -> Management {
        Management::serve(Server::builder(), resources).await
    }

    /// Over TLS, for clients of this authority only.
    pub(crate) async fn start_tls(
        resources: Vec<Fixed>,
        authority_pem: &str,
        own: &chancery_testkit::Issued,
    ) -> Management {
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(&own.certificate_pem, &own.key_pem))
            .client_ca_root(tonic::transport::Certificate::from_pem(authority_pem));
        Management::serve(Server::builder().tls_config(tls).expect("certificates"), resources).await
    }

    async fn serve(mut server: Server, resources: Vec<Fixed>) -> Management {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = AggregatedDiscoveryServiceServer::new(Service { resources });
        let router = server.add_service(service);
        let serving = tokio::spawn(async move {
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("to serve");
        });
        Management { address, serving }
    }
}

struct Service {
    resources: Vec<Fixed>,
}

impl Service {
    fn of<'a>(&'a self, type_url: &str) -> impl Iterator<Item = &'a Fixed> + use<'a> {
        let type_url = TypeUrl::parse(type_url);
        self.resources.iter().filter(move |(of, _, _)| *of == type_url)
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Service {
    type StreamAggregatedResourcesStream = Responses<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Responses<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let (mut answered, resources) = (BTreeSet::new(), Service { resources: self.resources.clone() });
        let responses = request.into_inner().filter_map(move |request| {
            let request = match request {
                Ok(request) => request,
                Err(status) => return Some(Err(status)),
            };
            answered.insert(request.type_url.clone()).then(|| {
                if request.type_url.is_empty() {
                    return Err(Status::invalid_argument("a request without a type"));
                }
                let nonce = answered.len().to_string();
                let bodies = resources.of(&request.type_url).map(|(_, _, body)| body.clone()).collect();
                let version_info = "fixed-sotw".to_owned();
                Ok(DiscoveryResponse {
                    version_info,
                    resources: bodies,
                    type_url: request.type_url,
                    nonce,
                    ..Default::default()
                })
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let (mut answered, resources) = (BTreeSet::new(), Service { resources: self.resources.clone() });
        let responses = request.into_inner().filter_map(move |request| {
            let request = match request {
                Ok(request) => request,
                Err(status) => return Some(Err(status)),
            };
            answered.insert(request.type_url.clone()).then(|| {
                let nonce = answered.len().to_string();
                let whole = |(_, name, body): &Fixed| Resource {
                    name: (*name).to_owned(),
                    version: "fixed-delta".to_owned(),
                    resource: Some(body.clone()),
                    ..Default::default()
                };
                let resources = resources.of(&request.type_url).map(whole).collect();
                Ok(DeltaDiscoveryResponse { resources, type_url: request.type_url, nonce, ..Default::default() })
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }
}
