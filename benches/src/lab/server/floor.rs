//! The floor: a plain tonic server with the generated service, which clones and encodes a ready response per stream.
//!
//! It has no cache, no session and no subscription, and is asked for nothing but the change itself. A stream that could not be
//! told of a change at once is told of it with the next ones, in one response.

use std::pin::Pin;
use std::sync::Arc;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use super::Obedient;
use super::log::{Log, Untold};
use super::prepared::{News, Prepared};
use crate::lab::setting::{Greeting, Setting};
use crate::stand::Failure;

/// The floor as it is told.
pub(super) struct Floor {
    log: Arc<Log<Prepared>>,
    news: News<Prepared>,
}

impl Floor {
    pub(super) fn start(runtime: &Runtime, listener: TcpListener, setting: &Setting) -> Result<Floor, Failure> {
        if setting.greeting == Greeting::All {
            return Err("the tonic floor has no subscriptions: bare sockets and the ready-bytes floor have".into());
        }
        // Made before anything is measured.
        let (first, news) = News::new(setting, std::convert::identity)?;
        let log = Log::new(first);
        let service = Service { log: Arc::clone(&log), greeting: setting.greeting };
        let service = AggregatedDiscoveryServiceServer::new(service).max_decoding_message_size(usize::MAX);
        let mut builder = builder(setting)?;
        runtime.spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            if let Err(error) = builder.add_service(service).serve_with_incoming(incoming).await {
                eprintln!("the floor stopped serving: {error}");
            }
        });
        Ok(Floor { log, news })
    }
}

impl Obedient for Floor {
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        self.log.push(self.news.of(revision, number)?);
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
    log: Arc<Log<Prepared>>,
    greeting: Greeting,
}

impl Service {
    /// What one stream is told, as one of the variants has it.
    fn told<T>(&self, merged: fn(&Untold<Prepared>) -> Option<T>) -> impl Stream<Item = Result<T, Status>> + use<T> {
        let (more, mut place) = match self.greeting {
            Greeting::One => (WatchStream::new(self.log.more()), self.log.newest()),
            Greeting::Nothing | Greeting::All => (WatchStream::from_changes(self.log.more()), self.log.end()),
        };
        let log = Arc::clone(&self.log);
        more.filter_map(move |_| merged(&log.since(&mut place)?).map(Ok))
    }
}

/// The newest response, with the resources of those before it, each once.
fn delta(untold: &Untold<Prepared>) -> Option<DeltaDiscoveryResponse> {
    let Prepared::Delta(newest) = &*untold.newest else { return None };
    let mut response = newest.clone();
    for earlier in untold.earlier.iter().rev() {
        let Prepared::Delta(earlier) = &**earlier else { continue };
        for resource in &earlier.resources {
            if response.resources.iter().all(|newer| newer.name != resource.name) {
                response.resources.push(resource.clone());
            }
        }
    }
    Some(response)
}

/// The newest response, which is everything.
fn sotw(untold: &Untold<Prepared>) -> Option<DiscoveryResponse> {
    match &*untold.newest {
        Prepared::Sotw(newest) => Some(newest.clone()),
        Prepared::Delta(_) => None,
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
        Ok(Response::new(Box::pin(self.told(sotw).merge(requests))))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        // One task per stream, as cheap as it gets: requests are read and dropped beside the responses.
        let requests = request.into_inner().filter_map(|request| request.err().map(Err));
        Ok(Response::new(Box::pin(self.told(delta).merge(requests))))
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::discovery::v3::Resource;

    use super::*;

    #[test]
    fn of_what_changed_twice_the_newest_is_told() {
        let prepared = |nonce: &str, names: &[&str]| {
            let resource = |name: &&str| Resource { name: (*name).into(), version: nonce.into(), ..Default::default() };
            let resources = names.iter().map(resource).collect();
            Arc::new(Prepared::Delta(DeltaDiscoveryResponse { nonce: nonce.into(), resources, ..Default::default() }))
        };
        let earlier = vec![prepared("1", &["a"]), prepared("2", &["b", "c"]), prepared("3", &["b"])];
        let response = delta(&Untold { earlier, newest: prepared("4", &["a"]) }).unwrap();
        let told: Vec<(&str, &str)> =
            response.resources.iter().map(|resource| (&*resource.name, &*resource.version)).collect();
        assert_eq!((&*response.nonce, told), ("4", vec![("a", "4"), ("b", "3"), ("c", "2")]));
    }
}
