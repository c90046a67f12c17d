#![doc = include_str!("../README.md")]

pub mod api;
mod attach;
mod delivery;
pub mod ir;
mod host;
mod key;
pub mod names;
mod options;
mod provenance;
mod reasons;
mod translation;
mod world;

pub use delivery::{Facts, ProxyFacts};
pub use key::ProxyId;
pub use options::{Bind, Delivery, EnvoyFloor, MixedKinds, Options, ProvenanceIn, Proxies, Usable};
pub use provenance::{Origin, Provenance, Provenances};
pub use translation::{Problem, ProxyResources, Translation};
pub use world::{Objects, World};
