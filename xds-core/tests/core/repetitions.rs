//! Acceptances in state of the world repeat every name: they are recognised, and what is not quite the same is not.

use chancery_core::wire::{LastNames, Place, Rules, SotwPartial, sotw_request};
use chancery_protocol::{Event, Services, TypeUrl};
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, ResourceLocator};
use proptest::prelude::*;
use prost::Message;

use crate::client::{ack, first_sotw};
use crate::running::{Running, Seen};
use crate::world::{World, resource};

const RULES: Rules<'static> =
    Rules { services: &Services::Aggregated, types: &[], max_names: 1_000, node_bytes: 64 * 1024 };
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
    let (noted, decoded) = (partial.is_noted(), partial.finish(RULES, Place::Later).unwrap());
    let mut whole = sotw_request(&bytes, RULES, Place::Later).unwrap();
    if decoded.repeats {
        assert!(decoded.request.names.is_empty());
        whole.request.names.clear();
        whole.repeats = true;
    }
    if !noted {
        last.forget(&decoded.request.type_url);
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
