//! A virtual network: messages arrive in order, whenever the simulation says so, or not at all.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{
    DeltaRequest, DeltaSession, Dress, Nonce, Resource, ResourceName, Settings, SotwRequest, SotwSession, TypeUrl,
    Version,
};

/// What travels to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Upward {
    /// In the state-of-the-world variant.
    Sotw(SotwRequest),
    /// In the delta variant.
    Delta(DeltaRequest),
}

/// What travels to the client, in one form for both variants.
#[derive(Debug, Clone)]
pub struct Downward {
    /// The type answered.
    pub type_url: TypeUrl,
    /// The number to reply with.
    pub nonce: Nonce,
    /// The version of the whole type (state of the world).
    pub version: Version,
    /// New and changed resources, or the whole set; of a heartbeat, perhaps none.
    pub resources: Vec<Resource>,
    /// Names that are gone, or do not exist (delta).
    pub removed: Vec<ResourceName>,
    /// Bodies, or a heartbeat.
    pub dress: Dress,
}

/// A response on its way.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) response: Downward,
    /// When each of its resources was last true, as of when it was sent.
    pub(crate) ages: Vec<u64>,
}

impl Upward {
    /// For people who read a trace.
    pub(crate) fn brief(&self) -> String {
        match self {
            Upward::Sotw(r) => format!("{:?} {:?} version {:?}, {:?}", r.type_url, r.names, r.version, r.reply),
            Upward::Delta(r) => format!(
                "{:?} +{:?} -{:?} holds {:?}, {:?}",
                r.type_url, r.subscribe, r.unsubscribe, r.initial_versions, r.reply
            ),
        }
    }
}

impl Downward {
    /// For people who read a trace.
    pub(crate) fn brief(&self) -> String {
        let label = |resource: &Resource| {
            let text = core::str::from_utf8(resource.body()).ok().filter(|text| text.len() < 20);
            let body = text.map_or_else(|| format!("{}", resource.version()), String::from);
            let names: Vec<String> = resource.references().iter().map(|named| named.name.as_str().into()).collect();
            format!("{}={body}{names:?}", resource.name())
        };
        let resources: Vec<String> = self.resources.iter().map(label).collect();
        format!("{:?} nonce {} version {} {resources:?} -{:?}", self.type_url, self.nonce, self.version, self.removed)
    }
}

/// How many messages fit between server and client before there is no room.
pub(crate) const ROOM: usize = 3;

/// The server's end of one stream.
#[derive(Debug)]
pub(crate) enum Server {
    Sotw(SotwSession),
    Delta(DeltaSession),
}

/// One stream: both pipes and the server's end.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) upward: VecDeque<Upward>,
    pub(crate) downward: VecDeque<Parcel>,
    pub(crate) server: Server,
    /// Versions of whole types the client said it holds, and the server has not compared yet (state of the world).
    pub(crate) claimed: Vec<(TypeUrl, Version)>,
    /// What the last request of each type listed (state of the world).
    pub(crate) named: BTreeMap<TypeUrl, Vec<ResourceName>>,
    /// Whether the server has been told nothing yet.
    pub(crate) is_new: bool,
    /// Every nonce handed out so far must be below this.
    pub(crate) last_nonce: Option<Nonce>,
}

impl Stream {
    pub(crate) fn open(delta: bool, settings: &Settings) -> Stream {
        let server = match delta {
            true => Server::Delta(DeltaSession::new(settings.clone())),
            false => Server::Sotw(SotwSession::new(settings.clone())),
        };
        Stream {
            upward: VecDeque::new(),
            downward: VecDeque::new(),
            server,
            claimed: Vec::new(),
            named: BTreeMap::new(),
            is_new: true,
            last_nonce: None,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.downward.len() < ROOM
    }
}
