//! Arbitrary bytes as discovery requests, state-of-the-world and delta: read or refused, never a panic.
#![no_main]

use chancery_protocol::{Services, TypeUrl};
use wire::{Place, Rules, delta_request, sotw_request};

/// The reader alone: it needs nothing of the transport around it, which would take minutes to build.
#[allow(dead_code)]
#[path = "../../xds-core/src/wire"]
mod wire {
    mod fields;
    mod last_names;
    mod node;
    mod request;
    pub use request::{Malformed, Place, Rules, delta_request, sotw_request};
}

const MAX_NAMES: usize = 64;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let services = if choice & 1 == 0 { Services::Aggregated } else { Services::Single(TypeUrl::CLUSTER) };
    let place = if choice & 2 == 0 { Place::First } else { Place::Later };
    let rules = Rules { services: &services, types: &[], max_names: MAX_NAMES, node_bytes: 4096 };
    if let Ok(decoded) = sotw_request(bytes, rules, place) {
        assert!(decoded.request.names.len() <= MAX_NAMES);
        assert_eq!(decoded.node.is_some(), place == Place::First);
    }
    if let Ok(decoded) = delta_request(bytes, rules, place) {
        let request = &decoded.request;
        assert!(request.subscribe.len() <= MAX_NAMES && request.initial_versions.len() <= MAX_NAMES);
        assert_eq!(decoded.node.is_some(), place == Place::First);
    }
});
