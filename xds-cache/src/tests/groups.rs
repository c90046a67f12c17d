//! Groups come and go: grouping, demand, eviction, removal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery_protocol::{Grant, Moment, Source, TypeUrl, View, Watch};
use futures::FutureExt;

use crate::fixtures::*;
use crate::*;

fn at(seconds: u64) -> Moment {
    Moment::after_start(Duration::from_secs(seconds))
}

const MINUTE: Duration = Duration::from_secs(60);

/// A cache whose demands are kept for the test to look at.
fn on_demand() -> (SnapshotCache, Publisher, Arc<Mutex<Vec<Demand>>>) {
    let demands = Arc::new(Mutex::new(Vec::new()));
    let keep = demands.clone();
    let provider = move |demand: Demand| keep.lock().unwrap().push(demand);
    let options = Options { provider: Some(Arc::new(provider)), ..Options::default() };
    let (cache, publisher) = SnapshotCache::with_options(ByNodeId, options);
    (cache, publisher, demands)
}

#[test]
fn a_peer_without_what_groups_it_is_turned_away_for_good() {
    let (cache, _publisher) = SnapshotCache::new(ByNodeId);
    let refusal = cache.watch(&peer(1, ""), &Grant::everything()).unwrap_err();
    assert!(!refusal.is_temporary());
    let (cache, _publisher) = SnapshotCache::new(ByGrantClass);
    assert!(cache.watch(&peer(1, "n"), &Grant::everything()).is_err());
    let grant = Grant { class: "tenant".into(), ..Grant::everything() };
    assert_eq!(cache.watch(&peer(1, "n"), &grant).unwrap().group().as_str(), "tenant");
}

#[test]
fn a_provider_is_told_of_the_first_stream_of_a_group_and_of_the_last_one_s_leaving() {
    let (cache, _publisher, demands) = on_demand();
    let mut first = seat(&cache, 1, "a");
    let second = seat(&cache, 2, "a");
    let demand = demands.lock().unwrap().pop().unwrap();
    assert!(demands.lock().unwrap().is_empty(), "one demand for both");
    assert_eq!((demand.group().as_str(), demand.peer().stream), ("a", 1));
    assert!(first.latest().is_none());
    demand.publish(set([cluster("c", "1")])).unwrap().unwrap();
    assert_eq!(first.changed().now_or_never(), Some(true));
    assert_eq!(names_of(&first.latest().unwrap(), &TypeUrl::CLUSTER), ["c"]);
    drop(first);
    assert!(demand.withdrawn().now_or_never().is_none());
    drop(second);
    block_on(demand.withdrawn());
    assert!(demand.publish(set([])).unwrap().is_none());
    let _again = seat(&cache, 3, "a");
    assert_eq!(demands.lock().unwrap().len(), 1, "what is cached may be old: the provider is asked anew");
}

#[test]
fn a_peer_that_leaves_before_its_group_is_published_leaves_nothing_behind() {
    let (cache, _publisher, demands) = on_demand();
    drop(seat(&cache, 1, "a"));
    assert!(cache.groups().is_empty());
    assert!(demands.lock().unwrap()[0].is_withdrawn());
}

#[test]
fn idle_groups_are_evicted_those_in_use_are_not() {
    let (cache, publisher, demands) = on_demand();
    publisher.publish(&"published".into(), set([])).unwrap();
    let streams = [seat(&cache, 1, "leaves"), seat(&cache, 2, "stays")];
    for demand in demands.lock().unwrap().drain(..) {
        demand.publish(set([])).unwrap();
    }
    let [leaves, _stays] = streams;
    drop(leaves);
    assert!(cache.evict_idle(at(0), MINUTE, Evict::OnConnect).is_empty());
    assert!(cache.evict_idle(at(59), MINUTE, Evict::OnConnect).is_empty());
    assert_eq!(cache.evict_idle(at(60), MINUTE, Evict::OnConnect), ["leaves".into()]);
    assert_eq!(cache.groups(), ["published".into(), "stays".into()]);
    cache.evict_idle(at(60), MINUTE, Evict::All);
    publisher.apply(&"published".into(), upsert(cluster("a", "1"))).unwrap();
    assert!(cache.evict_idle(at(130), MINUTE, Evict::All).is_empty(), "a commit counts as use");
    assert_eq!(cache.evict_idle(at(190), MINUTE, Evict::All), ["published".into()]);
}

#[test]
fn a_removed_group_tells_its_streams_that_the_source_is_gone_and_not_that_resources_are() {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    let mut watch = seat(&cache, 1, "n");
    let before = watch.latest().unwrap();
    assert!(publisher.remove_group(&everyone()));
    assert_eq!(watch.changed().now_or_never(), Some(false));
    assert!(watch.latest().is_none());
    publisher.publish(&everyone(), set([cluster("a", "1")])).unwrap();
    let anew = seat(&cache, 2, "n").latest().unwrap();
    let since = before.epoch(&TypeUrl::CLUSTER).unwrap();
    assert!(anew.changed_since(&TypeUrl::CLUSTER, since).is_none(), "another history");
    assert_eq!(anew.digest(&TypeUrl::CLUSTER), before.digest(&TypeUrl::CLUSTER), "the same content");
    drop(watch);
    assert_eq!(cache.groups(), [everyone()], "the old group's last stream does not take the new group along");
}

#[test]
fn publishing_and_seating_from_many_threads_ends_in_one_state() {
    let (cache, publisher) = SnapshotCache::new(ByNodeId);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (cache, publisher) = (&cache, &publisher);
            scope.spawn(move || {
                for round in 0..200 {
                    let name = format!("{worker}-{round}");
                    publisher.apply_base(upsert(cluster(&name, "base"))).unwrap();
                    let group = GroupKey::new(if round % 2 == 0 { "even" } else { "odd" });
                    publisher.apply(&group, upsert(endpoints(&name, "own"))).unwrap();
                    drop(seat(cache, round, group.as_str()).latest());
                    drop(seat(cache, round, &format!("stranger {name}")));
                }
            });
        }
    });
    assert_eq!(cache.groups(), ["even".into(), "odd".into()]);
    for group in cache.groups() {
        let view = cache.view(&group).unwrap();
        assert_eq!(view.iter(&TypeUrl::CLUSTER).count(), 800);
        assert_eq!(view.iter(&TypeUrl::ENDPOINTS).count(), 400);
        let mut sum = chancery_protocol::Digest::EMPTY;
        view.iter(&TypeUrl::CLUSTER).for_each(|resource| sum.add(resource.digest()));
        assert_eq!(view.digest(&TypeUrl::CLUSTER), sum);
    }
}
