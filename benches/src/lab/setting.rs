//! What a server process is told to serve, whoever wrote it: one line of JSON.

use std::path::PathBuf;

use chancery_protocol::TypeUrl;
use serde::{Deserialize, Serialize};

use crate::{edge, made};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// chancery-core over chancery-cache.
    Chancery,
    /// A plain tonic server: no cache, no session, no subscriptions.
    Tonic,
    /// A tonic server that sends ready bytes, without encoding anything.
    Ready,
    /// Bare sockets: what the bytes themselves take.
    Socket,
    /// go-control-plane, in a process of its own making.
    GoControlPlane,
}

impl Kind {
    /// Whether its first response is one resource, whatever is asked for, where its [`Greeting`] does not say otherwise.
    pub fn greets_with_one(self) -> bool {
        matches!(self, Kind::Tonic | Kind::Socket)
    }

    /// What tables call it.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Chancery => "chancery",
            Kind::Tonic => "tonic floor",
            Kind::Ready => "ready-bytes floor",
            Kind::Socket => "socket floor",
            Kind::GoControlPlane => "go-control-plane",
        }
    }
}

/// What a server serves, and of what a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Load assignments of ten endpoints.
    Endpoints,
    /// As many clusters, load assignments, listeners and route tables; a load assignment changes.
    Everything,
    /// One route table of many hosts, ten clusters and their endpoints; a host changes.
    Table,
    /// As many route tables of one host each, ten clusters and their endpoints; a host changes.
    Tables,
    /// As many hosts that are resources of their own (VHDS), ten clusters and their endpoints; a host changes.
    Hosts,
    /// What a translator makes of as many HTTPRoutes; objects are edited without a change to what they say.
    Shops,
}

impl Content {
    /// The type that changes.
    pub(super) fn changing(self) -> TypeUrl {
        match self {
            Content::Endpoints | Content::Everything => TypeUrl::ENDPOINTS,
            Content::Table | Content::Tables => TypeUrl::ROUTE,
            Content::Hosts => TypeUrl::VIRTUAL_HOST,
            Content::Shops => TypeUrl::CLUSTER,
        }
    }

    /// The names of the resources of the type that changes.
    pub(super) fn names(self, resources: usize) -> Vec<String> {
        match self {
            Content::Table => vec![edge::TABLE.to_owned()],
            Content::Hosts => (0..resources).map(edge::host_name).collect(),
            _ => (0..resources).map(made::name).collect(),
        }
    }
}

/// What floors send at the beginning, since they have no subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Greeting {
    /// One resource.
    One,
    /// Nothing: requests are decoded and dropped.
    Nothing,
    /// All there is of what is asked for; of bare sockets. What changes is told to those who named it.
    All,
}

/// What floors tell when something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Novelty {
    /// One of two ready responses, whatever it is that changes.
    InTurn,
    /// What changes, encoded once.
    Made,
}

/// The certificates of a server, as files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TlsFiles {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority of its clients.
    pub authority: PathBuf,
}

/// All a server process is told at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setting {
    /// What is served.
    pub content: Content,
    /// How many resources of each type, or hosts, or routes.
    pub resources: usize,
    /// How many load assignments there are beside, with the numbers that follow.
    pub beside: usize,
    /// Whether floors send responses of the state-of-the-world variant.
    pub sotw: bool,
    /// What floors begin with.
    pub greeting: Greeting,
    /// What floors tell later.
    pub novelty: Novelty,
    /// Worker threads.
    pub threads: usize,
    /// The port; 0 for any.
    pub port: u16,
    /// Plain text without.
    pub tls: Option<TlsFiles>,
}

impl Setting {
    /// Plain text at any port, with one thread.
    pub fn new(content: Content, resources: usize) -> Setting {
        let (greeting, novelty) = (Greeting::One, Novelty::InTurn);
        Setting { content, resources, beside: 0, sotw: false, greeting, novelty, threads: 1, port: 0, tls: None }
    }
}
