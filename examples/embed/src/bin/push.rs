//! Depth 1: push resources into the cache, and serve it. Everything else is Chancery's.

use std::error::Error;

use chancery_cache::{EveryoneTogether, GroupKey, Patch, ResourceSet, SnapshotCache};
use chancery_core::{InsecureAllowEveryone, Server};
use chancery_embed::{Failure, Run};
use chancery_protocol::{Resource, TypeUrl};
use chancery_resource::encode;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::google::protobuf::Duration;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let run = Run::from_arguments()?;

    // The cache is what streams read from; the publisher is the only way in.
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    let everyone = GroupKey::everyone();

    // A whole set says all there is: what is not in it is gone.
    let published = publisher.publish(&everyone, ResourceSet::of([cluster("shop", 1)?, cluster("cart", 1)?])?)?;
    println!("published {} clusters", published.added);

    // A patch touches only what it names, and costs what it changes.
    let mut patch = Patch::new();
    patch.upsert(cluster("search", 1)?).upsert(cluster("shop", 5)?).remove(TypeUrl::CLUSTER, "cart".into());
    let published = publisher.apply(&everyone, patch)?;
    println!("applied: {} added, {} changed, {} removed", published.added, published.changed, published.removed);

    // Both may be called at any time, from any thread, while the server runs.
    let server = Server::builder(cache, InsecureAllowEveryone).observer(run.clone()).build()?;
    server.serve(run.listener().await?, run.over()).await?;
    Ok(())
}

fn cluster(name: &str, connect_timeout_s: i64) -> Result<Resource, impl Error + Send + Sync + 'static> {
    encode(&Cluster {
        name: name.to_owned(),
        connect_timeout: Some(Duration { seconds: connect_timeout_s, nanos: 0 }),
        ..Cluster::default()
    })
}
