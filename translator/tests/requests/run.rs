//! Sends the requests of cases, and compares what they come to.

use std::collections::BTreeMap;

use chancery_testkit::http::{Answer, HttpError};
use chancery_testkit::{Seen, TestAuthority, wait_until};
use futures::{StreamExt, stream};

use crate::case::{Case, Expectation};
use crate::proxy::{How, Setting};
use crate::said;
use crate::speak::{Client, ask, next_id};

/// Envoys beside each other.
const AT_ONCE: usize = 4;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// How a connection manager tells itself which table is meant, where hosts have scopes.
const TABLE_HEADER: &str = "x-chancery-route-table";
/// How far a share may be off, in standard deviations.
const DEVIATIONS: f64 = 4.5;

/// What all cases came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) cases: usize,
    pub(crate) requests: usize,
    pub(crate) statements: usize,
    /// Cases with hosts that were sent by themselves.
    pub(crate) by_themselves: usize,
    pub(crate) failures: Vec<String>,
}

pub(crate) async fn all(cases: Vec<Case>, how: How) -> Outcome {
    let requests = cases.iter().flat_map(|case| &case.steps).map(|step| step.requests.len()).sum();
    let statements = cases.iter().flat_map(|case| &case.steps).map(|step| step.conditions.len()).sum();
    let count = cases.len();
    let running = stream::iter(cases).map(|case| one(case, how)).buffer_unordered(AT_ONCE);
    let mut outcome = Outcome { cases: count, requests, statements, ..Outcome::default() };
    for (failures, hosts) in running.collect::<Vec<_>>().await {
        outcome.failures.extend(failures);
        outcome.by_themselves += usize::from(hosts > 0);
    }
    outcome.failures.sort();
    outcome
}

/// What went wrong, and how many hosts were sent by themselves.
async fn one(mut case: Case, how: How) -> (Vec<String>, usize) {
    let mut failures = Vec::new();
    let mut setting = match Setting::of(&mut case, how).await {
        Ok(setting) => setting,
        Err(error) => return (vec![format!("{}: {error}", case.name)], 0),
    };
    for step in std::mem::take(&mut case.steps) {
        if let Err(error) = setting.change(&step.objects).await {
            failures.push(format!("{}: {error}", case.name));
            break;
        }
        let translation = setting.translation();
        for said in &step.conditions {
            if let Err(found) = said::check(&translation, said) {
                failures.push(format!("{}: {} {}: {found}", case.name, said.of, said.part));
            }
        }
        for expectation in &step.requests {
            if let Err(found) = check(&setting, &case.authority, expectation).await {
                failures.push(format!("{}: {}: {found}", case.name, shown(expectation)));
            }
        }
    }
    (failures, setting.hosts_by_themselves())
}

fn shown(expectation: &Expectation) -> String {
    let method = expectation.method.as_deref().unwrap_or("GET");
    let (host, path) =
        (expectation.host.as_deref().unwrap_or("any.example"), expectation.get.as_deref().unwrap_or("/"));
    let tls = expectation.tls.as_deref().map(|name| format!(" over TLS for {name}")).unwrap_or_default();
    format!("{method} {host}{path} {:?} on {}{tls}", expectation.headers, expectation.port.unwrap_or(80))
}

async fn check(setting: &Setting, authority: &TestAuthority, expectation: &Expectation) -> Result<(), String> {
    if expectation.times.is_some() {
        return check_many(setting, authority, expectation).await;
    }
    // Endpoints may follow what names them by a moment; what is never right is told as it was last.
    let waited = wait_until("the answer", PATIENCE, async || -> Result<(), Seen> {
        let begun = std::time::Instant::now();
        let answer = ask(setting, authority, expectation).await;
        if expectation.within.is_some_and(|within| begun.elapsed().as_millis() > u128::from(within)) {
            return Err(Seen::from(format!("it took {:?}", begun.elapsed())));
        }
        compare(expectation, answer).map_err(Seen::from)
    });
    waited.await.map_err(|error| error.last_seen)
}

fn compare(expectation: &Expectation, answer: Result<Answer, HttpError>) -> Result<(), String> {
    let answer = match (answer, expectation.closed) {
        (Err(_), true) => return Ok(()),
        (Ok(answer), true) => return Err(format!("status {}, and not closed", answer.status)),
        (Err(error), false) => return Err(error.to_string()),
        (Ok(answer), false) => answer,
    };
    let differs = |what: &str, wanted: &dyn std::fmt::Debug, found: &dyn std::fmt::Debug| {
        Err(format!(
            "{what}: wanted {wanted:?}, found {found:?}; the answer was {} {:?} {}",
            answer.status,
            answer.headers,
            answer.text()
        ))
    };
    let status = expectation.status.unwrap_or(if expectation.location.is_some() { 302 } else { 200 });
    if answer.status != status {
        return differs("status", &status, &answer.status);
    }
    let backend = answer.header("x-backend").map(str::to_owned);
    if answer.json()["headers"].get(TABLE_HEADER).is_some() && !expectation.headers.contains_key(TABLE_HEADER) {
        return Err(format!("the backend saw {TABLE_HEADER}, which is for the proxy alone"));
    }
    if expectation.to.is_some() && backend != expectation.to {
        return differs("backend", &expectation.to, &backend);
    }
    if expectation.location.is_some() && answer.header("location").map(str::to_owned) != expectation.location {
        return differs("location", &expectation.location, &answer.header("location"));
    }
    for (name, value) in &expectation.answers {
        if answer.header(name).map(str::to_owned) != *value {
            return differs(name, value, &answer.header(name));
        }
    }
    let Some(seen) = &expectation.sees else { return Ok(()) };
    let said = answer.json();
    let texts =
        [("path", &seen.path), ("method", &seen.method), ("version", &seen.version), ("serverName", &seen.server_name)];
    for (what, wanted) in texts {
        if wanted.is_some() && said[what].as_str().map(str::to_owned) != *wanted {
            return differs(what, wanted, &said[what]);
        }
    }
    if seen.host.is_some() && said["headers"]["host"].as_str().map(str::to_owned) != seen.host {
        return differs("host", &seen.host, &said["headers"]["host"]);
    }
    if seen.client_certificate.is_some() && said["clientCertificate"].as_bool() != seen.client_certificate {
        return differs("client certificate", &seen.client_certificate, &said["clientCertificate"]);
    }
    for (name, value) in &seen.headers {
        let found = said["headers"][name.to_ascii_lowercase()].as_str().map(str::to_owned);
        if found != *value {
            return differs(name, value, &found);
        }
    }
    Ok(())
}

/// Sends a request many times, and compares what part comes where.
async fn check_many(setting: &Setting, authority: &TestAuthority, expectation: &Expectation) -> Result<(), String> {
    let times = expectation.times.unwrap_or(1);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut client = Client::of_round(next_id());
    for _ in 0..times {
        let answer = client.ask(setting, authority, expectation).await.map_err(|error| error.to_string())?;
        let who = answer.header("x-backend").map_or_else(|| answer.status.to_string(), str::to_owned);
        *counts.entry(who).or_default() += 1;
    }
    if expectation.sticky && counts.len() > 1 {
        return Err(format!("a client that stays came to several: {counts:?}"));
    }
    let total = f64::from(times);
    let tolerance = |share: f64| DEVIATIONS * (total * share * (1.0 - share)).sqrt() + 0.5;
    for (who, share) in &expectation.shares {
        let found = f64::from(counts.remove(who).unwrap_or(0));
        if (found - total * share).abs() > tolerance(*share) {
            return Err(format!("{who} got {found} of {times}, for a share of {share}; the others: {counts:?}"));
        }
    }
    if !expectation.shares.is_empty() && !counts.is_empty() {
        return Err(format!("nobody should have answered but {:?}: {counts:?}", expectation.shares.keys()));
    }
    for (name, share) in &expectation.mirrored {
        let wanted = total * share;
        let waited = wait_until("the copies", PATIENCE, async || -> Result<(), Seen> {
            let found = setting.requests(name, client.round()) as f64;
            match (found - wanted).abs() <= tolerance(*share) {
                true => Ok(()),
                false => {
                    Err(Seen::from(format!("{name} got {found} copies of {times} requests, for a share of {share}")))
                }
            }
        });
        waited.await.map_err(|error| error.last_seen)?;
    }
    Ok(())
}
