#![doc = include_str!("../README.md")]

mod canonical;
mod descriptors;
mod encode;
pub mod located;
mod references;
mod schema;
mod text;
mod validate;
mod wire;

pub use canonical::{Malformed, canonicalize};
pub use descriptors::{file_descriptor_set, pool};
pub use encode::{Draft, EncodeError, encode, name_of};
pub use references::references;
pub use text::{Document, ReadError, Secrets, read_documents, read_message, to_json, to_yaml};
pub use validate::{Violation, validate, validate_bytes};
