//! Discovery messages and their engine form: the only part of the workspace that knows the wire.
//!
//! Requests are read straight from their bytes: names become [`ResourceName`]s without an intermediate copy, a message
//! cannot make the server allocate more than a small multiple of its size, and what the server does not use (the
//! node's extensions, for example) is skipped. A long one is read while it comes in, and never in memory as a whole. Responses are written in two parts: a body that equal responses share,
//! and a small tail that belongs to one stream. Protobuf does not care in which order fields come.
//!
//! [`ResourceName`]: chancery_protocol::ResourceName

mod common;
mod fields;
mod known_names;
mod last_names;
mod name_list;
mod node;
mod request;
mod response;

pub use last_names::LastNames;
pub use request::{
    Decoded, DeltaPartial, Malformed, Place, Rules, SotwPartial, delta_request, sotw_request, whole_fields,
};
pub use response::{delta_body, delta_tail, sotw_body, sotw_tail};
