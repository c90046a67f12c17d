#![doc = include_str!("../README.md")]

pub mod lab;
pub mod made;
pub mod stand;
