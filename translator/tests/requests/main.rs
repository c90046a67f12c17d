//! Requests through real Envoys: what the Gateway API's conformance tests demand, case by case, as data.
//!
//! A case is a file of objects and of requests with what they must come to; see `cases/README.md`. Every Service that has no
//! EndpointSlice of its own gets a live backend of its name.

mod backend;
mod case;
mod in_place;
mod proxy;
mod run;
mod said;
mod speak;

use std::path::Path;

use case::Case;

/// Every case, each with an Envoy of its own, a few at a time: on the newest Envoy, and on the oldest that is served.
#[tokio::test(flavor = "multi_thread")]
async fn requests_come_to_what_the_specification_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests/cases");
    let only = std::env::var("CHANCERY_CASE").ok();
    let versions = std::env::var("CHANCERY_CASE_ENVOY").unwrap_or_else(|_| "1.40,1.36".to_owned());
    for version in versions.split(',') {
        let version = version.parse().expect("a version of Envoy, like 1.40");
        chancery_testkit::provision(version).expect("an Envoy");
        let mut cases: Vec<Case> = case::read_all(&directory);
        cases.retain(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())));
        assert!(!cases.is_empty(), "no case is called {only:?}");
        let outcome = run::all(cases, version).await;
        let (cases, requests, statements) = (outcome.cases, outcome.requests, outcome.statements);
        println!("Envoy {version}: {cases} cases, {requests} requests, {statements} statements");
        assert!(outcome.failures.is_empty(), "Envoy {version}:\n{}", outcome.failures.join("\n"));
    }
}
