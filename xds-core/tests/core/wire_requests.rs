//! Requests as prost writes them, read by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use chancery_core::wire::{Decoded, Malformed, Place, Rules, delta_request, sotw_request};
use chancery_protocol::{
    DeltaRequest, HeldVersion, NamePool, NameSet, Names, Nonce, PoolChoice, Refusal, Reply, ResourceName, Services,
    SotwRequest, TypeUrl, Version, Violation,
};
use envoy_types::pb::envoy::config::core::v3::node::UserAgentVersionType;
use envoy_types::pb::envoy::config::core::v3::{BuildVersion, Extension, Locality, Node};
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest, ResourceLocator};
use envoy_types::pb::envoy::r#type::v3::SemanticVersion;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use envoy_types::pb::google::rpc::Status;
use proptest::prelude::*;
use prost::Message;

const RULES: Rules<'static> = Rules {
    services: &Services::Aggregated,
    types: &[],
    max_names: 100,
    node_bytes: 64 * 1024,
    pool: &PoolChoice::NONE,
};

fn name(text: &str) -> ResourceName {
    ResourceName::new(text)
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.into())) }
}

fn tree(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Struct {
    Struct { fields: fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect() }
}

#[test]
fn a_state_of_the_world_request_is_read_in_full() {
    let message = DiscoveryRequest {
        version_info: "AAAAAAAAAAAAAAAA".into(),
        node: Some(Node::default()),
        resource_names: strings(&["a", "*"]),
        resource_locators: vec![
            ResourceLocator { name: "plain".into(), ..Default::default() },
            ResourceLocator { name: "dynamic".into(), dynamic_parameters: [("k".into(), "v".into())].into() },
        ],
        type_url: TypeUrl::CLUSTER.to_string(),
        response_nonce: "7".into(),
        error_detail: Some(Status { code: 3, message: "no".into(), details: Vec::new() }),
    };
    let decoded = sotw_request(&message.encode_to_vec(), RULES, Place::Later).unwrap();
    let expected = SotwRequest {
        type_url: TypeUrl::CLUSTER,
        version: Some(HeldVersion::Known(Version::parse("AAAAAAAAAAAAAAAA").unwrap())),
        names: vec![name("a"), name("*"), name("plain")],
        reply: Reply::Nack(Nonce(7), Refusal::new(3, "no")),
    };
    assert_eq!(decoded, Decoded { request: expected, node: None, unsupported: vec![name("dynamic")], repeats: false });
}

#[test]
fn a_delta_request_is_read_in_full() {
    let message = DeltaDiscoveryRequest {
        node: Some(Node::default()),
        type_url: "type.googleapis.com/acme.v1.Widget".into(),
        resource_names_subscribe: strings(&["a", "xdstp://x/t/y?b=2&a=1"]),
        resource_names_unsubscribe: strings(&["c"]),
        resource_locators_subscribe: vec![ResourceLocator { name: "s".into(), ..Default::default() }],
        resource_locators_unsubscribe: vec![ResourceLocator { name: "u".into(), ..Default::default() }],
        initial_resource_versions: [("h".into(), "other".into()), ("i".into(), String::new())].into(),
        response_nonce: "not ours".into(),
        error_detail: None,
    };
    let mut decoded = delta_request(&message.encode_to_vec(), RULES, Place::First).unwrap();
    // A map is written in any order.
    decoded.request.initial_versions.sort_by(|(one, _), (other, _)| one.cmp(other));
    let expected = DeltaRequest {
        type_url: TypeUrl::parse("type.googleapis.com/acme.v1.Widget"),
        subscribe: vec![name("a"), name("xdstp://x/t/y?a=1&b=2"), name("s")],
        unsubscribe: vec![name("c"), name("u")],
        initial_versions: vec![(name("h"), HeldVersion::Foreign), (name("i"), HeldVersion::Foreign)],
        reply: Reply::Foreign,
    };
    assert_eq!(decoded.request, expected);
    assert_eq!(decoded.node, Some(chancery_protocol::Node::default()));
}

#[test]
fn p61_a_reply_is_a_refusal_exactly_when_it_has_an_error() {
    let reply = |nonce: &str, error: Option<Status>| {
        let type_url = TypeUrl::CLUSTER.to_string();
        let message =
            DiscoveryRequest { type_url, response_nonce: nonce.into(), error_detail: error, ..Default::default() };
        sotw_request(&message.encode_to_vec(), RULES, Place::Later).unwrap().request.reply
    };
    assert_eq!(reply("", None), Reply::None);
    assert_eq!(reply("4", None), Reply::Ack(Nonce(4)));
    assert_eq!(reply("4", Some(Status::default())), Reply::Nack(Nonce(4), Refusal::new(0, "")));
    assert_eq!(reply("x", Some(Status::default())), Reply::Foreign);
    let long = Status { message: "ä".repeat(5000), ..Status::default() };
    let Reply::Nack(_, refusal) = reply("4", Some(long)) else { panic!() };
    assert_eq!(refusal.message.len(), Refusal::LONGEST);
}

#[test]
fn a_node_is_read_and_its_metadata_is_flattened() {
    let version = SemanticVersion { major_number: 1, minor_number: 40, patch: 2 };
    let list = ListValue { values: vec![text("x"), Value { kind: Some(Kind::BoolValue(true)) }] };
    let inner = tree([
        ("deep", text("y")),
        ("number", Value { kind: Some(Kind::NumberValue(1.5)) }),
        ("whole", Value { kind: Some(Kind::NumberValue(3.0)) }),
        ("none", Value { kind: Some(Kind::NullValue(0)) }),
    ]);
    let node = Node {
        id: "id".into(),
        cluster: "cluster".into(),
        metadata: Some(tree([
            ("top", text("t")),
            ("list", Value { kind: Some(Kind::ListValue(list)) }),
            ("in", Value { kind: Some(Kind::StructValue(inner)) }),
        ])),
        locality: Some(Locality { region: "r".into(), zone: "z".into(), sub_zone: "s".into() }),
        user_agent_name: "envoy".into(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(BuildVersion {
            version: Some(version),
            metadata: None,
        })),
        extensions: vec![Extension { name: "ignored".into(), ..Default::default() }],
        client_features: strings(&["xds.config.supports-resource-ttl"]),
        ..Default::default()
    };
    let message = DiscoveryRequest { node: Some(node), type_url: TypeUrl::CLUSTER.to_string(), ..Default::default() };
    let read = sotw_request(&message.encode_to_vec(), RULES, Place::First).unwrap().node.unwrap();
    assert_eq!((read.id.as_str(), read.cluster.as_str()), ("id", "cluster"));
    assert_eq!(read.locality, ["r", "z", "s"]);
    assert_eq!(read.user_agent, "envoy/1.40.2");
    assert!(read.capabilities().ttl);
    let flat: Vec<(&str, &str)> = read.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected =
        [("in.deep", "y"), ("in.number", "1.5"), ("in.whole", "3"), ("list.0", "x"), ("list.1", "true"), ("top", "t")];
    assert_eq!(flat, expected);
}

fn metadata_of(metadata: Struct) -> Result<BTreeMap<String, String>, Malformed> {
    let node = Some(Node { metadata: Some(metadata), ..Default::default() });
    let message = DiscoveryRequest { node, type_url: TypeUrl::CLUSTER.to_string(), ..Default::default() };
    let decoded = sotw_request(&message.encode_to_vec(), RULES, Place::First)?;
    Ok(decoded.node.unwrap().metadata)
}

#[test]
fn metadata_that_nests_too_deep_or_blows_up_is_refused() {
    let nested = |depth: usize| {
        let mut value = text("x");
        for _ in 0..depth {
            value = Value { kind: Some(Kind::StructValue(tree([("k", value)]))) };
        }
        tree([("k", value)])
    };
    assert_eq!(metadata_of(nested(32)).unwrap().len(), 1);
    assert_eq!(metadata_of(nested(33)), Err(Malformed::TooDeep));
    // One long key above many short ones: the paths would be a hundred times as large as the message.
    let leaves = Struct { fields: (0..2000).map(|at| (at.to_string(), text("x"))).collect() };
    let outer = Struct { fields: [("k".repeat(10_000), Value { kind: Some(Kind::StructValue(leaves)) })].into() };
    assert_eq!(metadata_of(outer), Err(Malformed::NodeTooLarge { limit: 64 * 1024 }));
}

#[test]
fn one_name_too_many_is_refused_before_it_is_kept() {
    let read = |count: usize| {
        let resource_names = (0..count).map(|at| at.to_string()).collect();
        let message = DiscoveryRequest { type_url: TypeUrl::CLUSTER.to_string(), resource_names, ..Default::default() };
        sotw_request(&message.encode_to_vec(), RULES, Place::Later)
    };
    assert_eq!(read(100).unwrap().request.names.len(), 100);
    assert_eq!(read(101), Err(Violation::TooManyNames { limit: 100 }.into()));
    let versions = |count: usize| {
        let initial_resource_versions = (0..count).map(|at| (at.to_string(), "v".into())).collect();
        let type_url = TypeUrl::CLUSTER.to_string();
        let message = DeltaDiscoveryRequest { type_url, initial_resource_versions, ..Default::default() };
        delta_request(&message.encode_to_vec(), RULES, Place::Later)
    };
    assert_eq!(versions(100).unwrap().request.initial_versions.len(), 100);
    assert_eq!(versions(101), Err(Violation::TooManyNames { limit: 100 }.into()));
}

/// Has one set, of names it is made with.
struct OneSet(Names);

impl NamePool for OneSet {
    fn find(&self, _: u64, _: &[ResourceName]) -> Option<Names> {
        None
    }

    fn add(&self, _: &Names) {}

    fn with(&self, name: &str) -> Option<Names> {
        self.0.named(name).map(|_| self.0.clone())
    }
}

#[test]
fn names_another_stream_gave_are_taken_from_there_and_mean_the_same() {
    let spelling = |number: usize| match number % 3 {
        0 => format!("xdstp://x/t/{number}?b=2&a=1"),
        _ => format!("shop/backend-{number}"),
    };
    let mut set: NameSet = (0..60).map(|number| name(&spelling(number))).collect();
    set.share(&PoolChoice::default());
    let kept = set.whole().unwrap().clone();
    let pool = PoolChoice::of(Arc::new(OneSet(kept.clone())));
    let message = DeltaDiscoveryRequest {
        node: Some(Node::default()),
        type_url: TypeUrl::ENDPOINTS.to_string(),
        // Those of the set are among them, others and some twice.
        resource_names_subscribe: (30..90).rev().chain(30..70).map(spelling).collect(),
        resource_names_unsubscribe: (20..40).map(spelling).collect(),
        initial_resource_versions: (10..70).map(|number| (spelling(number), String::new())).collect(),
        ..DeltaDiscoveryRequest::default()
    };
    let bytes = message.encode_to_vec();
    let alone = delta_request(&bytes, RULES, Place::First).unwrap();
    let decoded = delta_request(&bytes, Rules { pool: &pool, ..RULES }, Place::First).unwrap();
    assert_eq!(decoded, alone);
    let taken = |names: &[ResourceName]| {
        let kept = |name: &&ResourceName| kept.named(name.as_str()).map(|kept| kept.as_str().as_ptr());
        names.iter().filter(|name| kept(name) == Some(name.as_str().as_ptr())).count()
    };
    assert_eq!(taken(&alone.request.subscribe), 0);
    assert!(taken(&decoded.request.subscribe) > 30 && taken(&decoded.request.unsubscribe) > 10);
    let sotw = DiscoveryRequest {
        node: message.node,
        type_url: message.type_url,
        resource_names: message.resource_names_subscribe,
        ..DiscoveryRequest::default()
    };
    let bytes = sotw.encode_to_vec();
    let alone = sotw_request(&bytes, RULES, Place::First).unwrap();
    let decoded = sotw_request(&bytes, Rules { pool: &pool, ..RULES }, Place::First).unwrap();
    assert_eq!(decoded, alone);
    assert!(taken(&decoded.request.names) > 30);
}

#[test]
fn a_described_type_keeps_its_traits() {
    let traits = chancery_protocol::Traits { full_state: true, ..chancery_protocol::Traits::PLAIN };
    let types = [TypeUrl::described("type.googleapis.com/acme.v1.Widget", traits)];
    let message = DiscoveryRequest { type_url: types[0].to_string(), ..Default::default() };
    let rules = Rules { types: &types, ..RULES };
    let decoded = sotw_request(&message.encode_to_vec(), rules, Place::Later).unwrap();
    assert!(decoded.request.type_url.traits().full_state);
}

fn request() -> impl Strategy<Value = DeltaDiscoveryRequest> {
    let names = || prop::collection::vec("[a-z*/]{0,8}", 0..6);
    let versions = prop::collection::hash_map("[a-z]{0,8}", "[A-Za-z0-9]{0,17}", 0..5);
    let locators = prop::collection::vec(
        ("[a-z]{0,4}", prop::collection::hash_map("[a-z]", "[a-z]", 0..2))
            .prop_map(|(name, dynamic_parameters)| ResourceLocator { name, dynamic_parameters }),
        0..3,
    );
    let error = prop::option::of((any::<i32>(), ".{0,20}").prop_map(|(code, message)| Status {
        code,
        message,
        details: Vec::new(),
    }));
    (names(), names(), versions, locators, error, "[0-9a-z]{0,4}", ".{0,20}").prop_map(
        |(subscribe, unsubscribe, versions, locators, error_detail, response_nonce, type_url)| DeltaDiscoveryRequest {
            node: Some(Node { id: type_url.clone(), ..Default::default() }),
            type_url,
            resource_names_subscribe: subscribe,
            resource_names_unsubscribe: unsubscribe,
            resource_locators_subscribe: locators,
            resource_locators_unsubscribe: Vec::new(),
            initial_resource_versions: versions,
            response_nonce,
            error_detail,
        },
    )
}

fn texts(names: &[ResourceName]) -> Vec<&str> {
    names.iter().map(ResourceName::as_str).collect()
}

proptest! {
    #[test]
    fn what_prost_writes_is_read_as_it_was_meant(message in request()) {
        let single = Services::Single(TypeUrl::parse(&message.type_url));
        let rules = Rules { services: &single, ..RULES };
        let Decoded { request, node, unsupported, .. } =
            delta_request(&message.encode_to_vec(), rules, Place::First).unwrap();
        let (dynamic, plain): (Vec<_>, Vec<_>) =
            message.resource_locators_subscribe.iter().partition(|locator| !locator.dynamic_parameters.is_empty());
        let mut subscribed: Vec<&str> = message.resource_names_subscribe.iter().map(String::as_str).collect();
        subscribed.extend(plain.iter().map(|locator| locator.name.as_str()));
        prop_assert_eq!(texts(&request.subscribe), subscribed);
        prop_assert_eq!(texts(&request.unsubscribe), message.resource_names_unsubscribe.iter().collect::<Vec<_>>());
        prop_assert_eq!(texts(&unsupported), dynamic.iter().map(|locator| &locator.name).collect::<Vec<_>>());
        prop_assert_eq!(request.initial_versions.len(), message.initial_resource_versions.len());
        prop_assert_eq!(node.unwrap().id, message.node.unwrap().id);
        prop_assert_eq!(request.reply.nonce().map(|nonce| nonce.0), message.response_nonce.parse::<u64>().ok());
    }

    /// Whatever the bytes: no panic, and nothing prost accepts in the fields we read is called broken.
    #[test]
    fn broken_bytes_are_refused_and_nothing_else_is(
        message in request(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        for place in [Place::First, Place::Later] {
            let ours = delta_request(&bytes, RULES, place);
            let _ = sotw_request(&bytes, RULES, place);
            let theirs = DeltaDiscoveryRequest::decode(&bytes[..]);
            if theirs.is_ok() {
                let broken = matches!(ours, Err(Malformed::Undecodable { .. } | Malformed::InvalidUtf8 { .. }));
                prop_assert!(!broken, "{ours:?} instead of {theirs:?}");
            }
        }
    }
}
