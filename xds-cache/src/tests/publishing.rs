//! What a publish does and does not do: epochs, wake-ups, history, dangling references, several publishers.

use std::sync::Arc;

use chancery_protocol::{Digest, TypeUrl, View, Watch};
use futures::FutureExt;

use crate::fixtures::*;
use crate::*;

#[test]
fn a_patch_leads_to_the_same_view_as_the_whole_set() {
    let (patched, patcher) = SnapshotCache::new(EveryoneTogether);
    let (whole, publisher) = SnapshotCache::new(EveryoneTogether);
    patcher.publish(&everyone(), set([cluster("a", "1"), cluster("b", "1")])).unwrap();
    patcher.apply(&everyone(), upsert(cluster("b", "2"))).unwrap();
    patcher.apply(&everyone(), remove(TypeUrl::CLUSTER, "a")).unwrap();
    patcher.apply(&everyone(), upsert(endpoints("b", "x"))).unwrap();
    publisher.publish(&everyone(), set([cluster("b", "2"), endpoints("b", "x")])).unwrap();
    let (one, other) = (patched.view(&everyone()).unwrap(), whole.view(&everyone()).unwrap());
    for type_url in [TypeUrl::CLUSTER, TypeUrl::ENDPOINTS] {
        assert_eq!(one.digest(&type_url), other.digest(&type_url));
        assert!(one.iter(&type_url).eq(other.iter(&type_url)));
    }
}

#[test]
fn publishing_the_same_content_again_moves_no_epoch_and_wakes_nobody() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    let mut watch = seat(&cache, 1, "n");
    let before = watch.latest().unwrap();
    let published = publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    assert!(published.epochs.is_empty());
    assert_eq!((published.added, published.changed, published.removed), (0, 0, 0));
    assert!(watch.changed().now_or_never().is_none());
    assert!(Arc::ptr_eq(&before, &watch.latest().unwrap()));
}

#[test]
fn an_origin_that_moves_is_followed_without_a_change() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    let at = |line: &str| set([make(TypeUrl::CLUSTER, "a", "1").origin(line).done()]);
    publisher.publish(&everyone(), at("c.yaml:1")).unwrap();
    let mut watch = seat(&cache, 1, "n");
    let epoch = epoch_of(&mut watch, &TypeUrl::CLUSTER);
    let published = publisher.publish(&everyone(), at("c.yaml:7")).unwrap();
    assert!(published.epochs.is_empty());
    assert!(watch.changed().now_or_never().is_none());
    assert_eq!(epoch_of(&mut watch, &TypeUrl::CLUSTER), epoch);
    let view = watch.latest().unwrap();
    assert_eq!(view.get(&TypeUrl::CLUSTER, &"a".into()).unwrap().origin(), Some("c.yaml:7"));
}

#[test]
fn a_commit_says_what_it_did() {
    let (_cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "1"), cluster("b", "1"), endpoints("e", "1")])).unwrap();
    let next = set([cluster("b", "2"), cluster("c", "1"), endpoints("e", "1")]);
    let published = publisher.publish(&everyone(), next).unwrap();
    assert_eq!((published.added, published.changed, published.removed), (1, 1, 1));
    assert_eq!(published.epochs.keys().collect::<Vec<_>>(), [&TypeUrl::CLUSTER]);
}

#[test]
fn a_changed_ttl_moves_the_epoch_but_not_the_version() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    let before = cache.view(&everyone()).unwrap();
    publisher.publish(&everyone(), set([make(TypeUrl::CLUSTER, "a", "1").ttl(5).done()])).unwrap();
    let after = cache.view(&everyone()).unwrap();
    assert_eq!(before.digest(&TypeUrl::CLUSTER), after.digest(&TypeUrl::CLUSTER));
    assert_ne!(before.epoch(&TypeUrl::CLUSTER), after.epoch(&TypeUrl::CLUSTER));
    let changes = after.changed_since(&TypeUrl::CLUSTER, before.epoch(&TypeUrl::CLUSTER).unwrap()).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(after.iter_with_ttl(&TypeUrl::CLUSTER).count(), 1);
}

#[test]
fn streams_that_stand_at_the_same_point_share_one_answer() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    let from = cache.view(&everyone()).unwrap().epoch(&TypeUrl::CLUSTER).unwrap();
    publisher.publish(&everyone(), set([cluster("a", "2")])).unwrap();
    let view = cache.view(&everyone()).unwrap();
    let [one, other] = [0, 1].map(|_| view.changed_since(&TypeUrl::CLUSTER, from).unwrap());
    assert!(std::ptr::eq(&*one, &*other));
}

#[test]
fn the_history_is_bounded_by_count_and_by_weight() {
    let options = Options { history: HistoryLimits { changes: 10, ..Default::default() }, ..Options::default() };
    let (cache, publisher) = SnapshotCache::with_options(EveryoneTogether, options);
    publisher.publish(&everyone(), set([cluster("a", "start")])).unwrap();
    let start = cache.view(&everyone()).unwrap().epoch(&TypeUrl::CLUSTER).unwrap();
    for round in 0..100 {
        publisher.apply(&everyone(), upsert(cluster("a", &round.to_string()))).unwrap();
    }
    let view = cache.view(&everyone()).unwrap();
    let log = |view: &GroupView| view.snapshot.overlay(&TypeUrl::CLUSTER).unwrap().own().log_weight();
    assert!(log(&view).0 <= 10);
    assert!(view.changed_since(&TypeUrl::CLUSTER, start).is_none(), "out of reach: compare in full");
    let large = "x".repeat(100_000);
    for round in 0..9 {
        publisher.apply(&everyone(), upsert(cluster("a", &format!("{large}{round}")))).unwrap();
    }
    let (entries, bytes) = log(&cache.view(&everyone()).unwrap());
    assert!(entries > 0 && bytes <= 2 * 100_300, "{entries} entries of {bytes} bytes");
}

#[test]
fn a_version_is_found_again_while_the_history_reaches_back() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    let first = cache.view(&everyone()).unwrap();
    publisher.publish(&everyone(), set([cluster("a", "2")])).unwrap();
    let view = cache.view(&everyone()).unwrap();
    let version = first.digest(&TypeUrl::CLUSTER).version();
    assert_eq!(view.epoch_of_version(&TypeUrl::CLUSTER, version), first.epoch(&TypeUrl::CLUSTER));
    assert_eq!(view.epoch_of_version(&TypeUrl::CLUSTER, endpoints("x", "y").version()), None);
    let empty = Digest::EMPTY.version();
    assert_eq!(view.epoch_of_version(&TypeUrl::LISTENER, empty), view.epoch(&TypeUrl::LISTENER));
}

fn route(name: &str, to: &str) -> chancery_protocol::Resource {
    make(TypeUrl::ROUTE, name, to).names(TypeUrl::CLUSTER, to).origin("r.yaml:3").done()
}

#[test]
fn a_dangling_reference_is_reported_by_name_until_it_is_not() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    let published = publisher.publish(&everyone(), set([route("r", "c")])).unwrap();
    let dangling: Vec<Dangling> = published.dangling.iter().collect();
    assert_eq!(dangling.len(), 1);
    let text = dangling[0].to_string();
    assert!(text.contains("RouteConfiguration \"r\" (r.yaml:3)") && text.contains("Cluster \"c\""), "{text}");
    assert!(publisher.apply(&everyone(), upsert(cluster("c", "1"))).unwrap().dangling.is_empty());
    assert_eq!(publisher.apply(&everyone(), remove(TypeUrl::CLUSTER, "c")).unwrap().dangling.len(), 1);
    publisher.apply(&everyone(), remove(TypeUrl::ROUTE, "r")).unwrap();
    assert!(cache.dangling(&everyone()).unwrap().is_empty());
}

#[test]
fn a_dangling_reference_is_refused_by_option_and_nothing_changes() {
    let options = Options { on_dangling: OnDangling::Refuse, ..Options::default() };
    let (cache, publisher) = SnapshotCache::with_options(EveryoneTogether, options);
    let refused = publisher.publish(&everyone(), set([route("r", "c")])).unwrap_err();
    assert!(refused.to_string().contains("\"c\""), "{refused}");
    assert!(cache.groups().is_empty(), "a group that was never published is not left behind");
    publisher.publish(&everyone(), set([route("r", "c"), cluster("c", "1")])).unwrap();
    let before = cache.view(&everyone()).unwrap();
    assert!(publisher.apply(&everyone(), remove(TypeUrl::CLUSTER, "c")).is_err());
    assert!(Arc::ptr_eq(&before, &cache.view(&everyone()).unwrap()));
}

#[test]
fn externals_collections_and_globs_do_not_dangle_and_an_unreachable_cluster_does() {
    let externals = Declared::none().name(TypeUrl::CLUSTER, "xds");
    let (_cache, publisher) =
        SnapshotCache::with_options(EveryoneTogether, Options { externals, ..Options::default() });
    let published = publisher
        .publish(
            &everyone(),
            set([
                route("external", "xds"),
                make(TypeUrl::ROUTE, "vhds", "").names(TypeUrl::VIRTUAL_HOST, "vhds").done(),
                make(TypeUrl::LISTENER, "glob", "").names(TypeUrl::CLUSTER, "xdstp://a/envoy.x/b/*").done(),
                route("on-demand", "asleep"),
                make(TypeUrl::CLUSTER, "asleep", "").on_demand().done(),
            ]),
        )
        .unwrap();
    let dangling: Vec<_> = published.dangling.iter().map(|one| (one.referrer.name, one.fault)).collect();
    assert_eq!(dangling, [("on-demand".into(), Fault::OnDemandOnly)]);
}

#[test]
fn publishers_of_different_types_feed_one_group() {
    let (cache, rest) = SnapshotCache::new(EveryoneTogether);
    let clusters = rest.for_types([TypeUrl::CLUSTER]).unwrap();
    let routes = rest.for_types([TypeUrl::ROUTE]).unwrap();
    assert_eq!(rest.for_types([TypeUrl::ROUTE]).unwrap_err(), Claimed(TypeUrl::ROUTE));
    assert!(matches!(rest.publish(&everyone(), set([cluster("c", "1")])), Err(Inconsistent::OtherType(_))));
    let published = routes.publish(&everyone(), set([route("r", "c")])).unwrap();
    assert!(published.dangling.is_empty(), "clusters are yet to be published");
    let view = cache.view(&everyone()).unwrap();
    assert!(view.epoch(&TypeUrl::ROUTE).is_some());
    assert_eq!(view.epoch(&TypeUrl::CLUSTER), None, "unknown, not empty");
    assert_eq!(view.epoch(&TypeUrl::LISTENER), None);
    let mut watch = seat(&cache, 1, "n");
    watch.latest();
    let published = clusters.publish(&everyone(), set([])).unwrap();
    assert_eq!(published.dangling.len(), 1, "now it is known that there is no such cluster");
    assert_eq!(watch.changed().now_or_never(), Some(true));
    rest.publish(&everyone(), set([])).unwrap();
    let view = cache.view(&everyone()).unwrap();
    assert!(view.epoch(&TypeUrl::CLUSTER).is_some() && view.epoch(&TypeUrl::LISTENER).is_some());
    assert_eq!(names_of(&view, &TypeUrl::ROUTE), ["r"], "what others published stays");
}

#[test]
fn a_stream_that_never_looks_blocks_nobody_and_pins_nothing() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "start")])).unwrap();
    let mut stalled = seat(&cache, 1, "stalled");
    subscribe(&mut stalled, TypeUrl::CLUSTER, &[]);
    send(&mut stalled, TypeUrl::CLUSTER, 1, &[]);
    let mut views = Vec::new();
    for round in 0..10_000 {
        publisher.apply(&everyone(), upsert(cluster("a", &round.to_string()))).unwrap();
        views.push(Arc::downgrade(&cache.view(&everyone()).unwrap()));
    }
    let alive = views.iter().filter(|view| view.strong_count() > 0).count();
    assert_eq!(alive, 1, "one view, the newest");
    let view = stalled.latest().unwrap();
    let (entries, _) = view.snapshot.overlay(&TypeUrl::CLUSTER).unwrap().own().log_weight();
    assert!(entries <= 1024 + 1);
    assert_eq!(view.get(&TypeUrl::CLUSTER, &"a".into()).unwrap().body(), "9999".as_bytes(), "latest wins");
}

#[test]
fn a_watch_is_woken_once_for_any_number_of_commits() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([])).unwrap();
    let mut watch = seat(&cache, 1, "n");
    watch.latest();
    block_on(async {
        let publishing = async {
            tokio::task::yield_now().await;
            for round in 0..5 {
                publisher.apply(&everyone(), upsert(cluster("a", &round.to_string()))).unwrap();
            }
        };
        let (woken, ()) = futures::join!(watch.changed(), publishing);
        assert!(woken);
    });
    assert!(watch.changed().now_or_never().is_none());
}
