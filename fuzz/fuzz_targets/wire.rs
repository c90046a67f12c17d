//! Arbitrary bytes as discovery requests, state-of-the-world and delta: read or refused, never a panic.
#![no_main]

use std::sync::Arc;

use chancery_protocol::{NamePool, NameSet, Names, PoolChoice, ResourceName, Services, TypeUrl};
use wire::{LastNames, Place, Rules, SotwPartial, delta_request, sotw_request};

/// The reader alone: it needs nothing of the transport around it, which would take minutes to build.
#[allow(dead_code)]
#[path = "../../xds-core/src/wire"]
mod wire {
    mod common;
    mod fields;
    mod known_names;
    mod last_names;
    mod name_list;
    mod node;
    mod request;
    pub use last_names::LastNames;
    pub use request::{Malformed, Place, Rules, SotwPartial, delta_request, sotw_request};
}

const MAX_NAMES: usize = 64;

/// Has a set for every name that is asked for: names of long lists are taken from there.
struct Everything;

impl NamePool for Everything {
    fn find(&self, _: u64, _: &[ResourceName]) -> Option<Names> {
        None
    }

    fn add(&self, _: &Names) {}

    fn with(&self, name: &str) -> Option<Names> {
        let mut set: NameSet = [ResourceName::new(name)].into_iter().collect();
        set.share(&PoolChoice::NONE);
        set.whole().cloned()
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let services = if choice & 1 == 0 { Services::Aggregated } else { Services::Single(TypeUrl::CLUSTER) };
    let place = if choice & 2 == 0 { Place::First } else { Place::Later };
    let rules =
        Rules { services: &services, types: &[], max_names: MAX_NAMES, node_bytes: 4096, pool: &PoolChoice::NONE };
    if let Ok(decoded) = sotw_request(bytes, rules, place) {
        assert!(decoded.request.names.len() <= MAX_NAMES);
        assert_eq!(decoded.node.is_some(), place == Place::First);
    }
    // Read twice as later requests are: what is not a repetition is read as ever.
    let whole = sotw_request(bytes, rules, Place::Later);
    let mut last = LastNames::default();
    for time in 0..2 {
        let mut partial = SotwPartial::default();
        let absorbed = partial.absorb_whole(bytes, rules, &mut last, |_| true);
        let decoded = absorbed.and_then(|()| partial.finish_after(&mut last, rules, Place::Later));
        assert_eq!(decoded.is_ok(), whole.is_ok());
        if let (Ok(decoded), Ok(whole)) = (decoded, &whole) {
            assert!(if decoded.repeats { time == 1 } else { decoded == *whole });
        }
    }
    // What names are taken from makes no difference to what is read.
    let pool = PoolChoice::of(Arc::new(Everything));
    let pooled = Rules { pool: &pool, ..rules };
    assert_eq!(delta_request(bytes, pooled, place), delta_request(bytes, rules, place));
    assert_eq!(sotw_request(bytes, pooled, place), sotw_request(bytes, rules, place));
    if let Ok(decoded) = delta_request(bytes, rules, place) {
        let request = &decoded.request;
        assert!(request.subscribe.len() <= MAX_NAMES && request.initial_versions.len() <= MAX_NAMES);
        assert_eq!(decoded.node.is_some(), place == Place::First);
    }
});
