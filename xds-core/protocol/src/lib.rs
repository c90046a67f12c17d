#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(test, feature = "sim"))]
extern crate std;

mod blame;
mod conversation;
mod delta;
mod event;
mod heartbeat;
mod interest;
mod ledger;
mod listed;
mod message;
mod moment;
mod name;
mod name_set;
mod names;
mod order;
mod peer;
mod resource;
mod session;
#[cfg(feature = "sim")]
pub mod sim;
mod sotw;
mod standing;
mod type_url;
mod version;
mod view;
mod violation;

pub use delta::DeltaSession;
pub use event::{Event, Told};
pub use listed::Listed;
pub use message::{
    Base, DeltaRequest, DeltaResponse, Dress, HeldVersion, Nonce, Payload, Refusal, Reply, SotwRequest, SotwResponse,
    printable,
};
pub use moment::Moment;
pub use name::ResourceName;
pub use name_set::NameSet;
pub use names::{NamePool, Names, PoolChoice, WeakNames};
pub use peer::{Capabilities, Certificate, Grant, Identity, Node, Peer};
pub use resource::{Parts, Reference, Resource};
pub use session::{Ordering, Services, Session, Settings};
pub use sotw::SotwSession;
pub use type_url::{Traits, TypeUrl};
pub use version::{Digest, Version};
pub use view::{Change, Changes, Epoch, Source, View, Watch};
pub use violation::{Fault, Violation};
