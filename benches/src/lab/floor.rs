//! The floor: a plain tonic server with the generated service, which clones and encodes a ready response per stream.
//!
//! It has no cache, no session and no subscription, and is asked for nothing but the change itself.

use std::pin::Pin;
use std::sync::Arc;

use chancery_protocol::TypeUrl;
use chancery_resource::encode;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use envoy_types::pb::google::protobuf::Any;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::{TcpListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::made;
use crate::stand::Failure;

/// The response to a change, as Chancery sends it, byte for byte but for the versions.
pub(super) fn response(number: usize, revision: usize) -> Result<Arc<DeltaDiscoveryResponse>, Failure> {
    let resource = encode(&made::endpoints(number, revision, 10))?;
    let type_url = TypeUrl::ENDPOINTS.as_str().to_owned();
    let wrapped = Resource {
        name: resource.name().as_str().to_owned(),
        version: resource.version().as_str().to_owned(),
        resource: Some(Any { type_url: type_url.clone(), value: resource.body().to_vec() }),
        ..Default::default()
    };
    Ok(Arc::new(DeltaDiscoveryResponse {
        system_version_info: resource.version().as_str().to_owned(),
        resources: vec![wrapped],
        type_url,
        nonce: (revision + 1).to_string(),
        ..Default::default()
    }))
}

pub(super) async fn serve(listener: TcpListener, newest: watch::Receiver<Arc<DeltaDiscoveryResponse>>) {
    let service = AggregatedDiscoveryServiceServer::new(Floor(newest)).max_decoding_message_size(usize::MAX);
    let served = Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
    if let Err(error) = served.await {
        eprintln!("the floor stopped serving: {error}");
    }
}

struct Floor(watch::Receiver<Arc<DeltaDiscoveryResponse>>);

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Floor {
    type StreamAggregatedResourcesStream = Responses<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Responses<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        _request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("the floor speaks delta"))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        // One task per stream, as cheap as it gets: requests are read and dropped beside the responses.
        let requests = request.into_inner().filter_map(|request| request.err().map(Err));
        let responses = WatchStream::new(self.0.clone()).map(|response| Ok(DeltaDiscoveryResponse::clone(&response)));
        Ok(Response::new(Box::pin(responses.merge(requests))))
    }
}
