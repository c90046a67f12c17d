//! Ten thousand random requests through real proxies: what is explained is what happens.

mod chains;
mod chance;
mod proxy;
mod requests;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chancery_explain::{Candidate, Config, Explanation, HeaderChanges, Outcome, Request, Rules, Standing};
use chancery_testkit::EnvoyVersion;
use chancery_testkit::http::{Answer, Connection, HttpError};

use chance::Chance;
use proxy::Proxy;

const REQUESTS: usize = 10_000;
const TABLES: usize = 25;
const PARALLEL: usize = 4;

/// What can be seen from outside: of the answer, and of the request that came to a backend.
#[derive(Debug, PartialEq, Eq)]
struct Visible {
    status: u16,
    location: Option<String>,
    body: Option<String>,
    response_headers: BTreeMap<String, Vec<String>>,
    upstream: Option<BTreeMap<String, String>>,
}

fn marked(headers: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers.filter(|(name, _)| name.starts_with("x-t-")) {
        all.entry(name).or_default().push(value);
    }
    all
}

fn answered(answer: &Answer) -> Visible {
    let headers = answer.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into()));
    let echoed = answer.header("x-backend").map(|backend| {
        let said = answer.json();
        let mut seen = BTreeMap::from([("backend".to_owned(), backend.to_owned())]);
        seen.insert("path".into(), said["path"].as_str().unwrap_or_default().to_owned());
        let headers = said["headers"].as_object().cloned().unwrap_or_default();
        for (name, value) in headers.into_iter().filter(|(name, _)| name == "host" || name.starts_with("x-t-")) {
            seen.insert(name, value.as_str().unwrap_or_default().to_owned());
        }
        seen
    });
    Visible {
        status: answer.status,
        location: answer.header("location").map(str::to_owned),
        body: answer.header("x-t-route").filter(|route| route.starts_with("direct")).map(|_| answer.text()),
        response_headers: marked(headers),
        upstream: echoed,
    }
}

/// Values in one, as the backend tells them: an empty one has no comma after it.
fn as_echoed(values: &[String]) -> String {
    values.iter().fold(String::new(), |all, value| if all.is_empty() { value.clone() } else { all + ", " + value })
}

/// `None`: it cannot be said.
fn expected(request: &Request, explanation: &Explanation) -> Option<Visible> {
    let changed = |changes: &HeaderChanges| marked(changes.applied_to(&[]).into_iter());
    let mut visible = Visible {
        status: 0,
        location: None,
        body: None,
        response_headers: changed(&explanation.response_headers),
        upstream: None,
    };
    match &explanation.outcome {
        Outcome::Answered { status, location, .. } => {
            (visible.status, visible.location) = (*status, location.clone());
        }
        Outcome::Redirected { status, location } => {
            (visible.status, visible.location) = (*status, Some(location.clone()));
        }
        Outcome::DirectResponse { status, location, body } => {
            (visible.status, visible.location, visible.body) = (*status, location.clone(), body.clone());
        }
        Outcome::Forwarded(forward) => match &forward.to.upstream.standing {
            Standing::Missing => visible.status = forward.missing_cluster_status,
            Standing::Empty => visible.status = 503,
            Standing::Elsewhere { .. } => return None,
            Standing::Ready { .. } => {
                visible.status = 200;
                let mut upstream = BTreeMap::from([("backend".to_owned(), forward.to.upstream.cluster.clone())]);
                upstream.insert("path".into(), forward.path.clone());
                upstream.insert("host".into(), forward.authority.clone()?);
                let headers = forward.request_headers.applied_to(&request.headers).into_iter();
                upstream.extend(marked(headers).into_iter().map(|(name, values)| (name, as_echoed(&values))));
                visible.upstream = Some(upstream);
            }
        },
        Outcome::Refused { .. } | Outcome::Tcp { .. } | Outcome::Undetermined { .. } => return None,
    }
    if explanation.is_grpc && visible.upstream.is_none() {
        visible.status = 200;
        visible.body = visible.body.map(|_| String::new());
    }
    Some(visible)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_random_requests_to_the_newest_envoy_meet_what_is_explained() {
    agree(EnvoyVersion::V1_40, Rules::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_random_requests_to_the_oldest_envoy_meet_what_is_explained_by_its_rules() {
    agree(EnvoyVersion::V1_36, Rules::Envoy1_36).await;
}

/// The seed of this run, printed: `CHANCERY_EXPLAIN_SEED`, or the time.
fn seed() -> u64 {
    let seed = match std::env::var("CHANCERY_EXPLAIN_SEED") {
        Ok(seed) => seed.parse().expect("CHANCERY_EXPLAIN_SEED is a number"),
        Err(_) => std::time::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO).as_secs(),
    };
    println!("CHANCERY_EXPLAIN_SEED={seed}");
    seed
}

async fn agree(version: EnvoyVersion, rules: Rules) {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let proxy =
        Proxy::start(version, (0..TABLES).map(|table| tables::listener(&mut chance, table, version)).collect()).await;
    let (config, problems) = Config::from_resources(&proxy.resources);
    assert_eq!(problems, []);
    let config = Arc::new(config.with_rules(rules));

    let mut running = Vec::new();
    for worker in 0..PARALLEL {
        let (config, addresses) = (Arc::clone(&config), proxy.addresses.clone());
        let mut chance = Chance::new(seed ^ (worker as u64 + 1));
        running.push(tokio::spawn(async move {
            let mut connections: Vec<Option<Connection>> = addresses.iter().map(|_| None).collect();
            let mut kinds = BTreeMap::<String, usize>::new();
            let mut wrong = Vec::new();
            for _ in 0..REQUESTS / PARALLEL {
                let at = chance.below(addresses.len());
                let request = requests::random(&mut chance, addresses[at]);
                let mut explanation = config.explain(&request);
                let answer = send(&mut connections[at], addresses[at], &request).await;
                let kind = serde_json::to_value(&explanation.outcome).expect("JSON")["kind"].to_string();
                *kinds.entry(kind).or_default() += 1;
                let (expected, seen) = (expected(&request, &explanation), answered(&answer));
                if expected.as_ref() != Some(&seen) {
                    explanation.trace.rejected.retain(|rejected| rejected.candidate == Candidate::Route);
                    let text = answer.text();
                    wrong.push(format!(
                        "{request:?}\n  expected {expected:?}\n  seen     {seen:?}\n  {text:?}\n  {explanation:?}"
                    ));
                }
            }
            (kinds, wrong)
        }));
    }
    let (mut kinds, mut wrong) = (BTreeMap::<String, usize>::new(), Vec::new());
    for worker in running {
        let (more, also) = worker.await.expect("a worker that ended well");
        more.into_iter().for_each(|(kind, count)| *kinds.entry(kind).or_default() += count);
        wrong.extend(also);
    }
    println!("{kinds:?}");
    assert!(
        wrong.is_empty(),
        "CHANCERY_EXPLAIN_SEED={seed}: {} of {REQUESTS} differ; some of them:\n{}\nThe listeners are:\n{}",
        wrong.len(),
        wrong.iter().take(8).cloned().collect::<Vec<_>>().join("\n"),
        proxy.describe(),
    );
    for kind in ["answered", "redirected", "direct_response", "forwarded"] {
        let count = kinds.get(&format!("{kind:?}")).copied().unwrap_or_default();
        assert!(count >= REQUESTS / 100, "only {count} requests were {kind}: the test has become too narrow");
    }
}

async fn send(kept: &mut Option<Connection>, address: std::net::SocketAddr, request: &Request) -> Answer {
    loop {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(address).await.expect("a connection"),
        };
        match connection.send(requests::as_sent(request)).await {
            Ok(answer) => {
                *kept = Some(connection);
                return answer;
            }
            Err(HttpError::Unsent) => {}
            Err(error) => panic!("{request:?}: {error}"),
        }
    }
}
