//! The shared base, and what groups lay over it.

use chancery_protocol::{TypeUrl, View, Watch};
use futures::FutureExt;

use crate::fixtures::*;
use crate::*;

fn two_groups() -> (SnapshotCache, Publisher, [GroupKey; 2]) {
    let (cache, publisher) = SnapshotCache::new(ByNodeId);
    (cache, publisher, ["one".into(), "two".into()])
}

#[test]
fn a_group_s_own_resource_hides_the_base_s() {
    let (cache, publisher, [one, two]) = two_groups();
    publisher.publish_base(set([cluster("a", "base"), cluster("b", "base")])).unwrap();
    publisher.publish(&one, set([cluster("a", "own"), cluster("c", "own")])).unwrap();
    publisher.publish(&two, set([])).unwrap();
    let body = |group: &GroupKey, name: &str| {
        let view = cache.view(group).unwrap();
        view.get(&TypeUrl::CLUSTER, &name.into()).map(|resource| resource.body().clone())
    };
    assert_eq!(body(&one, "a").unwrap(), "own");
    assert_eq!(body(&two, "a").unwrap(), "base");
    assert_eq!(names_of(&cache.view(&one).unwrap(), &TypeUrl::CLUSTER), ["a", "b", "c"]);
    assert_eq!(names_of(&cache.view(&two).unwrap(), &TypeUrl::CLUSTER), ["a", "b"]);
    publisher.apply(&one, remove(TypeUrl::CLUSTER, "a")).unwrap();
    assert_eq!(body(&one, "a").unwrap(), "base");
    assert_eq!(
        cache.view(&one).unwrap().get(&TypeUrl::CLUSTER, &"b".into()),
        cache.view(&two).unwrap().get(&TypeUrl::CLUSTER, &"b".into())
    );
}

#[test]
fn a_base_change_under_an_own_resource_is_invisible() {
    let (cache, publisher, [one, two]) = two_groups();
    publisher.publish_base(set([cluster("a", "1")])).unwrap();
    publisher.publish(&one, set([cluster("a", "own")])).unwrap();
    publisher.publish(&two, set([])).unwrap();
    let mut watches = [seat(&cache, 1, "one"), seat(&cache, 2, "two")];
    let before = watches.each_mut().map(|watch| watch.latest().unwrap());
    publisher.apply_base(upsert(cluster("a", "2"))).unwrap();
    let [hidden, seen] = watches.each_mut().map(|watch| watch.changed().now_or_never());
    assert_eq!((hidden, seen), (None, Some(true)));
    let after = watches.each_mut().map(|watch| watch.latest().unwrap());
    let changes = [0, 1].map(|at: usize| {
        let since = before[at].epoch(&TypeUrl::CLUSTER).unwrap();
        after[at].changed_since(&TypeUrl::CLUSTER, since).unwrap().len()
    });
    assert_eq!(changes, [0, 1]);
    assert_eq!(before[0].digest(&TypeUrl::CLUSTER), after[0].digest(&TypeUrl::CLUSTER));
}

#[test]
fn a_group_nobody_published_is_not_ready_however_full_the_base_is() {
    let (cache, publisher, [one, _]) = two_groups();
    publisher.publish_base(set([cluster("a", "1")])).unwrap();
    let mut watch = seat(&cache, 1, "one");
    assert!(watch.latest().is_none());
    publisher.publish(&one, set([])).unwrap();
    assert_eq!(watch.changed().now_or_never(), Some(true));
    assert_eq!(names_of(&watch.latest().unwrap(), &TypeUrl::CLUSTER), ["a"]);
}

#[test]
fn the_base_alone_is_enough_by_option() {
    let options = Options { readiness: Readiness::EitherLayer, ..Options::default() };
    let (cache, publisher) = SnapshotCache::with_options(ByNodeId, options);
    let mut watch = seat(&cache, 1, "one");
    assert!(watch.latest().is_none(), "nothing is published at all");
    publisher.publish_base(set([cluster("a", "1")])).unwrap();
    assert_eq!(watch.changed().now_or_never(), Some(true));
    let based = watch.latest().unwrap();
    publisher.apply_base(upsert(cluster("b", "1"))).unwrap();
    assert_eq!(watch.changed().now_or_never(), Some(true));
    publisher.publish(&"one".into(), set([cluster("c", "1")])).unwrap();
    let view = watch.latest().unwrap();
    assert_eq!(names_of(&view, &TypeUrl::CLUSTER), ["a", "b", "c"]);
    let changes = view.changed_since(&TypeUrl::CLUSTER, based.epoch(&TypeUrl::CLUSTER).unwrap()).unwrap();
    assert_eq!(changes.iter().map(|change| change.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn a_base_that_would_leave_any_group_dangling_is_refused_as_a_whole() {
    let options = Options { on_dangling: OnDangling::Refuse, ..Options::default() };
    let (cache, publisher) = SnapshotCache::with_options(ByNodeId, options);
    let route = make(TypeUrl::ROUTE, "r", "").names(TypeUrl::CLUSTER, "a").done();
    publisher.publish_base(set([cluster("a", "1"), cluster("b", "1")])).unwrap();
    publisher.publish(&"one".into(), set([route])).unwrap();
    publisher.publish(&"two".into(), set([])).unwrap();
    let refused = publisher.publish_base(set([cluster("b", "2")])).unwrap_err();
    assert!(refused.to_string().contains("one"), "{refused}");
    for group in ["one", "two"] {
        let view = cache.view(&group.into()).unwrap();
        assert_eq!(names_of(&view, &TypeUrl::CLUSTER), ["a", "b"]);
        assert_eq!(view.get(&TypeUrl::CLUSTER, &"b".into()).unwrap().body(), "1".as_bytes());
    }
}

#[test]
fn a_secret_is_seen_only_where_something_names_it() {
    let (cache, publisher, [one, two]) = two_groups();
    let listener = make(TypeUrl::LISTENER, "l", "").names(TypeUrl::SECRET, "cert").done();
    let secret = |name: &str| make(TypeUrl::SECRET, name, "key").alias("also").done();
    publisher.publish_base(set([secret("cert"), secret("spare")])).unwrap();
    publisher.publish(&one, set([listener])).unwrap();
    publisher.publish(&two, set([])).unwrap();
    let (first, other) = (cache.view(&one).unwrap(), cache.view(&two).unwrap());
    assert_eq!(names_of(&first, &TypeUrl::SECRET), ["cert"]);
    assert!(first.get(&TypeUrl::SECRET, &"spare".into()).is_none());
    assert!(first.by_alias(&TypeUrl::SECRET, &"also".into()).is_some());
    assert!(
        names_of(&other, &TypeUrl::SECRET).is_empty() && other.by_alias(&TypeUrl::SECRET, &"also".into()).is_none()
    );
    publisher.apply(&one, remove(TypeUrl::LISTENER, "l")).unwrap();
    let after = cache.view(&one).unwrap();
    assert!(names_of(&after, &TypeUrl::SECRET).is_empty());
    let changes = after.changed_since(&TypeUrl::SECRET, first.epoch(&TypeUrl::SECRET).unwrap()).unwrap();
    assert!(changes.len() == 1 && changes[0].after.is_none());
}

#[test]
fn a_shared_secret_is_seen_by_all_and_every_secret_by_option() {
    let shared = Declared::none().name(TypeUrl::SECRET, "bootstrap");
    let secrets = [Secrets::WhenNamed { shared }, Secrets::Always];
    let seen = secrets.map(|secrets| {
        let (cache, publisher) = SnapshotCache::with_options(ByNodeId, Options { secrets, ..Options::default() });
        let secret = |name: &str| make(TypeUrl::SECRET, name, "key").done();
        publisher.publish(&"one".into(), set([secret("bootstrap"), secret("other")])).unwrap();
        names_of(&cache.view(&"one".into()).unwrap(), &TypeUrl::SECRET).len()
    });
    assert_eq!(seen, [1, 2]);
}
