#![doc = include_str!("../README.md")]

pub mod edge;
pub mod edit;
pub mod hosts;
pub mod lab;
pub mod made;
pub mod malls;
pub mod plot;
pub mod propagation;
pub mod shops;
pub mod stand;
