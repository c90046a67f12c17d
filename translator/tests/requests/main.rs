//! Requests through real Envoys: what the Gateway API's conformance tests demand, case by case, as data.
//!
//! A case is a file of objects and of requests with what they must come to; see `cases/README.md`. Every Service that has no
//! EndpointSlice of its own gets a live backend of its name.

mod backend;
mod case;
mod exact;
mod in_place;
mod proxy;
mod run;
mod said;
mod speak;
mod switching;

use std::path::Path;

use case::Case;
use chancery_translator::TableForm;
use proxy::How;

/// Every case, each with an Envoy of its own, a few at a time: on the newest Envoy, and on the oldest that is served.
///
/// `CHANCERY_CASE=TEXT` runs those with this in their name, `CHANCERY_CASE_ENVOY=1.38,1.40` runs them on other Envoys.
#[tokio::test(flavor = "multi_thread")]
async fn requests_come_to_what_the_specification_says() {
    every_case("1.40,1.36", TableForm::Whole).await;
}

/// The same requests get the same answers where every host of a route table is sent by itself.
#[tokio::test(flavor = "multi_thread")]
async fn requests_come_to_the_same_by_virtual_hosts() {
    let by_themselves = every_case("1.40,1.37", TableForm::VirtualHosts).await;
    assert!(by_themselves > 100, "{by_themselves} cases had virtual hosts that were sent by themselves");
}

/// The same requests get the same answers where every host has a route configuration of its own.
#[tokio::test(flavor = "multi_thread")]
async fn requests_come_to_the_same_by_scopes() {
    let by_themselves = every_case("1.40,1.36", TableForm::Scopes).await;
    assert!(by_themselves > 100, "{by_themselves} cases had scopes");
}

/// Runs every case; how many had hosts that were sent by themselves.
async fn every_case(versions: &str, form: TableForm) -> usize {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests/cases");
    let only = std::env::var("CHANCERY_CASE").ok();
    let versions = std::env::var("CHANCERY_CASE_ENVOY").unwrap_or_else(|_| versions.to_owned());
    let mut by_themselves = 0;
    for version in versions.split(',') {
        let version = version.parse().expect("a version of Envoy, like 1.40");
        chancery_testkit::provision(version).expect("an Envoy");
        let mut cases: Vec<Case> = case::read_all(&directory, form == TableForm::Scopes);
        cases.retain(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())));
        // What is said of objects is the same in every form.
        cases.retain(|case| form == TableForm::Whole || case.steps.iter().any(|step| !step.requests.is_empty()));
        assert!(!cases.is_empty() || only.is_some(), "no case is called {only:?}");
        let outcome = run::all(cases, How { version, form }).await;
        let (cases, requests, statements) = (outcome.cases, outcome.requests, outcome.statements);
        println!(
            "Envoy {version}, {form}: {cases} cases ({} with hosts by themselves), {requests} requests, {statements} statements",
            outcome.by_themselves
        );
        assert!(outcome.failures.is_empty(), "Envoy {version}, {form}:\n{}", outcome.failures.join("\n"));
        by_themselves += outcome.by_themselves;
    }
    by_themselves
}
