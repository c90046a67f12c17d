//! Random valid edits of routes, rules, services and Gateways while requests go through: none may fail.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use chancery_testkit::{Echo, Load, LoadReport, Pace, Seen, wait_until};

use crate::PATIENCE;
use crate::manifests::{CLASS, directory, exact_gateway, gateway, replace, route, rule, service};
use crate::serving::{Serving, answered};
use chancery_testkit::Random;

/// The host that is asked for all along.
const HOST: &str = "shop.example";
const OTHER_PATHS: [&str; 6] = ["/a", "/b", "/c/d", "/steady/not", "/cart/other", "/z"];
const OTHER_HOSTS: [&str; 4] = ["a.example", "b.example", "\"*.c.example\"", "shop.example"];

/// What can be edited.
struct Shop<'a> {
    root: &'a Path,
    random: Random,
    backends: Vec<SocketAddr>,
    /// The Gateway as it is at the beginning.
    web: String,
    spare: SocketAddr,
}

impl Shop<'_> {
    /// Puts a file in place: as an editor that renames does, or as one that writes over it.
    fn put(&mut self, name: &str, text: &str) {
        match self.random.below(3) {
            0 => fs::write(self.root.join(name), text).expect("to write"),
            _ => replace(self.root, name, text),
        }
    }

    /// One edit. What the load asks for is served after every one of them.
    fn edit(&mut self) -> &'static str {
        match self.random.below(9) {
            0 | 1 => {
                self.steady_route();
                "rules of the steady route"
            }
            2 => {
                self.other_route();
                "another route"
            }
            3 => {
                let name = format!("other-{}.yaml", self.random.below(6));
                let _ = fs::remove_file(self.root.join(name));
                "another route away"
            }
            4 => {
                self.endpoints("cart");
                "endpoints of the cart"
            }
            5 => {
                self.endpoints("catalog");
                "endpoints of the catalog"
            }
            6 => {
                self.listeners();
                "listeners of the Gateway"
            }
            7 => {
                self.other_gateway();
                "another Gateway"
            }
            _ => {
                self.other_service();
                "another service"
            }
        }
    }

    /// The rules the load meets, with others around them, in any order, with any filters and weights.
    fn steady_route(&mut self) {
        let filters = self.random.one_of(&[
            "",
            "filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-a, value: b}]}}], ",
            "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: x-c, value: d}]}}], ",
            "timeouts: {request: 30s}, ",
        ]);
        let weight = self.random.below(100);
        let mut rules = vec![
            format!(
                "{{name: steady, {filters}matches: [{{path: {{type: PathPrefix, value: /steady}}}}], backendRefs: [{{name: \
                 catalog, port: 8080, weight: {weight}}}, {{name: cart, port: 8080, weight: 1}}]}}"
            ),
            format!(
                "{{{filters}matches: [{{path: {{type: PathPrefix, value: /cart}}}}], backendRefs: [{{name: cart, port: \
                 8080}}]}}"
            ),
        ];
        for _ in 0..self.random.below(4) {
            rules.push(rule(self.random.one_of(&["/new", "/steady/x", "/cart/y"]), "catalog"));
        }
        rules.sort();
        rules.dedup();
        let rules = self.random.shuffled(rules);
        self.put("steady.yaml", &route("steady", "web", HOST, &rules));
    }

    fn other_route(&mut self) {
        let number = self.random.below(6);
        let mut paths = self.random.shuffled(OTHER_PATHS.to_vec());
        paths.truncate(1 + self.random.below(3));
        let rules: Vec<String> =
            paths.iter().map(|path| rule(path, self.random.one_of(&["catalog", "cart"]))).collect();
        let host = self.random.one_of(&OTHER_HOSTS);
        self.put(&format!("other-{number}.yaml"), &route(&format!("other-{number}"), "web", host, &rules));
    }

    /// At least one of the backends, which all run all the time.
    fn endpoints(&mut self, name: &str) {
        let mut addresses = self.random.shuffled(self.backends.clone());
        addresses.truncate(1 + self.random.below(3));
        self.put(&format!("{name}.yaml"), &service(name, &addresses));
    }

    /// The listener of the load, with others on its port and on other ports.
    fn listeners(&mut self) {
        let mut text = self.web.clone();
        if self.random.below(2) == 0 {
            text += "  - {name: named, protocol: HTTP, port: 80, hostname: named.example}\n";
        }
        if self.random.below(2) == 0 {
            text += &format!("  - {{name: other, protocol: HTTP, port: {}}}\n", 8081 + self.random.below(3));
        }
        self.put("web.yaml", &text);
    }

    fn other_gateway(&mut self) {
        match self.random.below(2) {
            0 => drop(fs::remove_file(self.root.join("inside.yaml"))),
            _ => self.put("inside.yaml", &gateway("inside")),
        }
    }

    fn other_service(&mut self) {
        let name = format!("spare-{}", self.random.below(3));
        let spare = self.spare;
        match self.random.below(3) {
            0 => drop(fs::remove_file(self.root.join(format!("{name}.yaml")))),
            _ => self.put(&format!("{name}.yaml"), &service(&name, &[spare])),
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// `CHANCERY_EDITS` says how many edits, `CHANCERY_EDITS_SEED` which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_random_edits_under_load_fail_no_request() {
    edit_under_load(300, gateway("web"), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_edits_under_load_fail_no_request_where_virtual_hosts_are_sent_by_themselves() {
    edit_under_load(150, gateway("web"), &["--oldest-envoy", "1.40", "--route-tables", "virtual-hosts"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_edits_under_load_fail_no_request_where_each_host_has_a_scope() {
    edit_under_load(150, exact_gateway("web", &[HOST, "a.example", "last.example"]), &["--route-tables", "scopes"])
        .await;
}

/// Edits of a Gateway and what is attached to it, with these options of the server.
async fn edit_under_load(edits: u64, gateway: String, options: &[&str]) {
    let edits = number("CHANCERY_EDITS").unwrap_or(edits);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = number("CHANCERY_EDITS_SEED").unwrap_or(now);
    println!("{edits} edits, CHANCERY_EDITS_SEED={seed}");
    let mut echoes = Vec::new();
    for name in ["one", "two", "three", "spare"] {
        echoes.push(Echo::start(name).await.expect("a port"));
    }
    let backends: Vec<SocketAddr> = echoes.iter().take(3).map(Echo::address).collect();
    let root = directory(&[
        ("class.yaml", CLASS.to_owned()),
        ("web.yaml", gateway.clone()),
        ("steady.yaml", route("steady", "web", HOST, &[rule("/steady", "catalog"), rule("/cart", "cart")])),
        ("catalog.yaml", service("catalog", &backends)),
        ("cart.yaml", service("cart", &backends[..1])),
    ]);
    let serving = Serving::start(root.path(), options).await;
    let web = serving.reachable("web").await;
    answered(web, HOST, "/steady", 200).await;
    answered(web, HOST, "/cart", 200).await;
    let pace = Pace { connections: 4, requests_per_second: 250 };
    let loads = ["/steady", "/cart"].map(|path| Load::start(web, HOST, path, pace).expect("a request"));

    let mut shop =
        Shop { root: root.path(), random: Random::new(seed), backends, web: gateway, spare: echoes[3].address() };
    let mut made = Vec::new();
    for _ in 0..edits {
        made.push(shop.edit());
        // Some edits come at once after each other, some are seen by many requests.
        let until = loads[0].report().total + shop.random.below(12) as u64;
        let waited = wait_until("requests", PATIENCE, async || match loads[0].report().total {
            total if total >= until => Ok(()),
            total => Err(Seen::from(total)),
        });
        waited.await.expect("the load to go on");
    }
    // The last edit is there too.
    replace(root.path(), "last.yaml", &route("last", "web", "last.example", &[rule("/", "catalog")]));
    answered(web, "last.example", "/", 200).await;

    for load in loads {
        let report: LoadReport = load.stop().await;
        println!("{report}");
        assert_eq!(report.failed, 0, "seed {seed}: {report}\n{made:?}\n{}", serving.said());
        assert!(report.total > edits, "{report}");
    }
    let page = serving.page("/status").await;
    let nacked = |one: &serde_json::Value| one["nacked"].as_array().is_some_and(|refused| !refused.is_empty());
    let types = page["proxies"][0]["types"].as_array().expect("types");
    assert!(!types.iter().any(nacked), "seed {seed}: {page:#}");
    assert_eq!(page["processes"]["shop/web"]["restarts"], 0, "{page:#}");
}
