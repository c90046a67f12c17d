//! A resource a proxy refuses: harms nothing else, is told of in the proxy's words, is not sent over and over.

use std::time::{Duration, Instant};

use chancery_protocol::TypeUrl;
use chancery_testkit::{Bootstrap, Echo, EnvoyVersion, Seen, Variant};

use crate::PATIENCE;
use crate::content::{ADS, cluster, endpoints, routes, simple, web};
use crate::plane::{Plane, answered_by, live};
use crate::tap::Record;

/// How long it is watched that nobody repeats himself.
const WATCHED: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_cluster_harms_nothing_else_and_its_fix_is_sent_at_once_over_delta() {
    refused_cluster(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_cluster_harms_nothing_else_and_its_fix_is_sent_at_once_over_sotw() {
    refused_cluster(Variant::Sotw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_route_harms_nothing_else_and_its_fix_is_sent_at_once_over_delta() {
    refused_route(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_route_harms_nothing_else_and_its_fix_is_sent_at_once_over_sotw() {
    refused_route(Variant::Sotw).await;
}

async fn refused_cluster(variant: Variant) {
    let (blue, green) = (Echo::start("blue").await.expect("a port"), Echo::start("green").await.expect("a port"));
    let green_cluster = cluster("green", ADS, 1000) + &endpoints("green", &[green.address()]);
    // Nothing in the proto forbids it; Envoy does: no such cluster type brings its own balancer.
    let bad = "clusters: [{name: bad, type: STATIC, connect_timeout: 1s, lb_policy: CLUSTER_PROVIDED}]\n---\n";
    let good = "clusters: [{name: bad, type: STATIC, connect_timeout: 1s}]\n---\n";
    let to_green = web("web", ADS) + &routes("web", "green") + &green_cluster;
    let case = Case { kind: TypeUrl::CLUSTER, name: "bad", words: "cluster provided LB" };
    refused(variant, case, &simple("blue", blue.address()), &(to_green.clone() + bad), &(to_green + good)).await;
}

async fn refused_route(variant: Variant) {
    let (blue, green) = (Echo::start("blue").await.expect("a port"), Echo::start("green").await.expect("a port"));
    let green_cluster = cluster("green", ADS, 1000) + &endpoints("green", &[green.address()]);
    let other = |pattern: &str| {
        let listener = web("bad", ADS).replace("- name: web", "- name: other");
        let route = routes("bad", "green").replace("{prefix: /}", &format!("{{safe_regex: {{regex: \"{pattern}\"}}}}"));
        listener + &route
    };
    let to_green = web("web", ADS) + &routes("web", "green") + &green_cluster;
    let case = Case { kind: TypeUrl::ROUTE, name: "bad", words: "(unclosed" };
    let (bad, good) = (to_green.clone() + &other("(unclosed"), to_green + &other("/closed"));
    refused(variant, case, &simple("blue", blue.address()), &bad, &good).await;
}

struct Case {
    kind: TypeUrl,
    name: &'static str,
    /// What Envoy's text says, among other things.
    words: &'static str,
}

async fn refused(variant: Variant, case: Case, before: &str, bad: &str, good: &str) {
    let plane = Plane::start(before).await;
    let (envoy, web) = live(EnvoyVersion::V1_40, &Bootstrap::new(plane.address).variant(variant)).await;
    answered_by(&envoy, web, "web.test", "blue").await;
    plane.settled().await;

    plane.publish(bad);
    answered_by(&envoy, web, "web.test", "green").await;
    let told = envoy.wait_until("the refusal", PATIENCE, async || {
        let records = plane.tap.records();
        let named = records.iter().find_map(|record| match record {
            Record::Refused { type_url, culprits, text } if *type_url == case.kind => {
                (culprits.len() == 1 && culprits[0] == case.name).then(|| text.clone())
            }
            _ => None,
        });
        named.ok_or_else(|| Seen::from(format!("{:#?}", records.last())))
    });
    let text = told.await.expect("to be told of the refusal");
    assert!(text.contains(case.words), "{text}");
    let only_the_bad_one = envoy.wait_until("all else to be acknowledged", PATIENCE, async || {
        let streams = plane.cache.delivery().streams();
        let types = || streams.iter().flat_map(|stream| &stream.types);
        let pending: usize = types().map(|one| one.pending).sum();
        let refused: Vec<&str> = types().flat_map(|one| &one.refused).map(|one| one.name.as_str()).collect();
        if pending == 0 && refused == [case.name] { Ok(()) } else { Err(Seen::from(format!("{streams:#?}"))) }
    });
    only_the_bad_one.await.expect("the rest to be served");

    // That nothing happens can only be seen by watching for a while.
    let mark = plane.tap.mark();
    tokio::time::sleep(WATCHED).await;
    assert_eq!(plane.tap.requests_since(mark), 0, "{:#?}", plane.tap.since(mark));

    let fixed = Instant::now();
    let published = plane.publish(good);
    plane.reached(&published).await;
    assert!(fixed.elapsed() < Duration::from_secs(5), "the fix took {:?}", fixed.elapsed());
    plane.settled().await;
    answered_by(&envoy, web, "web.test", "green").await;
}
