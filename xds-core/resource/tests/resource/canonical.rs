//! One message has one encoding, however it was spelled.

use chancery_resource::{canonicalize, pool};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};

use crate::random::{Dice, message, respelled};

const ROUNDS: u64 = 20;

/// The message as JSON, with its `Any`s opened: equal for equal messages, whatever the order within `Any`s.
fn meaning(descriptor: &MessageDescriptor, bytes: &[u8]) -> serde_json::Value {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).expect("canonical bytes decode");
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new().skip_default_fields(true))
        .expect("the random messages have a JSON form")
}

#[test]
fn every_message_with_maps_has_one_encoding() {
    let mut types = 0;
    let with_maps = pool().all_messages().filter(|descriptor| descriptor.fields().any(|field| field.is_map()));
    for (index, descriptor) in with_maps.enumerate() {
        types += 1;
        let name = descriptor.full_name();
        for round in 0..ROUNDS {
            let seed = index as u64 * 1000 + round;
            let mut dice = Dice(seed);
            let message = message(&descriptor, 4, &mut dice);
            let plain = message.encode_to_vec();
            let canonical = canonicalize(name, &plain).unwrap();
            for _ in 0..3 {
                let spelling = respelled(&message, &mut dice);
                assert_eq!(canonicalize(name, &spelling).unwrap(), canonical, "{name}, seed {seed}");
            }
            assert_eq!(canonicalize(name, &canonical).unwrap(), canonical, "{name}, seed {seed}: canonical twice");
            assert_eq!(meaning(&descriptor, &canonical), meaning(&descriptor, &plain), "{name}, seed {seed}");
        }
    }
    assert!(types >= 60, "only {types} types with maps");
}

#[test]
fn every_message_type_has_one_encoding() {
    for (index, descriptor) in pool().all_messages().filter(|descriptor| !descriptor.is_map_entry()).enumerate() {
        let (name, seed) = (descriptor.full_name(), 7_000_000 + index as u64);
        let mut dice = Dice(seed);
        let message = message(&descriptor, 2, &mut dice);
        let canonical = canonicalize(name, &message.encode_to_vec()).unwrap();
        let spelling = respelled(&message, &mut dice);
        assert_eq!(canonicalize(name, &spelling).unwrap(), canonical, "{name}, seed {seed}");
        if !name.starts_with("google.protobuf.") {
            assert_eq!(meaning(&descriptor, &canonical), meaning(&descriptor, &message.encode_to_vec()), "{name}");
        }
    }
}

#[test]
fn damaged_bytes_are_refused_or_mean_what_a_decoder_reads() {
    let names = [
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.route.v3.RouteConfiguration",
        "envoy.config.core.v3.Metadata",
        "google.protobuf.Struct",
    ];
    let mut accepted = 0;
    for seed in 0..4_000_u64 {
        let mut dice = Dice(seed);
        let descriptor = pool().get_message_by_name(names[dice.below(names.len())]).unwrap();
        let mut bytes = message(&descriptor, 3, &mut dice).encode_to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len().max(1));
            match dice.below(3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), dice.next() as u8),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = dice.next() as u8;
                    }
                }
            }
        }
        let Ok(canonical) = canonicalize(descriptor.full_name(), &bytes) else { continue };
        accepted += 1;
        let decoded = DynamicMessage::decode(descriptor.clone(), &bytes[..])
            .unwrap_or_else(|error| panic!("seed {seed}: canonical, but does not decode: {error}"));
        let again = canonicalize(descriptor.full_name(), &decoded.encode_to_vec()).unwrap();
        assert_eq!(again, canonical, "seed {seed}");
        assert_eq!(canonicalize(descriptor.full_name(), &canonical).unwrap(), canonical, "seed {seed}");
    }
    assert!(accepted > 200, "only {accepted} of the damaged messages were still messages");
}

#[test]
fn nesting_without_end_is_refused() {
    let mut bytes = Vec::new();
    for _ in 0..100_000 {
        // Value.list_value = { values: [ this ] }, cheap to build from the inside while it stays short.
        if bytes.len() > 4_000 {
            break;
        }
        for number in [1_u32, 6] {
            let mut outer = Vec::new();
            prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut outer);
            prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
            outer.extend_from_slice(&bytes);
            bytes = outer;
        }
    }
    assert_eq!(
        canonicalize("google.protobuf.Value", &bytes),
        Err(chancery_resource::Malformed::TooDeep),
        "{} bytes",
        bytes.len()
    );
}

#[test]
fn a_broken_any_names_the_message_that_does_not_decode() {
    let mut any = DynamicMessage::new(pool().get_message_by_name("google.protobuf.Any").unwrap());
    any.set_field_by_name(
        "type_url",
        prost_reflect::Value::String("type.googleapis.com/envoy.config.core.v3.Address".into()),
    );
    any.set_field_by_name("value", prost_reflect::Value::Bytes(b"\x0a\x7f".to_vec().into()));
    let error = canonicalize("google.protobuf.Any", &any.encode_to_vec()).unwrap_err().to_string();
    assert!(error.contains("envoy.config.core.v3.Address"), "{error}");
}

#[test]
fn an_any_of_an_unknown_type_is_left_alone() {
    let bytes = b"\x0a\x0dacme.v1.Thing\x12\x03\xff\xff\xff";
    assert_eq!(canonicalize("google.protobuf.Any", bytes).unwrap(), bytes);
    assert_eq!(canonicalize("acme.v1.Thing", b"\xff\xff").unwrap(), b"\xff\xff");
}
