#![doc = include_str!("../README.md")]

pub mod api;
mod attach;
mod delivery;
mod emit;
mod host;
mod incremental;
pub mod ir;
mod key;
mod lower;
pub mod names;
mod options;
mod provenance;
mod reasons;
mod route_tables;
mod status;
mod translate;
mod translation;
mod world;

pub use delivery::{Facts, ProxyFacts};
pub use emit::emit;
pub use incremental::{Change, ProxyUpdate, Translator, Update};
pub use key::ProxyId;
pub use options::{Bind, Delivery, EnvoyFloor, MixedKinds, Options, ProvenanceIn, Proxies, Usable};
pub use provenance::{Origin, Provenance, Provenances};
pub use route_tables::{RouteTables, TableForm};
pub use status::merge_status;
pub use translate::translate;
pub use translation::{Problem, ProxyResources, Translation};
pub use world::{Objects, World};
