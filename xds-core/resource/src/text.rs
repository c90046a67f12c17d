//! Envoy resources as people write and read them: YAML and JSON, with Envoy's field names.

mod document;
mod error;
mod message;
mod render;
mod well_known;

pub use document::{Document, read_documents};
pub use error::ReadError;
pub use message::read_message;
pub use render::{Secrets, to_json, to_yaml};
