//! Which streams a commit wakes: those that asked for what it changes, and no others.

use chancery_protocol::{Event, NameSet, PoolChoice, ResourceName, TypeUrl, Watch};
use futures::FutureExt;

use crate::GroupWatch;
use crate::fixtures::*;

const CDS: TypeUrl = TypeUrl::CLUSTER;
const EDS: TypeUrl = TypeUrl::ENDPOINTS;

/// Whether a stream is woken, having looked.
fn is_woken(watch: &mut GroupWatch) -> bool {
    let woken = watch.changed().now_or_never().is_some();
    drop(watch.latest());
    woken
}

/// Subscribes to names of a set that other streams share.
fn subscribe_shared(watch: &mut GroupWatch, type_url: TypeUrl, names: &NameSet) {
    let event = Event::Subscribed { type_url, wildcard: false, added: vec![], removed: vec![], names: names.clone() };
    watch.progressed(&event);
    drop(watch.latest());
}

fn shared(names: &[&str]) -> NameSet {
    let mut set: NameSet = names.iter().map(|name| ResourceName::new(name)).collect();
    set.share(&PoolChoice::default());
    set
}

#[test]
fn a_commit_wakes_those_who_named_what_it_changes() {
    let (cache, publisher) = cache_of(["a", "b", "c"].map(|name| endpoints(name, "1")));
    let [ab, c] = [shared(&["a", "b"]), shared(&["c"])];
    let mut streams: Vec<_> = (0..4).map(|stream| seat(&cache, stream, "n")).collect();
    for (at, watch) in streams.iter_mut().enumerate() {
        subscribe_shared(watch, EDS, if at < 2 { &ab } else { &c });
    }
    let mut woken = |patch| {
        publisher.apply(&everyone(), patch).unwrap();
        streams.iter_mut().map(is_woken).collect::<Vec<_>>()
    };
    assert_eq!(woken(upsert(endpoints("b", "2"))), [true, true, false, false]);
    assert_eq!(woken(remove(EDS, "c")), [false, false, true, true]);
    assert_eq!(woken(upsert(endpoints("d", "1"))), [false; 4]);
    assert_eq!(woken(upsert(cluster("a", "1"))), [false; 4]);
}

#[test]
fn a_stream_that_said_nothing_yet_is_woken_by_everything() {
    let (cache, publisher) = cache_of([endpoints("a", "1")]);
    let mut watch = seat(&cache, 1, "n");
    drop(watch.latest());
    publisher.apply(&everyone(), upsert(endpoints("a", "2"))).unwrap();
    assert!(is_woken(&mut watch));
}

#[test]
fn wildcards_aliases_globs_and_names_of_ones_own_are_heeded() {
    let glob = "xdstp://x/envoy.config.endpoint.v3.ClusterLoadAssignment/shop/*";
    let member = "xdstp://x/envoy.config.endpoint.v3.ClusterLoadAssignment/shop/one";
    let (cache, publisher) = cache_of([endpoints("a", "1")]);
    let mut everything = seat(&cache, 1, "n");
    subscribe(&mut everything, CDS, &[]);
    let mut by_alias = seat(&cache, 2, "n");
    subscribe_shared(&mut by_alias, EDS, &shared(&["other"]));
    let mut by_glob = seat(&cache, 3, "n");
    subscribe_shared(&mut by_glob, EDS, &shared(&[glob]));
    let mut apart = seat(&cache, 4, "n");
    let mut own = shared(&["p", "q", "r", "s", "t", "u", "v", "w", "x", "y"]);
    own.insert("a".into());
    assert!(own.whole().is_none());
    subscribe_shared(&mut apart, EDS, &own);
    let mut woken = |resource| {
        publisher.apply(&everyone(), upsert(resource)).unwrap();
        [&mut everything, &mut by_alias, &mut by_glob, &mut apart].map(is_woken)
    };
    assert_eq!(woken(cluster("k", "1")), [true, false, false, false]);
    // Whether a glob has a member is not looked at: its stream is woken by every change of the type.
    assert_eq!(woken(make(EDS, "b", "1").alias("other").done()), [false, true, true, false]);
    assert_eq!(woken(endpoints(member, "1")), [false, false, true, false]);
    assert_eq!(woken(endpoints("a", "2")), [false, false, true, true]);
    own.remove(&"a".into());
    assert_eq!(woken(endpoints("a", "3")), [false, false, true, true]);
    subscribe_shared(&mut apart, EDS, &own);
    publisher.apply(&everyone(), upsert(endpoints("a", "4"))).unwrap();
    assert!(!is_woken(&mut apart));
}

#[test]
fn a_secret_that_comes_into_view_wakes_those_who_asked_for_secrets() {
    let (cache, publisher) = cache_of([make(TypeUrl::SECRET, "key", "1").done()]);
    let mut watch = seat(&cache, 1, "n");
    subscribe_shared(&mut watch, TypeUrl::SECRET, &shared(&["key"]));
    publisher.apply(&everyone(), upsert(cluster("plain", "1"))).unwrap();
    assert!(!is_woken(&mut watch));
    publisher.apply(&everyone(), upsert(make(CDS, "tls", "1").names(TypeUrl::SECRET, "key").done())).unwrap();
    assert!(is_woken(&mut watch));
}

#[test]
fn a_stream_is_woken_for_each_type_it_asked_for_until_it_gives_it_up() {
    let (cache, publisher) = cache_of([endpoints("a", "1"), cluster("a", "1")]);
    let mut watch = seat(&cache, 1, "n");
    subscribe_shared(&mut watch, EDS, &shared(&["a"]));
    subscribe_shared(&mut watch, CDS, &shared(&["a"]));
    publisher.apply(&everyone(), upsert(cluster("a", "2"))).unwrap();
    assert!(is_woken(&mut watch));
    subscribe_shared(&mut watch, CDS, &shared(&[]));
    publisher.apply(&everyone(), upsert(cluster("a", "3"))).unwrap();
    assert!(!is_woken(&mut watch));
    publisher.apply(&everyone(), upsert(endpoints("a", "2"))).unwrap();
    assert!(is_woken(&mut watch));
}

#[test]
fn an_alias_that_a_layer_hides_or_uncovers_wakes_who_asked_by_it() {
    let (cache, publisher) = cache_of([endpoints("other", "1")]);
    publisher.apply_base(upsert(make(EDS, "n", "base").alias("x").done())).unwrap();
    let mut watch = seat(&cache, 1, "n");
    subscribe_shared(&mut watch, EDS, &shared(&["x"]));
    publisher.apply(&everyone(), upsert(endpoints("n", "own"))).unwrap();
    assert!(is_woken(&mut watch), "its resource is hidden");
    publisher.apply(&everyone(), remove(EDS, "n")).unwrap();
    assert!(is_woken(&mut watch), "it is there again");
}

#[test]
fn a_stream_whom_nothing_concerns_is_woken_before_the_history_forgets() {
    let (cache, publisher) = cache_of(["quiet", "busy"].map(|name| endpoints(name, "1")));
    let mut watch = seat(&cache, 1, "n");
    subscribe_shared(&mut watch, EDS, &shared(&["quiet"]));
    let mut woken = 0;
    for revision in 0..2_000 {
        publisher.apply(&everyone(), upsert(endpoints("busy", &revision.to_string()))).unwrap();
        woken += usize::from(is_woken(&mut watch));
    }
    assert_eq!(woken, 3);
}
