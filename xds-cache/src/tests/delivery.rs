//! Delivery reports: what streams acknowledged, refused, and have yet to reply to.

use chancery_protocol::{Event, NameSet, PoolChoice, ResourceName, TypeUrl, Watch};
use futures::FutureExt;

use crate::fixtures::*;
use crate::*;

const CDS: TypeUrl = TypeUrl::CLUSTER;
const EDS: TypeUrl = TypeUrl::ENDPOINTS;

fn status(cache: &SnapshotCache, type_url: TypeUrl, name: &str) -> Delivery {
    cache.delivery().status(7, &type_url, &name.into())
}

fn is_nacked(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Nacked(refusal) if &*refusal.message == "no such filter")
}

#[test]
fn a_wildcard_stream_goes_from_unknown_through_pending_to_acked() {
    let (cache, publisher) = cache_of([cluster("a", "1"), cluster("b", "1")]);
    let mut watch = seat(&cache, 7, "n");
    assert_eq!(status(&cache, CDS, "a"), Delivery::Unknown);
    subscribe(&mut watch, CDS, &[]);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending);
    send(&mut watch, CDS, 1, &[]);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending);
    ack(&mut watch, CDS, 1);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Acked(cluster("a", "1").version()));
    publisher.apply(&everyone(), upsert(cluster("a", "2"))).unwrap();
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending);
    assert_eq!(status(&cache, CDS, "b"), Delivery::Acked(cluster("b", "1").version()));
    send(&mut watch, CDS, 2, &["a"]);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending);
    ack(&mut watch, CDS, 2);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Acked(cluster("a", "2").version()));
    drop(watch);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Unknown);
}

#[test]
fn a_named_stream_is_asked_only_about_its_names() {
    let (cache, publisher) = cache_of(["a", "b", "c"].map(|name| endpoints(name, "1")));
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, EDS, &["a", "b", "later"]);
    send(&mut watch, EDS, 1, &["a"]);
    ack(&mut watch, EDS, 1);
    assert_eq!(status(&cache, EDS, "a"), Delivery::Acked(endpoints("a", "1").version()));
    assert_eq!(status(&cache, EDS, "b"), Delivery::Pending, "subscribed, not told of yet");
    assert_eq!(status(&cache, EDS, "c"), Delivery::Unknown, "not subscribed");
    assert_eq!(status(&cache, EDS, "later"), Delivery::Unknown, "there is none");
    publisher.apply(&everyone(), upsert(endpoints("later", "1"))).unwrap();
    assert_eq!(status(&cache, EDS, "later"), Delivery::Pending);
    send(&mut watch, EDS, 2, &["b", "later"]);
    ack(&mut watch, EDS, 2);
    let report = cache.delivery().streams().remove(0);
    let eds = &report.types[0];
    assert_eq!((eds.acked, eds.pending, eds.names), (3, 0, 3));
    assert!(eds.is_settled());
}

#[test]
fn a_change_held_back_while_others_go_out_stays_pending() {
    let (cache, publisher) = cache_of([cluster("a", "1"), cluster("b", "1")]);
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, CDS, &[]);
    send(&mut watch, CDS, 1, &[]);
    ack(&mut watch, CDS, 1);
    publisher.publish(&everyone(), set([cluster("a", "2")])).unwrap();
    send(&mut watch, CDS, 2, &["a"]);
    ack(&mut watch, CDS, 2);
    let cds = cache.delivery().streams().remove(0).types.remove(0);
    assert_eq!((cds.acked, cds.pending, cds.pending_names), (1, 1, vec!["b".into()]), "the removal waits");
    send(&mut watch, CDS, 3, &["b"]);
    ack(&mut watch, CDS, 3);
    assert!(cache.delivery().streams()[0].types[0].is_settled());
}

#[test]
fn a_refused_resource_is_named_with_the_peer_s_words_until_it_changes() {
    let (cache, publisher) = cache_of([cluster("a", "1"), cluster("b", "1")]);
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, CDS, &[]);
    send(&mut watch, CDS, 1, &[]);
    ack(&mut watch, CDS, 1);
    publisher.publish(&everyone(), set([cluster("a", "bad"), cluster("b", "2")])).unwrap();
    send(&mut watch, CDS, 2, &["a", "b"]);
    nack(&mut watch, CDS, 2, &["a"]);
    assert!(is_nacked(&status(&cache, CDS, "a")));
    let second = Delivery::Acked(cluster("b", "2").version());
    assert_eq!(status(&cache, CDS, "b"), second, "of clusters a peer applies the good part");
    publisher.apply(&everyone(), upsert(cluster("b", "3"))).unwrap();
    send(&mut watch, CDS, 3, &["b"]);
    ack(&mut watch, CDS, 3);
    assert_eq!(status(&cache, CDS, "b"), Delivery::Acked(cluster("b", "3").version()));
    assert!(is_nacked(&status(&cache, CDS, "a")), "others going through does not heal it");
    let cds = cache.delivery().streams().remove(0).types.remove(0);
    assert_eq!((cds.acked, cds.pending, cds.refused.len()), (1, 0, 1));
    assert_eq!(cds.refused[0].version, Some(cluster("a", "bad").version()));
    publisher.apply(&everyone(), upsert(cluster("a", "good"))).unwrap();
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending);
    send(&mut watch, CDS, 4, &["a"]);
    ack(&mut watch, CDS, 4);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Acked(cluster("a", "good").version()));
}

#[test]
fn what_a_peer_holds_from_an_earlier_stream_counts_as_acknowledged() {
    let (cache, publisher) = cache_of([cluster("a", "1"), cluster("b", "1")]);
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, CDS, &[]);
    let epoch = epoch_of(&mut watch, &CDS);
    watch.progressed(&Event::Held { type_url: CDS, epoch, except: vec!["b".into()] });
    assert_eq!(status(&cache, CDS, "a"), Delivery::Acked(cluster("a", "1").version()));
    assert_eq!(status(&cache, CDS, "b"), Delivery::Pending);
    publisher.apply(&everyone(), upsert(cluster("a", "2"))).unwrap();
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending);
}

#[test]
fn a_refused_first_answer_without_culprits_is_refused_as_a_whole() {
    let (cache, _publisher) = cache_of([cluster("a", "1"), cluster("b", "1")]);
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, CDS, &[]);
    send(&mut watch, CDS, 1, &[]);
    nack(&mut watch, CDS, 1, &[]);
    assert!(is_nacked(&status(&cache, CDS, "a")) && is_nacked(&status(&cache, CDS, "b")));
    send(&mut watch, CDS, 2, &[]);
    ack(&mut watch, CDS, 2);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Acked(cluster("a", "1").version()));
}

#[test]
fn a_nack_that_comes_late_is_held_against_the_version_that_was_sent() {
    let (cache, publisher) = cache_of([cluster("a", "1")]);
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, CDS, &[]);
    send(&mut watch, CDS, 1, &[]);
    ack(&mut watch, CDS, 1);
    publisher.apply(&everyone(), upsert(cluster("a", "bad"))).unwrap();
    send(&mut watch, CDS, 2, &["a"]);
    publisher.apply(&everyone(), upsert(cluster("a", "good"))).unwrap();
    nack(&mut watch, CDS, 2, &["a"]);
    assert_eq!(status(&cache, CDS, "a"), Delivery::Pending, "what it refused is no longer what is desired");
    publisher.apply(&everyone(), upsert(cluster("a", "bad"))).unwrap();
    assert!(is_nacked(&status(&cache, CDS, "a")));
}

#[test]
fn the_reach_of_a_commit_counts_streams() {
    let (cache, publisher) = cache_of([cluster("a", "1")]);
    let mut streams = [1, 2, 3].map(|stream| seat(&cache, stream, "n"));
    for watch in &mut streams {
        subscribe(watch, CDS, &[]);
        send(watch, CDS, 1, &[]);
        ack(watch, CDS, 1);
    }
    let published = publisher.apply(&everyone(), upsert(cluster("a", "2"))).unwrap();
    let reach = || cache.delivery().reach(&published);
    assert_eq!(reach(), Reach { streams: 3, live: 0, refused: 0, pending: 3 });
    let [first, second, third] = &mut streams;
    send(first, CDS, 2, &["a"]);
    ack(first, CDS, 2);
    send(second, CDS, 2, &["a"]);
    nack(second, CDS, 2, &["a"]);
    send(third, CDS, 2, &["a"]);
    assert_eq!(reach(), Reach { streams: 3, live: 1, refused: 1, pending: 1 });
    ack(third, CDS, 2);
    publisher.apply(&everyone(), upsert(cluster("z", "1"))).unwrap();
    assert_eq!(reach(), Reach { streams: 3, live: 2, refused: 1, pending: 0 }, "newer content does not undo it");
    let base = publisher.apply_base(upsert(cluster("base", "1"))).unwrap();
    assert_eq!(cache.delivery().reach(&base).live, 0);
}

#[test]
fn a_commit_that_does_not_concern_a_stream_is_live_on_it() {
    let (cache, publisher) = cache_of([endpoints("a", "1")]);
    let mut watch = seat(&cache, 7, "n");
    subscribe(&mut watch, EDS, &["a"]);
    send(&mut watch, EDS, 1, &["a"]);
    ack(&mut watch, EDS, 1);
    let published = publisher.apply(&everyone(), upsert(endpoints("other", "1"))).unwrap();
    assert!(cache.delivery().reach(&published).is_complete());
}

#[test]
fn who_waits_for_deliveries_is_woken_by_progress_alone() {
    let (cache, publisher) = cache_of([cluster("a", "1")]);
    let mut watch = seat(&cache, 7, "n");
    let mut deliveries = cache.delivery();
    publisher.apply(&everyone(), upsert(cluster("a", "2"))).unwrap();
    assert!(deliveries.changed().now_or_never().is_none());
    subscribe(&mut watch, CDS, &[]);
    block_on(deliveries.changed());
    assert!(deliveries.changed().now_or_never().is_none());
    drop(watch);
    block_on(deliveries.changed());
}

#[test]
fn memory_per_stream_is_exceptions_not_names() {
    let names: Vec<String> = (0..1000).map(|at| format!("cluster-{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (cache, publisher) = cache_of(names.iter().map(|name| endpoints(name, "1")));
    let mut streams: Vec<_> = (0..20).map(|stream| seat(&cache, stream, "n")).collect();
    let mut rest: NameSet = names[1..].iter().map(|name| ResourceName::new(name)).collect();
    rest.share(&PoolChoice::default());
    for watch in &mut streams {
        subscribe(watch, EDS, &names);
        send(watch, EDS, 1, &names);
        ack(watch, EDS, 1);
        let gone = vec![ResourceName::new("cluster-0")];
        let subscribed =
            Event::Subscribed { type_url: EDS, wildcard: false, added: vec![], removed: gone, names: rest.clone() };
        watch.progressed(&subscribed);
        assert!(watch.seat.keeps(&EDS, &rest), "the set all streams share, and nothing beside it");
    }
    publisher.apply(&everyone(), upsert(endpoints("cluster-5", "2"))).unwrap();
    for stream in cache.delivery().streams() {
        let eds = &stream.types[0];
        assert_eq!((eds.names, eds.acked, eds.pending), (999, 998, 1));
        assert_eq!(eds.pending_names, ["cluster-5".into()]);
    }
}

#[test]
fn of_resource_answers_for_every_stream_of_a_group() {
    let (cache, _publisher) = cache_of([cluster("a", "1")]);
    let mut held = seat(&cache, 1, "n");
    let _idle = seat(&cache, 2, "n");
    subscribe(&mut held, CDS, &[]);
    send(&mut held, CDS, 1, &[]);
    ack(&mut held, CDS, 1);
    let told = cache.delivery().of_resource(&everyone(), &CDS, &"a".into());
    assert_eq!(told, [(1, Delivery::Acked(cluster("a", "1").version())), (2, Delivery::Unknown)]);
}

#[cfg(feature = "serde")]
#[test]
fn a_report_serialises_as_plain_text() {
    let (cache, _publisher) = cache_of([cluster("a", "1")]);
    let mut watch = seat(&cache, 7, "node");
    subscribe(&mut watch, CDS, &[]);
    send(&mut watch, CDS, 1, &["a"]);
    nack(&mut watch, CDS, 1, &["a"]);
    let report = serde_json::to_value(cache.delivery().streams()).unwrap();
    assert_eq!(report[0]["node"], "node");
    assert_eq!(report[0]["group"], "everyone");
    assert_eq!(report[0]["types"][0]["type_url"], CDS.as_str());
}
