//! A well-behaved client that subscribes, accepts everything and counts: one of a herd.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_protocol::TypeUrl;
use envoy_types::pb::envoy::config::core::v3::Node;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::Channel;

use crate::wait::{Seen, TimedOut, wait_until};
use crate::{Dialect, Method, Next, RawStream, Unexpected};

/// What a client asks of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The type.
    pub type_url: TypeUrl,
    /// The names; none: everything, for the types that allow it.
    pub names: Vec<String>,
}

impl Subscription {
    /// Everything of a type.
    pub fn everything(type_url: TypeUrl) -> Subscription {
        Subscription { type_url, names: Vec::new() }
    }

    /// These names of a type.
    pub fn named(type_url: TypeUrl, names: &[&str]) -> Subscription {
        Subscription { type_url, names: names.iter().map(|&name| name.to_owned()).collect() }
    }
}

/// What clients have received, all together: they may share one.
#[derive(Debug, Default)]
pub struct Tally {
    responses: AtomicU64,
    resources: AtomicU64,
    removed: AtomicU64,
    bytes: AtomicU64,
    ended: Mutex<Vec<Status>>,
}

impl Tally {
    /// A tally of nothing, to share.
    pub fn new() -> Arc<Tally> {
        Arc::default()
    }

    /// Responses received (and accepted).
    pub fn responses(&self) -> u64 {
        self.responses.load(Ordering::Relaxed)
    }

    /// Resources in them.
    pub fn resources(&self) -> u64 {
        self.resources.load(Ordering::Relaxed)
    }

    /// Names they said are gone (delta only).
    pub fn removed(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// Their encoded length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How the streams ended that have ended.
    pub fn ended(&self) -> Vec<Status> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this many responses have come.
    ///
    /// # Errors
    /// [`TimedOut`], with how many did.
    pub async fn wait_responses(&self, at_least: u64, deadline: Duration) -> Result<(), TimedOut> {
        self.wait("responses", Tally::responses, at_least, deadline).await
    }

    /// Waits until this many resources have come.
    ///
    /// # Errors
    /// [`TimedOut`], with how many did.
    pub async fn wait_resources(&self, at_least: u64, deadline: Duration) -> Result<(), TimedOut> {
        self.wait("resources", Tally::resources, at_least, deadline).await
    }

    async fn wait(
        &self,
        noun: &str,
        count: fn(&Tally) -> u64,
        at_least: u64,
        deadline: Duration,
    ) -> Result<(), TimedOut> {
        let what = format!("{at_least} {noun}");
        wait_until(&what, deadline, async || -> Result<(), Seen> {
            match count(self) {
                enough if enough >= at_least => Ok(()),
                few => Err(format!("{few} {noun}; streams ended: {:?}", self.ended()).into()),
            }
        })
        .await
    }
}

/// A client on a task of its own. Ends, and its stream with it, when dropped.
#[derive(Debug)]
pub struct AckingClient {
    running: JoinHandle<()>,
}

impl AckingClient {
    /// Opens a stream as this node, subscribes, and from then on accepts every response and counts it. Needs a runtime.
    ///
    /// # Errors
    /// [`Unexpected`], when the method does not exist in this variant.
    pub fn start<D: Dialect>(
        channel: &Channel,
        method: &Method,
        node: Node,
        subscriptions: Vec<Subscription>,
        tally: Arc<Tally>,
    ) -> Result<AckingClient, Unexpected> {
        let stream = RawStream::<D>::open(channel, method, &[])?.introduce(node);
        Ok(AckingClient { running: tokio::spawn(accept_everything(stream, subscriptions, tally)) })
    }

    /// Whether the stream has ended.
    pub fn has_ended(&self) -> bool {
        self.running.is_finished()
    }
}

impl Drop for AckingClient {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn accept_everything<D: Dialect>(mut stream: RawStream<D>, subscriptions: Vec<Subscription>, tally: Arc<Tally>) {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for subscription in &subscriptions {
        let asked: Vec<&str> = subscription.names.iter().map(String::as_str).collect();
        stream.send(D::subscribe(&subscription.type_url, &asked));
        names.insert(subscription.type_url.as_str(), asked);
    }
    loop {
        match stream.next_measured(Duration::MAX).await {
            Ok(received) => {
                let asked = names.get(D::type_url(&received.message)).map(Vec::as_slice).unwrap_or_default();
                stream.send(D::ack(&received.message, asked));
                let (resources, removed) = D::counts(&received.message);
                tally.resources.fetch_add(resources as u64, Ordering::Relaxed);
                tally.removed.fetch_add(removed as u64, Ordering::Relaxed);
                tally.bytes.fetch_add(received.bytes as u64, Ordering::Relaxed);
                tally.responses.fetch_add(1, Ordering::Relaxed);
            }
            Err(Next::Silence(_)) => {}
            Err(Next::Ended(status)) => {
                tally.ended.lock().unwrap_or_else(PoisonError::into_inner).push(status);
                return;
            }
        }
    }
}
