//! The floor: a plain tonic server with the generated service, which clones and encodes a ready response per stream.
//!
//! It has no cache, no session and no subscription, and is asked for nothing but the change itself.

use std::pin::Pin;
use std::sync::Arc;

use chancery_protocol::Resource as Served;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use envoy_types::pb::google::protobuf::Any;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use super::stock::nth;
use super::{Obedient, Stock};
use crate::lab::setting::{Greeting, Setting};
use crate::stand::Failure;

/// A ready response.
pub(super) enum Told {
    Delta(DeltaDiscoveryResponse),
    Sotw(DiscoveryResponse),
}

/// The response to the beginning, and to two changes, as Chancery sends them, byte for byte but for the versions.
pub(super) fn responses(setting: &Setting) -> Result<[Arc<Told>; 3], Failure> {
    let (mut stock, all) = Stock::new(setting)?;
    let resources = setting.resources;
    let (one, two) = (stock.changed(nth(1, resources), 1)?, stock.changed(nth(2, resources), 2)?);
    let first = stock.changed(0, 0)?;
    // In state of the world a response is all there is, with what has changed in it.
    let everything = || all.iter().filter(|resource| resource.type_url() == first.type_url());
    let with = |changed: &Served| match setting.sotw {
        true => everything()
            .map(|resource| if resource.name() == changed.name() { changed } else { resource })
            .map(|resource| Any { type_url: resource.type_url().as_str().to_owned(), value: resource.body().to_vec() })
            .collect(),
        false => Vec::new(),
    };
    Ok([(&first, 0), (&two, 2), (&one, 1)].map(|(resource, revision)| {
        Arc::new(match setting.sotw {
            true => Told::Sotw(sotw(resource, with(resource), revision)),
            false => Told::Delta(delta(&[resource], revision)),
        })
    }))
}

/// A response with these resources, all of one type.
pub(super) fn delta(resources: &[&Served], revision: usize) -> DeltaDiscoveryResponse {
    let wrapped = |resource: &&Served| Resource {
        name: resource.name().as_str().to_owned(),
        version: resource.version().as_str().to_owned(),
        resource: Some(Any { type_url: resource.type_url().as_str().to_owned(), value: resource.body().to_vec() }),
        ..Default::default()
    };
    DeltaDiscoveryResponse {
        system_version_info: resources.first().map(|one| one.version().as_str().to_owned()).unwrap_or_default(),
        type_url: resources.first().map(|one| one.type_url().as_str().to_owned()).unwrap_or_default(),
        resources: resources.iter().map(wrapped).collect(),
        nonce: (revision + 1).to_string(),
        ..Default::default()
    }
}

fn sotw(changed: &Served, resources: Vec<Any>, revision: usize) -> DiscoveryResponse {
    DiscoveryResponse {
        version_info: changed.version().as_str().to_owned(),
        resources,
        type_url: changed.type_url().as_str().to_owned(),
        nonce: (revision + 1).to_string(),
        ..Default::default()
    }
}

/// The floor as it is told: two ready responses in turn.
pub(super) struct Floor {
    newest: watch::Sender<Arc<Told>>,
    ready: [Arc<Told>; 2],
}

impl Floor {
    pub(super) fn start(runtime: &Runtime, listener: TcpListener, setting: &Setting) -> Result<Floor, Failure> {
        // Made before anything is measured.
        let [first, even, odd] = responses(setting)?;
        let (newest, receiver) = watch::channel(first);
        let service = Service { newest: receiver, greeting: setting.greeting };
        let service = AggregatedDiscoveryServiceServer::new(service).max_decoding_message_size(usize::MAX);
        let mut builder = builder(setting)?;
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            if let Err(error) = builder.add_service(service).serve_with_incoming(incoming).await {
                eprintln!("the floor stopped serving: {error}");
            }
        });
        Ok(Floor { newest, ready: [even, odd] })
    }
}

impl Obedient for Floor {
    fn change(&mut self, revision: usize, _number: usize) -> Result<(), Failure> {
        let [even, odd] = &self.ready;
        self.newest.send_replace(Arc::clone(if revision.is_multiple_of(2) { even } else { odd }));
        Ok(())
    }
}

/// A tonic server with the certificates of the setting.
pub(super) fn builder(setting: &Setting) -> Result<Server, Failure> {
    let Some(files) = &setting.tls else { return Ok(Server::builder()) };
    let identity = Identity::from_pem(std::fs::read(&files.certificate)?, std::fs::read(&files.key)?);
    let authority = Certificate::from_pem(std::fs::read(&files.authority)?);
    let tls = ServerTlsConfig::new().identity(identity).client_ca_root(authority);
    Ok(Server::builder().tls_config(tls)?)
}

struct Service {
    newest: watch::Receiver<Arc<Told>>,
    greeting: Greeting,
}

impl Service {
    fn told(&self) -> WatchStream<Arc<Told>> {
        match self.greeting {
            Greeting::One => WatchStream::new(self.newest.clone()),
            Greeting::Nothing => WatchStream::from_changes(self.newest.clone()),
        }
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
        let requests = request.into_inner().filter_map(|request| request.err().map(Err));
        let responses = self.told().filter_map(|told| match &*told {
            Told::Sotw(response) => Some(Ok(response.clone())),
            Told::Delta(_) => None,
        });
        Ok(Response::new(Box::pin(responses.merge(requests))))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        // One task per stream, as cheap as it gets: requests are read and dropped beside the responses.
        let requests = request.into_inner().filter_map(|request| request.err().map(Err));
        let responses = self.told().filter_map(|told| match &*told {
            Told::Delta(response) => Some(Ok(response.clone())),
            Told::Sotw(_) => None,
        });
        Ok(Response::new(Box::pin(responses.merge(requests))))
    }
}
