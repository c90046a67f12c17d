//! Depth 2: a frontend of your own. It watches a registry of services and publishes their endpoints.
//!
//! The registry here is a table in memory in which `shop` moves to another port now and then; yours may be a database.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use chancery_cache::{EveryoneTogether, Frontend, GroupKey, Publisher, ResourceSet, SnapshotCache};
use chancery_core::{InsecureAllowEveryone, Server};
use chancery_embed::{Failure, Run};
use chancery_protocol::Resource;
use chancery_resource::{EncodeError, encode};
use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress, address, socket_address};
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};
use tokio::sync::watch;

/// Service name to port. A watch channel gives the newest table and skips those in between, as the cache does.
type Table = BTreeMap<String, u16>;

struct Registry(watch::Receiver<Table>);

impl Frontend for Registry {
    type Error = Infallible;

    async fn run(mut self, publisher: Publisher, stop: impl Future<Output = ()> + Send) -> Result<(), Infallible> {
        let mut stop = pin!(stop);
        loop {
            let table = self.0.borrow_and_update().clone();
            // What cannot be translated is reported and left out; the rest is published all the same.
            let resources = table.iter().filter_map(|(name, port)| {
                endpoints(name, *port).inspect_err(|error| eprintln!("service {name}: {error}")).ok()
            });
            // Publishing the whole set every time is fine: what did not change is not sent again.
            match ResourceSet::of(resources).map(|set| publisher.publish(&GroupKey::everyone(), set)) {
                Ok(Ok(published)) => println!("published: {} added, {} changed", published.added, published.changed),
                Ok(Err(refused)) => eprintln!("not published: {refused}"),
                Err(duplicate) => eprintln!("not published: {duplicate}"),
            }
            tokio::select! {
                () = &mut stop => return Ok(()),
                changed = self.0.changed() => if changed.is_err() {
                    // The registry is gone. That is its trouble, not the proxies': what was published stays.
                    stop.await;
                    return Ok(());
                },
            }
        }
    }
}

fn endpoints(service: &str, port: u16) -> Result<Resource, EncodeError> {
    let port = socket_address::PortSpecifier::PortValue(port.into());
    let socket = SocketAddress { address: "127.0.0.1".into(), port_specifier: Some(port), ..Default::default() };
    let address = Some(Address { address: Some(address::Address::SocketAddress(socket)) });
    let host = lb_endpoint::HostIdentifier::Endpoint(Endpoint { address, ..Default::default() });
    let host = LbEndpoint { host_identifier: Some(host), ..Default::default() };
    let locality = LocalityLbEndpoints { lb_endpoints: vec![host], ..Default::default() };
    encode(&ClusterLoadAssignment { cluster_name: service.into(), endpoints: vec![locality], ..Default::default() })
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let run = Run::from_arguments()?;
    let (tables, newest) = watch::channel(Table::from([("cart".into(), 8080), ("shop".into(), 8081)]));
    tokio::spawn(async move {
        for port in [8082, 8081].into_iter().cycle() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            tables.send_modify(|table| table.extend([("shop".into(), port)]));
        }
    });

    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    let server = Server::builder(cache, InsecureAllowEveryone).observer(run.clone()).build()?;
    let listener = run.listener().await?;
    let frontend = Registry(newest).run(publisher, std::future::pending());
    tokio::select! {
        ended = server.serve(listener, run.over()) => Ok(ended?),
        stopped = frontend => Ok(stopped?),
    }
}
