//! The way of messages as bytes: responses through the bodies that streams share, requests through the server's reader.
//!
//! Every response is compared with what prost makes of it for that stream alone. Body and tail come in another order than
//! prost's fields, and protobuf does not care; so both are decoded and compared, and the lengths too, which differ if there is a
//! field twice or one that is not of the message. The client is given nothing but what the bytes say.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use chancery_cache::GroupView;
use chancery_core::testing::{Sent, SharedBodies};
use chancery_core::wire::{self, Malformed, Place, Rules};
use chancery_protocol::sim::{Carriage, Downward, Habits, Offence, Upward};
use chancery_protocol::{
    DeltaResponse, Dress, Nonce, PoolChoice, Resource, ResourceName, Services, SotwResponse, TypeUrl, Version,
};
use chancery_resource::Draft;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse, Resource as Wrapper};
use envoy_types::pb::google::protobuf::Any;
use prost::Message;

use crate::offence;
use crate::scratch::{self, IDENTIFIER, WRAPPER};

/// How many bodies are still on their way, as it were: as long as they are held, they can be shared.
const ON_THEIR_WAY: usize = 64;

const RULES: Rules<'_> = Rules {
    services: &Services::Aggregated,
    types: &[],
    max_names: 100_000,
    node_bytes: 4096,
    pool: &PoolChoice::NONE,
};

/// What was carried: a test of nothing would pass as well.
#[derive(Debug, Default, Clone)]
pub(crate) struct Carried {
    pub(crate) responses: BTreeMap<String, usize>,
    /// Bodies that another stream was sent before.
    pub(crate) shared: usize,
    /// Bodies that are equal to one of another grant class, and not shared with it.
    pub(crate) kept_apart: usize,
    pub(crate) with_ttl: usize,
    pub(crate) heartbeats: usize,
    pub(crate) removed: usize,
    /// First requests that said what a client still holds.
    pub(crate) resumed: usize,
}

/// What clients are, beside what the simulator knows of them.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) habits: Habits,
    pub(crate) class: Arc<str>,
}

/// Carries messages as bytes.
pub(crate) struct Wire {
    callers: Vec<Caller>,
    bodies: SharedBodies,
    on_their_way: VecDeque<(Bytes, usize)>,
    /// What bytes were found to be.
    read: BTreeMap<(TypeUrl, Bytes), Resource>,
    pub(crate) carried: Carried,
}

impl Wire {
    /// With room for so many bytes of bodies nobody is sending.
    pub(crate) fn new(callers: Vec<Caller>, kept_bytes: usize) -> Wire {
        Wire {
            callers,
            bodies: SharedBodies::new(kept_bytes, IDENTIFIER),
            on_their_way: VecDeque::new(),
            read: BTreeMap::new(),
            carried: Carried::default(),
        }
    }

    /// Takes the message out of its frame, and looks at whom the body is shared with.
    fn unpack(&mut self, client: usize, type_url: &TypeUrl, sent: Option<Sent>) -> Result<Vec<u8>, Offence> {
        let Some(Sent { frame, body }) = sent else { return offence("frame", "a response is too large".to_owned()) };
        let class = |client: usize| &self.callers[client].class;
        for (other, whose) in self.on_their_way.iter().filter(|(other, _)| !other.is_empty()) {
            let is_same = other.as_ptr() == body.as_ptr();
            if is_same && class(*whose) != class(client) {
                return offence(
                    "isolation",
                    format!("{type_url}: client {client} is sent a body of client {whose}'s class"),
                );
            }
            self.carried.kept_apart += usize::from(!is_same && class(*whose) != class(client) && *other == body);
        }
        let is_shared = |(other, whose): &(Bytes, usize)| *whose != client && other.as_ptr() == body.as_ptr();
        self.carried.shared += usize::from(self.on_their_way.iter().any(is_shared));
        self.on_their_way.push_back((body, client));
        if self.on_their_way.len() > ON_THEIR_WAY {
            self.on_their_way.pop_front();
        }
        *self.carried.responses.entry(type_url.short().unwrap_or_default().to_owned()).or_default() += 1;
        let length = frame.len().checked_sub(5).and_then(|length| u32::try_from(length).ok()).unwrap_or_default();
        if frame[..5] != [&[0][..], &length.to_be_bytes()].concat() {
            return offence("frame", format!("a message of {length} bytes is announced by {:?}", &frame[..5]));
        }
        Ok(frame[5..].to_vec())
    }

    /// The resource in these bytes.
    fn read(&mut self, any: &Any, wrapper: Option<&Wrapper>) -> Result<Resource, Offence> {
        let key = (TypeUrl::parse(&any.type_url), Bytes::copy_from_slice(&any.value));
        let resource = match self.read.get(&key) {
            Some(known) => known.clone(),
            None => {
                let made = Draft::from_any(&any.type_url, &any.value).and_then(Draft::encode);
                let made = made.or_else(|error| offence("bytes", format!("not a resource: {error}")))?;
                if *made.body() != key.1 {
                    return offence("bytes", format!("{made:?} was not sent in its canonical form"));
                }
                self.read.insert(key, made.clone());
                made
            }
        };
        match wrapper {
            Some(wrapper)
                if wrapper.name != resource.name().as_str() || wrapper.version != resource.version().as_str() =>
            {
                offence("bytes", format!("{resource:?} is wrapped as {} {}", wrapper.name, wrapper.version))
            }
            _ => Ok(resource),
        }
    }

    fn note(&mut self, wrapper: &Wrapper) {
        self.carried.with_ttl += usize::from(wrapper.ttl.is_some());
    }
}

/// Compares a message with the one made from nothing.
fn same<M: Message + Default + PartialEq + Debug>(who: &str, bytes: &[u8], anew: &M) -> Result<M, Offence> {
    let scratch = anew.encode_to_vec();
    let read = |bytes: &[u8]| M::decode(bytes).or_else(|error| offence("bytes", format!("{who}: {error}")));
    let (sent, anew) = (read(bytes)?, read(&scratch)?);
    if sent != anew {
        let (sent, anew) = (format!("{sent:?}"), format!("{anew:?}"));
        let at = sent.bytes().zip(anew.bytes()).take_while(|(one, other)| one == other).count();
        let from = |text: &str| {
            String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(200)..]).chars().take(500).collect::<String>()
        };
        return offence("bytes", format!("{who} is sent ...{}\ninstead of ...{}", from(&sent), from(&anew)));
    }
    if bytes.len() != scratch.len() {
        return offence("bytes", format!("{who} is sent {} bytes instead of {}", bytes.len(), scratch.len()));
    }
    Ok(sent)
}

fn version(text: &str) -> Result<Version, Offence> {
    Version::parse(text).map_or_else(|| offence("bytes", format!("{text:?} is no version")), Ok)
}

fn nonce(text: &str) -> Result<Nonce, Offence> {
    Nonce::parse(text).map_or_else(|| offence("bytes", format!("{text:?} is no nonce")), Ok)
}

impl Carriage<GroupView> for Wire {
    fn request(&mut self, client: usize, first: bool, request: Upward) -> Result<Upward, Offence> {
        let habits = self.callers[client].habits;
        let bytes = scratch::request(&request, first.then_some(habits));
        let place = if first { Place::First } else { Place::Later };
        let malformed = |error: Malformed| Offence { invariant: "requests", what: format!("client {client}: {error}") };
        let (node, read) = match &request {
            Upward::Sotw(_) => {
                let decoded = wire::sotw_request(&bytes, RULES, place).map_err(malformed)?;
                (decoded.node, Upward::Sotw(decoded.request))
            }
            Upward::Delta(said) => {
                self.carried.resumed += usize::from(!said.initial_versions.is_empty());
                let mut decoded = wire::delta_request(&bytes, RULES, place).map_err(malformed)?;
                // A map is written in any order.
                decoded.request.initial_versions.sort_by(|(one, _), (other, _)| one.cmp(other));
                (decoded.node, Upward::Delta(decoded.request))
            }
        };
        if read != request {
            return offence("requests", format!("client {client} says {request:?}\nand {read:?} is read"));
        }
        match node.filter(|node| node.capabilities() != habits.capabilities) {
            Some(node) => offence("requests", format!("client {client} has {habits:?}, and says {node:?}")),
            None => Ok(read),
        }
    }

    fn sotw(&mut self, client: usize, response: SotwResponse, view: &GroupView) -> Result<Downward, Offence> {
        let sent = self.bodies.sotw(&response, view, &self.callers[client].class);
        let bytes = self.unpack(client, &response.type_url, sent)?;
        let who = format!("client {client} (sotw, {:?})", self.callers[client]);
        let read: DiscoveryResponse = same(&who, &bytes, &scratch::sotw(&response, view))?;
        let mut resources = Vec::new();
        for any in &read.resources {
            if any.type_url != WRAPPER {
                resources.push(self.read(any, None)?);
                continue;
            }
            let wrapper = Wrapper::decode(&*any.value).or_else(|error| offence("bytes", error.to_string()))?;
            self.note(&wrapper);
            if let Some(any) = &wrapper.resource {
                resources.push(self.read(any, Some(&wrapper))?);
            }
        }
        self.carried.heartbeats += usize::from(response.dress == Dress::Heartbeat);
        Ok(Downward {
            type_url: TypeUrl::parse(&read.type_url),
            nonce: nonce(&read.nonce)?,
            version: version(&read.version_info)?,
            resources,
            removed: Vec::new(),
            dress: response.dress,
        })
    }

    fn delta(&mut self, client: usize, response: DeltaResponse, view: &GroupView) -> Result<Downward, Offence> {
        let sent = self.bodies.delta(&response, view, &self.callers[client].class);
        let bytes = self.unpack(client, &response.type_url, sent)?;
        let who = format!("client {client} (delta, {:?})", self.callers[client]);
        let read: DeltaDiscoveryResponse = same(&who, &bytes, &scratch::delta(&response, view))?;
        let mut resources = Vec::new();
        for wrapper in &read.resources {
            self.note(wrapper);
            if let Some(any) = &wrapper.resource {
                resources.push(self.read(any, Some(wrapper))?);
            }
        }
        self.carried.heartbeats += usize::from(response.dress == Dress::Heartbeat);
        self.carried.removed += read.removed_resources.len();
        Ok(Downward {
            type_url: TypeUrl::parse(&read.type_url),
            nonce: nonce(&read.nonce)?,
            version: version(&read.system_version_info)?,
            resources,
            removed: read.removed_resources.iter().map(|name| ResourceName::new(name)).collect(),
            dress: response.dress,
        })
    }
}
