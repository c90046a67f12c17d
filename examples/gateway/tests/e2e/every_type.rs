//! Every type, on every supported Envoy, in both variants: accepted, and answered with.

use chancery_protocol::TypeUrl;
use chancery_testkit::http::{self, Trust};
use chancery_testkit::{Bootstrap, Echo, EnvoyVersion, Seen, Streams, TestAuthority, Variant};

use crate::PATIENCE;
use crate::content::{ADS, everything};
use crate::plane::{Plane, answered_by, live, refused_nothing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_36_takes_every_type_over_delta_ads() {
    takes_every_type(EnvoyVersion::V1_36, Variant::Delta, Hosts::OwnStream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_36_takes_every_type_over_sotw_ads() {
    takes_every_type(EnvoyVersion::V1_36, Variant::Sotw, Hosts::OwnStream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_38_takes_every_type_over_delta_ads_virtual_hosts_aggregated() {
    takes_every_type(EnvoyVersion::V1_38, Variant::Delta, Hosts::Aggregated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_38_takes_every_type_over_sotw_ads() {
    takes_every_type(EnvoyVersion::V1_38, Variant::Sotw, Hosts::OwnStream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_40_takes_every_type_over_delta_ads_virtual_hosts_aggregated() {
    takes_every_type(EnvoyVersion::V1_40, Variant::Delta, Hosts::Aggregated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_40_takes_every_type_over_sotw_ads() {
    takes_every_type(EnvoyVersion::V1_40, Variant::Sotw, Hosts::OwnStream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_40_takes_every_type_from_a_delta_stream_of_its_own() {
    per_type(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_1_40_takes_every_type_from_a_sotw_stream_of_its_own() {
    per_type(Variant::Sotw).await;
}

/// How virtual hosts come: Envoy takes them aggregated since 1.37, and over delta only.
enum Hosts {
    Aggregated,
    OwnStream,
}

async fn takes_every_type(version: EnvoyVersion, variant: Variant, hosts: Hosts) {
    let backend = Echo::start("blue").await.expect("a backend");
    let authority = TestAuthority::new("test").expect("an authority");
    let certificate = authority.server(&["web.test"], &[]).expect("a certificate");
    let plane = Plane::start("").await;
    let bootstrap = Bootstrap::new(plane.address).variant(variant).runtime_layer("dynamic");
    let vhds = match hosts {
        Hosts::Aggregated => ADS.to_owned(),
        Hosts::OwnStream => bootstrap.own_delta_source(&[]).to_string(),
    };
    plane.publish(&everything(backend.address(), ADS, &certificate, &vhds));
    served(&plane, version, &bootstrap, &authority).await;
}

async fn per_type(variant: Variant) {
    let backend = Echo::start("blue").await.expect("a backend");
    let authority = TestAuthority::new("test").expect("an authority");
    let certificate = authority.server(&["web.test"], &[]).expect("a certificate");
    let plane = Plane::sharing("certificate").await;
    let bootstrap = Bootstrap::new(plane.address).variant(variant).streams(Streams::PerType).runtime_layer("dynamic");
    let (source, vhds) = (bootstrap.config_source().to_string(), bootstrap.own_delta_source(&[]).to_string());
    plane.publish(&everything(backend.address(), &source, &certificate, &vhds));
    served(&plane, EnvoyVersion::V1_40, &bootstrap, &authority).await;
}

async fn served(plane: &Plane, version: EnvoyVersion, bootstrap: &Bootstrap, authority: &TestAuthority) {
    let (envoy, web) = live(version, bootstrap).await;
    let answer = answered_by(&envoy, web, "web.test", "blue").await;
    assert_eq!(answer.header("x-mark"), Some("by-extension"), "the extension works");

    let secure = envoy.wait_listener("secure", PATIENCE).await.expect("its listener");
    let trust = Trust::new(&authority.certificate_pem(), None).expect("trust");
    let answer = http::get_tls(secure, "web.test", "/", &trust).await.expect("an answer over TLS");
    assert_eq!(answer.status, 200);

    let scoped = envoy.wait_listener("scoped", PATIENCE).await.expect("its listener");
    answered_by(&envoy, scoped, "one.test", "blue").await;
    let elsewhere = http::get(scoped, "two.test", "/").await.expect("an answer");
    assert_eq!(elsewhere.status, 404, "there is no such scope");

    let hosts = envoy.wait_listener("hosts", PATIENCE).await.expect("its listener");
    answered_by(&envoy, hosts, "a.test", "blue").await;

    let runtime = envoy.wait_until("the runtime layer", PATIENCE, async || {
        let entries = envoy.admin().get("/runtime").await?.json()["entries"].clone();
        let value = entries["chancery.test"]["final_value"].as_str().map(str::to_owned);
        value.filter(|value| value == "42").ok_or_else(|| Seen::from(entries.to_string()))
    });
    runtime.await.expect("the value");

    plane.settled().await;
    refused_nothing(&envoy).await;
    let held = envoy.admin().versions_of(&TypeUrl::ROUTE).await.expect("the admin interface");
    assert!(held.contains_key("web") && held.contains_key("of-one"), "{held:?}");
}
