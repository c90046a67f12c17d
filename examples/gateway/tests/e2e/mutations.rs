//! Configuration that changes all the time under steady load: not one request may fail.

use std::net::SocketAddr;

use chancery_testkit::{Bootstrap, Echo, EnvoyVersion, Load, Pace, Seen, Variant, wait_until};

use crate::PATIENCE;
use crate::content::{ADS, cluster, endpoints, routes, web};
use crate::plane::{Plane, answered_by, live, refused_nothing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutations_under_load_fail_no_request_over_delta() {
    mutate(Variant::Delta).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutations_under_load_fail_no_request_over_sotw() {
    mutate(Variant::Sotw).await;
}

/// How many requests pass between two mutations.
const REQUESTS_BETWEEN: u64 = 10;
/// After how many mutations the proxy is waited for.
const WAIT_EVERY: usize = 10;

async fn mutate(variant: Variant) {
    let count = |text: String| text.parse().expect("CHANCERY_MUTATIONS to be a number");
    let mutations: usize = std::env::var("CHANCERY_MUTATIONS").map_or(200, count);
    let mut backends = Vec::new();
    for name in ["a", "b", "c"] {
        backends.push(Echo::start(name).await.expect("a port"));
    }
    let mut state = Mutating::new(backends.iter().map(Echo::address).collect());
    let plane = Plane::start(&state.text()).await;
    let (envoy, web) = live(EnvoyVersion::V1_40, &Bootstrap::new(plane.address).variant(variant)).await;
    answered_by(&envoy, web, "web.test", "a").await;
    let load = Load::start(web, "web.test", "/", Pace::default()).expect("load");
    let mut story = Vec::new();
    for turn in 1..=mutations {
        let before = load.report().total;
        story.push(state.mutate());
        let published = plane.publish(&state.text());
        if turn % WAIT_EVERY == 0 || turn == mutations {
            plane.reached(&published).await;
        }
        let passed = wait_until("requests to pass", PATIENCE, async || match load.report().total - before {
            enough if enough >= REQUESTS_BETWEEN => Ok(()),
            few => Err(Seen::from(few)),
        });
        passed.await.expect("steady load");
        let report = load.report();
        if report.failed > 0 {
            let last = &story[story.len().saturating_sub(12)..];
            let talk = plane.tap.records();
            let talk = &talk[talk.len().saturating_sub(80)..];
            panic!("after {turn} mutations, the last {last:#?}\n{talk:#?}\n{report}\n{}", envoy.log());
        }
    }
    plane.settled().await;
    let report = load.stop().await;
    assert_eq!(report.failed, 0, "{report}");
    assert!(report.served_by.len() > 1, "the mutations move the traffic: {report}");
    refused_nothing(&envoy).await;
}

struct Backed {
    name: String,
    timeout_milliseconds: u32,
    /// Which backends it has; never none.
    members: Vec<usize>,
}

/// A configuration, and ways to change it.
struct Mutating {
    backends: Vec<SocketAddr>,
    clusters: Vec<Backed>,
    target: usize,
    order: Vec<usize>,
    names_given: usize,
    random: u64,
}

impl Mutating {
    fn new(backends: Vec<SocketAddr>) -> Mutating {
        let backed =
            |at: usize| Backed { name: format!("cluster-{at}"), timeout_milliseconds: 1000, members: vec![at] };
        let clusters = (0..backends.len()).map(backed).collect();
        let order = (0..backends.len()).collect();
        Mutating { names_given: backends.len(), backends, clusters, target: 0, order, random: 0x5eed }
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap_or_default() % below
    }

    /// Changes something, and says what.
    fn mutate(&mut self) -> String {
        let at = self.pick(self.clusters.len());
        match self.pick(5) {
            0 => {
                self.target = (self.target + 1 + self.pick(self.clusters.len() - 1)) % self.clusters.len();
                format!("the route goes to {}", self.clusters[self.target].name)
            }
            1 => {
                self.clusters[at].timeout_milliseconds += 1;
                format!("{} is replaced", self.clusters[at].name)
            }
            2 => {
                let name = format!("cluster-{}", self.names_given);
                self.names_given += 1;
                let before = std::mem::replace(&mut self.clusters[at].name, name);
                let role = if at == self.target { "the target" } else { "beside" };
                format!("{before} ({role}) is renamed {}", self.clusters[at].name)
            }
            3 => {
                let backend = self.pick(self.backends.len());
                let members = &mut self.clusters[at].members;
                match members.iter().position(|member| *member == backend) {
                    Some(place) if members.len() > 1 => drop(members.remove(place)),
                    Some(_) => members.push((backend + 1) % self.backends.len()),
                    None => members.push(backend),
                }
                format!("{} has the endpoints {:?}", self.clusters[at].name, self.clusters[at].members)
            }
            _ => {
                let with = self.pick(self.order.len());
                self.order.swap(0, with);
                format!("the order is {:?}", self.order)
            }
        }
    }

    fn text(&self) -> String {
        let mut text = web("web", ADS) + &routes("web", &self.clusters[self.target].name);
        for at in &self.order {
            let Backed { name, timeout_milliseconds, members } = &self.clusters[*at];
            let addresses: Vec<SocketAddr> = members.iter().map(|member| self.backends[*member]).collect();
            text = endpoints(name, &addresses) + &text + &cluster(name, ADS, *timeout_milliseconds);
        }
        text
    }
}
