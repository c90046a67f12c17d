//! One stream of the herd: asks, accepts, and reads of each response only what it must.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::chance::part_of;
use super::channel::{Call, Channel, Dialer, End};
use super::skim::{Depth, Field, Response, Seen, Skimmer, descend, field};
use super::tap::Meter;
use super::wire::{Ask, Held, Variant};
use crate::made;
use crate::stand::Failure;

/// Over how long streams spread that have lost their connection.
const SPREAD: Duration = Duration::from_secs(1);

/// The longest wait of a stream that was refused and not told when to come back.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// What a stream tells the experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It holds everything it waited for.
    Ready { at: Instant, stream: usize },
    /// It has accepted a response of this many bytes, once it was ready.
    Accepted { at: Instant, stream: usize, bytes: usize, members: usize, revised: Vec<Revised> },
    /// It was refused, or has lost its connection, and will come back.
    Left { stream: usize, why: End },
    /// It had stopped reading, and the server has closed its connection.
    CutOff { at: Instant },
}

/// A resource as it was last received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revised {
    pub(super) number: usize,
    pub(super) revision: usize,
}

/// What a stream does once it has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Accepts what comes.
    Accepts,
    /// Accepts it, and reads which revision of which load assignment it is.
    Watches,
    /// Reads nothing more and answers nothing.
    Stalls,
}

/// When a stream that ends is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    /// As long as it has not got everything; later its end is a failure.
    UntilReady,
    /// Whenever the server is unavailable or the connection lost. It then asks for everything again.
    Always,
}

/// All there is to know of a stream. Many share it.
pub(super) struct Script {
    pub(super) variant: Variant,
    /// Asked one after the other, each when what was asked before is there.
    pub(super) asks: Vec<Ask>,
    pub(super) manners: Manners,
    pub(super) returns: Return,
}

/// Runs a stream on a connection of its own until it ends.
pub(super) async fn run(
    stream: usize,
    dialer: Arc<Dialer>,
    script: Arc<Script>,
    told: UnboundedSender<Told>,
) -> Result<(), Failure> {
    let mut one = One { stream, dialer, script, told, channel: None, is_ready: false };
    let mut tries = 0;
    loop {
        let was_ready = one.is_ready;
        let end = match one.converse().await {
            Err(Halt::End(end)) => end,
            Err(Halt::Failed(failure)) => return Err(failure),
            Ok(()) => return Ok(()),
        };
        if one.is_ready && !was_ready {
            tries = 0;
        }
        tries += 1;
        if one.is_ready && one.script.returns == Return::UntilReady {
            return Err(end.to_string().into());
        }
        let seed = (stream as u64) << 20 | tries;
        let wait = match &end {
            End::Status { pushback, .. } if end.is_refusal() => {
                Meter::add(&one.dialer.meter.refused, 1);
                let backoff = Duration::from_millis(500) * 2u32.saturating_pow(tries.min(8) as u32);
                pushback.unwrap_or_else(|| part_of(backoff.min(LONGEST_BACKOFF), seed))
            }
            End::Lost(_) => {
                Meter::add(&one.dialer.meter.lost, 1);
                one.channel = None;
                part_of(SPREAD, seed)
            }
            End::Status { .. } => return Err(end.to_string().into()),
        };
        one.is_ready = false;
        one.told.send(Told::Left { stream, why: end })?;
        sleep(wait).await;
    }
}

/// Asks once, and gives names and versions of all that comes.
pub(super) async fn learn_held(dialer: &Dialer, ask: &Ask) -> Result<Vec<Held>, Failure> {
    let failed = |end: End| end.to_string();
    let mut channel = dialer.connect(false).await.map_err(failed)?;
    let mut call = channel.call(&Variant::Delta.method(), ask.request.clone()).await.map_err(failed)?;
    let mut skimmer = Skimmer::new(Variant::Delta, Depth::Resources);
    let mut held = Vec::new();
    while held.len() < ask.expected {
        let piece = call.piece().await.map_err(failed)?;
        let mut tails = Vec::new();
        skimmer.push(&piece, &mut |seen| match seen {
            Seen::Resource(resource) => {
                let text = |number| {
                    let bytes = descend(resource, &[number]).unwrap_or_default();
                    String::from_utf8_lossy(bytes).into_owned()
                };
                held.push(Held { name: text(3), version: text(1) });
            }
            Seen::Response(response) => tails.push(ask.acceptance(&response.version, &response.nonce)),
        })?;
        for tail in tails {
            call.send(tail).map_err(failed)?;
        }
    }
    Ok(held)
}

struct One {
    stream: usize,
    dialer: Arc<Dialer>,
    script: Arc<Script>,
    told: UnboundedSender<Told>,
    channel: Option<Channel>,
    is_ready: bool,
}

/// Why a conversation is over.
enum Halt {
    End(End),
    Failed(Failure),
}

impl From<End> for Halt {
    fn from(end: End) -> Halt {
        Halt::End(end)
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt::Failed(failure)
    }
}

impl One {
    fn tell(&self, told: Told) -> Result<(), Halt> {
        self.told.send(told).map_err(|_| Halt::Failed("nobody listens".into()))
    }

    /// From the first request to the end of the stream.
    async fn converse(&mut self) -> Result<(), Halt> {
        let script = Arc::clone(&self.script);
        if self.channel.is_none() {
            self.channel = Some(self.dialer.connect(script.manners == Manners::Stalls).await?);
        }
        let channel = self.channel.as_mut().ok_or_else(|| Halt::Failed("no connection".into()))?;
        let mut asks = script.asks.iter();
        let mut asked = asks.next().ok_or_else(|| Halt::Failed("nothing is asked".into()))?;
        let mut call = channel.call(&script.variant.method(), asked.request.clone()).await?;
        let mut skimmer = Skimmer::new(script.variant, Depth::Count);
        let mut arrived = 0;
        let (mut responses, mut revised) = (Vec::new(), Vec::new());
        loop {
            while !self.is_ready && arrived >= asked.expected {
                match asks.next() {
                    Some(next) => {
                        asked = next;
                        arrived = 0;
                        call.send([asked.request.clone(), Bytes::new()])?;
                    }
                    None => {
                        self.is_ready = true;
                        self.tell(Told::Ready { at: Instant::now(), stream: self.stream })?;
                        skimmer.depth =
                            if script.manners == Manners::Watches { Depth::Resources } else { Depth::Count };
                        if script.manners == Manners::Stalls {
                            self.stall().await?;
                        }
                    }
                }
            }
            let piece = call.piece().await?;
            let is_ready = self.is_ready;
            skimmer.push(&piece, &mut |seen| match seen {
                Seen::Resource(resource) => revised.extend(revision(resource, script.variant)),
                Seen::Response(response) => responses.push((response, std::mem::take(&mut revised))),
            })?;
            drop(piece);
            for (response, revised) in responses.drain(..) {
                let bytes = response.bytes;
                let members = self.accept(&mut call, &response)?;
                if is_ready {
                    let told = Told::Accepted { at: Instant::now(), stream: self.stream, bytes, members, revised };
                    self.tell(told)?;
                } else if response.type_url == asked.type_url.as_str().as_bytes() {
                    arrived += response.members + response.removed;
                }
            }
        }
    }

    /// Accepts a response, and gives the number of its resources.
    fn accept(&self, call: &mut Call, response: &Response) -> Result<usize, Halt> {
        let meter = &self.dialer.meter;
        Meter::add(&meter.responses, 1);
        Meter::add(&meter.response_bytes, response.bytes);
        Meter::add(&meter.members, response.members);
        let ask = self.script.asks.iter().find(|ask| ask.type_url.as_str().as_bytes() == response.type_url);
        let ask = ask.ok_or_else(|| {
            let type_url = String::from_utf8_lossy(&response.type_url);
            Halt::Failed(format!("a response of a type that was not asked for: {type_url:?}").into())
        })?;
        call.send(ask.acceptance(&response.version, &response.nonce))?;
        Ok(response.members)
    }

    async fn stall(&self) -> Result<(), Halt> {
        if let Some(channel) = &self.channel {
            channel.stall().await?;
        }
        self.tell(Told::CutOff { at: Instant::now() })?;
        std::future::pending().await
    }
}

/// The `Any` of a resource.
fn any(resource: &[u8], variant: Variant) -> &[u8] {
    match variant {
        Variant::Delta => descend(resource, &[2]).unwrap_or_default(),
        Variant::Sotw => resource,
    }
}

/// Which load assignment this is, and of which revision: its ports tell.
fn revision(resource: &[u8], variant: Variant) -> Option<Revised> {
    let assignment = descend(any(resource, variant), &[2])?;
    let number = made::number(descend(assignment, &[1])?)?;
    // endpoints, lb_endpoints, endpoint, address, socket_address, port_value
    match field(descend(assignment, &[2, 2, 1, 1, 1])?, 3)? {
        Field::Number(port) => Some(Revised { number, revision: made::revision_of_port(u32::try_from(port).ok()?)? }),
        Field::Bytes(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use chancery_protocol::TypeUrl;
    use envoy_types::pb::envoy::service::discovery::v3::Resource;
    use envoy_types::pb::google::protobuf::Any;
    use prost::Message;

    use super::*;

    #[test]
    fn the_revision_of_a_load_assignment_is_read_from_its_bytes() {
        let value = made::endpoints(4711, 815, 10).encode_to_vec();
        let any = Any { type_url: TypeUrl::ENDPOINTS.as_str().to_owned(), value };
        let read = Revised { number: 4711, revision: 815 };
        assert_eq!(revision(&any.encode_to_vec(), Variant::Sotw), Some(read));
        let resource = Resource { name: made::name(4711), resource: Some(any), ..Default::default() };
        assert_eq!(revision(&resource.encode_to_vec(), Variant::Delta), Some(read));
    }
}
