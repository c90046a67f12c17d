//! A server that is restarted, and a proxy that moves to another one: nothing fails, and nothing is sent again.

use chancery_protocol::TypeUrl;
use chancery_testkit::{Bootstrap, Echo, EnvoyVersion, Load, Pace, Relay, Seen, Variant, wait_until};

use crate::PATIENCE;
use crate::content::{ADS, cluster, endpoints, routes, web};
use crate::plane::{Plane, answered_by, live, refused_nothing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_fails_no_request_and_sends_nothing_again_over_delta() {
    restart(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_fails_no_request_and_sends_no_wildcard_type_again_over_sotw() {
    restart(Variant::Sotw).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_between_two_servers_fails_no_request_and_sends_nothing_again_over_delta() {
    moved(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_between_two_servers_fails_no_request_and_sends_no_wildcard_type_again_over_sotw() {
    moved(Variant::Sotw).await;
}

fn content(target: &str, blue: &Echo, green: &Echo) -> String {
    web("web", ADS)
        + &routes("web", target)
        + &cluster("blue", ADS, 1000)
        + &cluster("green", ADS, 1000)
        + &endpoints("blue", &[blue.address()])
        + &endpoints("green", &[green.address()])
}

async fn restart(variant: Variant) {
    let (blue, green) = (Echo::start("blue").await.expect("a port"), Echo::start("green").await.expect("a port"));
    let first = Plane::start(&content("blue", &blue, &green)).await;
    let address = first.address;
    let (envoy, web) = live(EnvoyVersion::V1_40, &Bootstrap::new(address).variant(variant)).await;
    answered_by(&envoy, web, "web.test", "blue").await;
    first.settled().await;
    let load = Load::start(web, "web.test", "/", Pace::default()).expect("load");
    served_by(&load, "blue").await;
    first.stop().await;
    let second = Plane::start_at(address, &content("blue", &blue, &green)).await;
    goes_on(&second, variant, &envoy, web, &blue, &green).await;
    served_by(&load, "green").await;
    let report = load.stop().await;
    assert_eq!(report.failed, 0, "{report}");
}

async fn moved(variant: Variant) {
    let (blue, green) = (Echo::start("blue").await.expect("a port"), Echo::start("green").await.expect("a port"));
    let first = Plane::start(&content("blue", &blue, &green)).await;
    let second = Plane::start(&content("blue", &blue, &green)).await;
    let relay = Relay::start(first.address).await.expect("a relay");
    let (envoy, web) = live(EnvoyVersion::V1_40, &Bootstrap::new(relay.address()).variant(variant)).await;
    answered_by(&envoy, web, "web.test", "blue").await;
    first.settled().await;
    let load = Load::start(web, "web.test", "/", Pace::default()).expect("load");
    served_by(&load, "blue").await;
    relay.move_to(second.address);
    goes_on(&second, variant, &envoy, web, &blue, &green).await;
    served_by(&load, "green").await;
    let report = load.stop().await;
    assert_eq!(report.failed, 0, "{report}");
}

/// Waits until the load has had an answer of this backend.
async fn served_by(load: &Load, backend: &str) {
    let waited = wait_until("the load to arrive", PATIENCE, async || match load.report().served_by.get(backend) {
        Some(_) => Ok(()),
        None => Err(Seen::from(load.report())),
    });
    waited.await.expect("to arrive");
}

/// The proxy finds the second server, is told nothing it knows, and follows it.
async fn goes_on(
    second: &Plane,
    variant: Variant,
    envoy: &chancery_testkit::Envoy,
    web: std::net::SocketAddr,
    blue: &Echo,
    green: &Echo,
) {
    let wanted = [TypeUrl::CLUSTER, TypeUrl::ENDPOINTS, TypeUrl::LISTENER, TypeUrl::ROUTE];
    let asked = envoy.wait_until("the proxy to ask the other server for all", PATIENCE, async || {
        let missing: Vec<&TypeUrl> = wanted.iter().filter(|wanted| !second.tap.asked_since(0, wanted)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Seen::from(format!("{missing:?} not asked for"))) }
    });
    asked.await.expect("to be asked");
    // What it holds from the first server counts as acknowledged by the second.
    second.settled().await;
    // A change that has arrived proves that nothing before it is still on its way.
    let published = second.publish(&content("green", blue, green));
    answered_by(envoy, web, "web.test", "green").await;
    second.reached(&published).await;
    let sent = second.tap.sent_since(0);
    let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
    match variant {
        Variant::Delta => assert_eq!(sent, ["rds web"], "{:#?}", second.tap.records()),
        Variant::Sotw => {
            // Named types are answered once: their versions do not say which names they are of.
            let again = sent.iter().find(|sent| sent.starts_with("cds") || sent.starts_with("lds"));
            assert_eq!(again, None, "{:#?}", second.tap.records());
        }
    }
    refused_nothing(envoy).await;
}
