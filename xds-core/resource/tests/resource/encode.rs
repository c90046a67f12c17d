//! What makes two resources the same, and what does not.

use std::collections::HashSet;
use std::time::Duration;

use chancery_protocol::{Digest, Resource};
use chancery_resource::{Draft, EncodeError, Malformed, encode, name_of};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::{Metadata, TypedExtensionConfig};
use envoy_types::pb::envoy::config::endpoint::v3::LbEndpoint;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Any, Struct, Value};

fn shop() -> Cluster {
    let value = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let fields = |count: usize| Struct { fields: (0..count).map(|at| (format!("k{at}"), value("v"))).collect() };
    let metadata = Metadata {
        filter_metadata: (0..4).map(|at| (format!("filter{at}"), fields(4))).collect(),
        ..Metadata::default()
    };
    Cluster { name: "shop".into(), metadata: Some(metadata), ..Cluster::default() }
}

fn digest(draft: Draft) -> Digest {
    *draft.encode().unwrap().digest()
}

#[test]
fn a_message_with_maps_is_the_same_resource_each_time() {
    let encodings: HashSet<Vec<u8>> = (0..300).map(|_| prost::Message::encode_to_vec(&shop())).collect();
    assert!(encodings.len() > 10, "the test needs an encoder that shuffles");
    let resources: HashSet<(Vec<u8>, String)> = (0..300)
        .map(|_| encode(&shop()).unwrap())
        .map(|resource| (resource.body().to_vec(), resource.version().to_string()))
        .collect();
    assert_eq!(resources.len(), 1);
    assert_eq!(resources.iter().next().map(|(_, version)| version.len()), Some(16));
}

#[test]
fn every_part_a_peer_can_tell_apart_counts() {
    let plain = || Draft::new(&shop()).unwrap();
    let of = digest(plain());
    assert_eq!(of, digest(plain().name("shop")));
    assert_eq!(of, digest(plain().ttl(Duration::from_secs(1)).origin("a.yaml:1").on_demand()));
    assert_eq!(of, digest(plain().alias("shop").alias("")), "its own name is no alias");
    assert_ne!(of, digest(plain().name("other")));
    assert_ne!(of, digest(plain().alias("other")));
    assert_eq!(digest(plain().alias("a").alias("b")), digest(plain().alias("b").alias("a").alias("a")));
    assert_ne!(of, digest(Draft::new(&Cluster { alt_stat_name: "x".into(), ..shop() }).unwrap()));
    let as_type = |type_url: &str| digest(Draft::from_any(type_url, b"").unwrap().name("n"));
    assert_ne!(as_type("type.googleapis.com/acme.A"), as_type("type.googleapis.com/acme.B"));
}

#[test]
fn a_name_is_taken_from_the_message_or_given() {
    let name = |resource: Result<Resource, EncodeError>| resource.unwrap().name().to_string();
    assert_eq!(name(encode(&shop())), "shop");
    assert_eq!(name(Draft::new(&shop()).unwrap().name("other").encode()), "other");
    assert!(matches!(encode(&Cluster::default()), Err(EncodeError::Nameless { .. })));
    assert!(matches!(encode(&LbEndpoint::default()), Err(EncodeError::Nameless { .. })));
    assert_eq!(name(Draft::new(&LbEndpoint::default()).unwrap().name("e").encode()), "e");
    let cluster = encode(&shop()).unwrap();
    assert_eq!(name_of(cluster.type_url(), cluster.body()), Some("shop"));
}

#[test]
fn an_any_that_does_not_hold_what_it_says_is_refused() {
    let typed_config = Some(Any {
        type_url: "type.googleapis.com/envoy.config.cluster.v3.Cluster".into(),
        value: b"\x0a\xff".to_vec(),
    });
    let refused = encode(&TypedExtensionConfig { name: "x".into(), typed_config });
    assert!(
        matches!(&refused, Err(EncodeError::Malformed { cause: Malformed::Undecodable { message_name, .. }, .. })
            if message_name == "envoy.config.cluster.v3.Cluster"),
        "{refused:?}"
    );
}
