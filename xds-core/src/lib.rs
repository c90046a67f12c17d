//! The gRPC server around the Chancery protocol engine.
//!
//! It serves every discovery service of Envoy's API (ADS and one service per type, state-of-the-world and delta) from
//! any [`Source`](chancery_protocol::Source) of views, to the callers an [`Authorizer`] lets in. It does not store,
//! translate or validate resources.
//!
//! - [`Server`] puts it together; [`Server::serve`] owns TLS, connections and drain, [`Server::into_routes`] leaves those
//!   to you.
//! - [`Limits`] lists what peers may use up, and which gRPC status they get beyond.
//! - [`Observer`] and the `metrics` facade tell what happens; [`End`] says why a stream ended.
//!
//! Responses are framed here and not by tonic: a body that many streams are sent is encoded once and shared, and only a
//! few bytes (version and nonce) belong to one stream. A stream has no queue: its next response is derived from the
//! newest view when the transport has room for it, so a slow peer skips states and costs no memory.

mod alarm;
mod authorizer;
mod bodies;
mod bucket;
mod budget;
mod builder;
mod connection;
mod conversation;
mod drain;
mod error;
mod frame;
mod gate;
mod health;
mod identity;
mod jitter;
mod limits;
pub mod metrics;
mod name_pool;
mod observer;
mod outlet;
mod rare;
mod reader;
mod server;
mod service;
mod sessions;
mod shared;
mod stream;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod tls;
mod turn;
mod variant;
pub mod wire;

pub use authorizer::{Authorizer, ByCertificate, Caller, Denial, InsecureAllowEveryone};
pub use bucket::Rate;
pub use builder::ServerBuilder;
pub use drain::Drain;
pub use error::{End, ServeError};
pub use health::Health;
pub use limits::Limits;
pub use observer::{Observer, Unobserved};
pub use server::{Accepted, Server};
pub use sessions::{Sessions, StandardSessions};
pub use stream::COLLECTION_HEADER;
pub use tls::{ClientCertificates, Material, Tls, TlsError};
