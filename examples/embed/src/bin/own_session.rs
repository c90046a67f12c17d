//! Depth 4: drive a session by hand. No runtime, no socket, no clock: the loop, and what time it is, are yours.
//!
//! The peer here is a few lines in the same process: it subscribes to all clusters, accepts what it gets, and refuses
//! one. Around this loop you can put any transport, or a test.

use std::time::Duration;

use chancery_cache::{EveryoneTogether, GroupKey, Patch, Publisher, ResourceSet, SnapshotCache};
use chancery_embed::Failure;
use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, Moment, Refusal, Reply, Session, Settings, TypeUrl, View,
};
use chancery_resource::encode;
use envoy_types::pb::envoy::config::cluster::v3::Cluster;

/// A stream without a transport: the session, the clock, and where its views come from.
struct Stream {
    session: DeltaSession,
    now: Moment,
    cache: SnapshotCache,
}

impl Stream {
    /// Takes in what the peer says, and gives all the session answers.
    fn turn(&mut self, said: Option<DeltaRequest>) -> Result<Vec<DeltaResponse>, Failure> {
        self.now = self.now + Duration::from_millis(10);
        if let Some(request) = said {
            self.session.handle_request(self.now, request)?;
        }
        if self.session.poll_timeout().is_some_and(|due| due <= self.now) {
            self.session.handle_timeout(self.now);
        }
        // Always with the newest view: a slow peer skips what it was too slow for.
        let view = self.cache.view(&GroupKey::everyone()).ok_or("nothing was published")?;
        let mut responses = Vec::new();
        while let Some(response) = self.session.poll_transmit(self.now, &*view) {
            describe(&response, &*view);
            responses.push(response);
        }
        while let Some(event) = self.session.poll_event() {
            println!("  event: {event:?}");
        }
        Ok(responses)
    }
}

fn describe<V: View>(response: &DeltaResponse, view: &V) {
    let sent = response.payload.resources(&response.type_url, view);
    let names: Vec<&str> = sent.map(|resource| resource.name().as_str()).collect();
    println!("response {}: {} changed {names:?}, removed {:?}", response.nonce, response.type_url, response.removed);
}

fn reply(reply: Reply) -> Option<DeltaRequest> {
    Some(DeltaRequest { reply, ..DeltaRequest::first(TypeUrl::CLUSTER, &[]) })
}

fn put(publisher: &Publisher, name: &str) -> Result<(), Failure> {
    let mut patch = Patch::new();
    patch.upsert(encode(&Cluster { name: name.into(), ..Cluster::default() })?);
    println!("publish {name}");
    publisher.apply(&GroupKey::everyone(), patch)?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&GroupKey::everyone(), ResourceSet::new())?;
    put(&publisher, "shop")?;
    let mut stream = Stream { session: DeltaSession::new(Settings::default()), now: Moment::default(), cache };

    println!("the peer subscribes to every cluster");
    let first = stream.turn(Some(DeltaRequest::first(TypeUrl::CLUSTER, &["*"])))?;
    let first = first.first().ok_or("no answer")?;
    println!("the peer accepts response {}", first.nonce);
    stream.turn(reply(Reply::Ack(first.nonce)))?;

    put(&publisher, "cart")?;
    let second = stream.turn(None)?;
    let second = second.first().ok_or("no update")?;
    println!("the peer refuses response {}", second.nonce);
    let again = stream.turn(reply(Reply::Nack(second.nonce, Refusal::new(13, "cart: no such filter"))))?;
    println!("sent again: {} (the same content never is)", again.len());
    Ok(())
}
