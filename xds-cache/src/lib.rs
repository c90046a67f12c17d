#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod audience;
mod bell;
mod cache;
mod collection;
mod consistency;
mod delivery;
mod error;
mod frontend;
mod group;
mod history;
mod layer;
mod options;
mod overlay;
mod provider;
mod publisher;
mod set;
mod signal;
mod snapshot;
mod watch;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use cache::{Evict, SnapshotCache};
pub use consistency::{Dangling, DanglingSet, Declared, Fault, OnDangling};
pub use delivery::{Deliveries, Delivery, Reach, RefusedResource, StreamDelivery, TypeDelivery};
pub use error::{Claimed, Duplicate, Inconsistent, TurnedAway};
pub use frontend::Frontend;
pub use group::{ByGrantClass, ByNodeCluster, ByNodeId, EveryoneTogether, GroupKey, Grouping};
pub use history::HistoryLimits;
pub use options::{Options, Readiness, Secrets};
pub use provider::{Demand, Provider};
pub use publisher::{Published, Publisher};
pub use set::{Patch, ResourceSet};
pub use snapshot::GroupView;
pub use watch::GroupWatch;
