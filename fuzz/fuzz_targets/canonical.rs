//! Arbitrary bytes as a message of an arbitrary type: canonical bytes are canonical, and decoding loses nothing.
#![no_main]

use std::sync::LazyLock;

use chancery_resource::{Draft, canonicalize, pool};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};

/// The types resources have come first, so that small inputs are of those.
static TYPES: LazyLock<Vec<MessageDescriptor>> = LazyLock::new(|| {
    let served =
        chancery_protocol::TypeUrl::KNOWN.iter().filter_map(|known| pool().get_message_by_name(known.message_name()));
    let mut others: Vec<MessageDescriptor> = pool().all_messages().filter(|message| !message.is_map_entry()).collect();
    others.sort_by(|a, b| a.full_name().cmp(b.full_name()));
    served.chain(others).collect()
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [low, high, bytes @ ..] = input else { return };
    let Some(descriptor) = TYPES.get(usize::from(u16::from_le_bytes([*low, *high])) % TYPES.len()) else { return };
    let name = descriptor.full_name();
    let Ok(once) = canonicalize(name, bytes) else { return };
    let twice = canonicalize(name, &once).expect("canonical bytes are an encoding");
    assert!(once == twice, "canonicalising {name} again changes it");
    let message = DynamicMessage::decode(descriptor.clone(), once.as_slice()).expect("canonical bytes decode");
    let again = canonicalize(name, &message.encode_to_vec()).expect("what an encoder wrote is an encoding");
    assert!(once == again, "{name}: encode, decode, encode gives other bytes");
    let type_url = format!("type.googleapis.com/{name}");
    let resource = Draft::from_any(&type_url, bytes).and_then(|draft| draft.name("fuzzed").encode());
    assert!(resource.expect("a named resource").body() == &once);
});
