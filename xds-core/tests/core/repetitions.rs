//! Acceptances in state of the world repeat every name: they are recognised, and what is not quite the same is not.

use chancery_core::wire::{LastNames, Place, Rules, SotwPartial, sotw_request};
use chancery_protocol::{Event, PoolChoice, Services, TypeUrl};
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, ResourceLocator};
use proptest::prelude::*;
use prost::Message;

use crate::client::{ack, first_sotw};
use crate::running::{Running, Seen};
use crate::world::{World, resource};

const RULES: Rules<'static> = Rules {
    services: &Services::Aggregated,
    types: &[],
    max_names: 1_000,
    node_bytes: 64 * 1024,
    pool: &PoolChoice::NONE,
};
const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

/// Names that are more than what is not worth recognising.
fn many() -> Vec<String> {
    (0..100).map(|number| format!("a-name-of-some-length-{number:03}")).collect()
}

fn reply(names: Vec<String>) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: ENDPOINTS.into(),
        resource_names: names,
        response_nonce: "1".into(),
        ..DiscoveryRequest::default()
    }
}

/// Whether a request is taken for a repetition; if it is not, all of it is read.
fn repeats(last: &mut LastNames, message: &DiscoveryRequest, recalls: bool) -> bool {
    let bytes = message.encode_to_vec();
    let mut partial = SotwPartial::default();
    partial.absorb_whole(&bytes, RULES, last, |_| recalls).unwrap();
    let decoded = partial.finish_after(last, RULES, Place::Later).unwrap();
    let mut whole = sotw_request(&bytes, RULES, Place::Later).unwrap();
    if decoded.repeats {
        assert!(decoded.request.names.is_empty());
        whole.request.names.clear();
        whole.repeats = true;
    }
    assert_eq!(decoded, whole);
    decoded.repeats
}

#[test]
fn the_same_names_in_the_same_order_are_recognised_whatever_stands_around_them() {
    let mut last = LastNames::default();
    let first = reply(many());
    assert!(!repeats(&mut last, &first, true), "nothing came before");
    assert!(repeats(&mut last, &first, true));
    let other = DiscoveryRequest { version_info: "x".into(), response_nonce: "2".into(), ..first.clone() };
    assert!(repeats(&mut last, &other, true));
    assert!(!repeats(&mut last, &first, false), "the session does not recall them");
    assert!(repeats(&mut last, &first, true));
}

#[test]
fn one_name_more_or_less_or_another_order_or_type_or_no_reply_is_something_else() {
    let all = many();
    let mut reversed = all.clone();
    reversed.reverse();
    let mut renamed = all.clone();
    renamed[50].push('x');
    let located = DiscoveryRequest {
        resource_locators: vec![ResourceLocator { name: "more".into(), ..ResourceLocator::default() }],
        ..reply(all.clone())
    };
    let others = [
        reply(all[1..].to_vec()),
        reply([all.clone(), vec!["more".into()]].concat()),
        reply(reversed),
        reply(renamed),
        located,
        DiscoveryRequest { type_url: TypeUrl::ROUTE.to_string(), ..reply(all.clone()) },
        DiscoveryRequest { response_nonce: String::new(), ..reply(all.clone()) },
    ];
    for other in others {
        let mut last = LastNames::default();
        repeats(&mut last, &reply(all.clone()), true);
        assert!(!repeats(&mut last, &other, true), "{other:?}");
        if other.type_url == ENDPOINTS && (other.resource_names != all || !other.resource_locators.is_empty()) {
            assert!(!repeats(&mut last, &reply(all.clone()), true), "{other:?} came in between");
        }
    }
}

#[test]
fn few_names_are_read() {
    let mut last = LastNames::default();
    let few = reply(vec!["a".into(), "b".into()]);
    assert!(!repeats(&mut last, &few, true) && !repeats(&mut last, &few, true));
}

proptest! {
    #[test]
    fn a_repetition_is_what_lists_the_same_as_the_one_before(
        picks in prop::collection::vec((0..3_usize, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let lists = [many(), many()[..60].to_vec(), many()[1..].to_vec()];
        let types = [ENDPOINTS.to_owned(), TypeUrl::ROUTE.to_string()];
        let (mut last, mut before) = (LastNames::default(), [None, None]);
        for (list, other_type, recalls) in picks {
            let of = usize::from(other_type);
            let message = DiscoveryRequest { type_url: types[of].clone(), ..reply(lists[list].clone()) };
            prop_assert_eq!(repeats(&mut last, &message, recalls), recalls && before[of] == Some(list));
            before[of] = Some(list);
        }
    }
}

/// Fields of a request as nobody's library writes them: in any order, in several runs, with long names and lengths that take more
/// bytes than they need.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        4 => (0..3_usize).prop_map(|number| format!("{number}").repeat(40)),
        1 => (0..2_usize).prop_map(|number| format!("{number}").repeat(400)),
        1 => Just(String::new()),
    ];
    let padded = |number: u8, text: String, pad: bool| {
        let mut field = vec![number << 3 | 2];
        match (text.len(), pad) {
            (length, false) if length < 0x80 => field.push(length as u8),
            (length, true) if length < 0x80 => field.extend([length as u8 | 0x80, 0x80, 0]),
            (length, _) => field.extend([length as u8 | 0x80, (length >> 7) as u8]),
        }
        field.extend(text.bytes());
        field
    };
    let names = prop::collection::vec((name, prop::bool::weighted(0.05)), 0..60)
        .prop_map(move |names| names.into_iter().flat_map(|(name, pad)| padded(3, name, pad)).collect::<Vec<u8>>());
    let other = prop_oneof![
        Just(padded(1, "version".into(), false)),
        Just(padded(5, "7".into(), false)),
        Just(padded(4, TypeUrl::ROUTE.to_string(), false)),
        Just(vec![0x1d, 1, 2, 3, 4]),
        Just(padded(3, "\u{fffd}".into(), false)),
        Just(vec![0x1a, 1, 0xff]),
        Just(vec![0x1a, 100]),
        Just(padded(7, "\n\u{1}x".into(), false)),
    ];
    let end = [padded(4, ENDPOINTS.into(), false), padded(5, "1".into(), false)].concat();
    let other = prop::option::weighted(0.2, other).prop_map(Option::unwrap_or_default);
    (names.clone(), other, names).prop_map(move |(one, other, two)| [one, other, two, end.clone()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever the bytes: what is not a repetition is read as ever, and what is one names what the request before it named.
    #[test]
    fn bytes_nobody_writes_are_read_as_ever(
        pool in prop::collection::vec(fields(), 1..4), picks in prop::collection::vec(0..4_usize, 1..8),
    ) {
        let mut last = LastNames::default();
        let mut before = std::collections::BTreeMap::new();
        for pick in picks {
            let bytes = &pool[pick % pool.len()];
            let whole = sotw_request(bytes, RULES, Place::Later);
            let mut partial = SotwPartial::default();
            let absorbed = partial.absorb_whole(bytes, RULES, &mut last, |_| true);
            prop_assert_eq!(absorbed.is_ok(), whole.is_ok());
            // An error ends the stream.
            let Ok(whole) = whole else { return Ok(()) };
            let decoded = partial.finish_after(&mut last, RULES, Place::Later).unwrap();
            let type_url = decoded.request.type_url.clone();
            match decoded.repeats {
                true => prop_assert_eq!(before.get(&type_url), Some(&whole.request.names)),
                false => prop_assert_eq!(&decoded, &whole),
            }
            before.insert(type_url, whole.request.names);
        }
    }
}

#[test]
fn names_in_several_runs_and_long_ones_are_recognised() {
    let long = "x".repeat(200);
    let runs = |second: &str| {
        let mut bytes = reply(many()).encode_to_vec();
        bytes.extend(reply(vec![long.clone(), second.to_owned()]).encode_to_vec());
        bytes
    };
    let mut last = LastNames::default();
    let mut repeats = |bytes: Vec<u8>| {
        let mut partial = SotwPartial::default();
        partial.absorb_whole(&bytes, RULES, &mut last, |_| true).unwrap();
        partial.finish(RULES, Place::Later).unwrap().repeats
    };
    assert!(!repeats(runs("a")) && repeats(runs("a")));
    assert!(!repeats(runs("b")), "the second run differs");
    assert!(repeats(runs("b")));
}

#[tokio::test]
async fn a_stream_that_repeats_its_names_is_served_as_one_whose_names_are_read_each_time() {
    let names = many();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let endpoints = |name: &str, content: u8| resource(&TypeUrl::ENDPOINTS, name, vec![content]);
    // All but one exist; two of them change.
    let state = |first: u8, eighth: u8| {
        let contents = |at: usize| match at {
            0 => first,
            7 => eighth,
            _ => 0,
        };
        let here: Vec<_> = texts[..99].iter().enumerate().map(|(at, name)| endpoints(name, contents(at))).collect();
        here
    };
    let world = World::of(state(0, 0));
    let server = Running::of(&world).await;
    let mut stream = server.sotw().await;
    let listing = |listed: &[&str]| listed.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    stream.send(&first_sotw(ENDPOINTS, &texts));
    let mut response = stream.next_sotw().await;
    assert_eq!(response.resources.len(), 99);
    for content in 1..4 {
        stream.send(&DiscoveryRequest { resource_names: listing(&texts), ..ack(&response) });
        world.publish(state(0, content));
        response = stream.next_sotw().await;
        assert!(response.resources.iter().any(|resource| resource.value == [content]), "{response:?}");
    }
    // A name less, twice; what is no longer named is no longer sent.
    for content in 4..6 {
        stream.send(&DiscoveryRequest { resource_names: listing(&texts[1..]), ..ack(&response) });
        world.publish(state(100 + content, content));
        response = stream.next_sotw().await;
        // The first change may be seen before the request that gives the name up.
        assert!(content == 4 || response.resources.iter().all(|resource| resource.value[0] < 100), "{response:?}");
    }
    // All of them again: the one that was given up is answered.
    stream.send(&DiscoveryRequest { resource_names: listing(&texts), ..ack(&response) });
    response = stream.next_sotw().await;
    assert!(response.resources.iter().any(|resource| resource.value == [105]), "{response:?}");
    // Names that change in a request too long to be recognised are not taken for those before it.
    let long: Vec<String> = (0..4_000).map(|number| format!("another-name-of-some-length-{number:05}")).collect();
    stream.send(&DiscoveryRequest { resource_names: long, ..ack(&response) });
    let more = [endpoints("another-name-of-some-length-00001", 1)];
    world.publish(state(105, 5).into_iter().chain(more));
    response = stream.next_sotw().await;
    stream.send(&DiscoveryRequest { resource_names: listing(&texts), ..ack(&response) });
    response = stream.next_sotw().await;
    assert_eq!(response.resources.len(), 99);
    let subscribed = server.log.count(|seen| matches!(seen, Seen::Happened(Event::Subscribed { .. })));
    assert_eq!(subscribed, 5, "repetitions subscribe nothing");
    server.stop().await;
}
