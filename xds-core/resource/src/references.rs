//! What a resource names that its peer gets from the same server.

use chancery_protocol::{Reference, TypeUrl};

/// The resources a message names and the peer obtains from the same aggregated stream, sorted and without duplicates.
pub fn references(_type_url: &TypeUrl, _body: &[u8]) -> Vec<Reference> {
    Vec::new()
}
