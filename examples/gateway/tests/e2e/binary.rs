//! The binary as a person runs it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use chancery_testkit::{Bootstrap, Echo, EnvoyVersion, Seen, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;
use crate::content::{ADS, cluster, endpoints, routes, web};
use crate::plane::{answered_by, live, refused_nothing};

const BINARY: &str = env!("CARGO_BIN_EXE_chancery");

/// `chancery serve`, and what it prints.
struct Serving {
    child: Child,
    lines: Receiver<String>,
    xds: SocketAddr,
    admin: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(directory: &std::path::Path) -> Serving {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--drain", "0", "--xds"]);
        let mut child = command.arg(directory).stdout(Stdio::piped()).spawn().expect("to start");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut serving = Serving { child, lines, xds: ([127, 0, 0, 1], 0).into(), admin: ([127, 0, 0, 1], 0).into() };
        let told = serving.line("serving ");
        serving.xds =
            told.split(" on ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect("an address");
        serving.admin =
            serving.line("--admin ").rsplit(' ').next().and_then(|text| text.parse().ok()).expect("an address");
        serving
    }

    /// The next line that has this in it.
    fn line(&self, part: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {part:?} in {seen:#?}");
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().expect("to run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_serves_a_directory_follows_an_edit_and_says_who_acknowledged_it() {
    let (blue, green) = (Echo::start("blue").await.expect("a port"), Echo::start("green").await.expect("a port"));
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("to write");
    write("listeners.yaml", &web("web", ADS));
    write("routes.yaml", &routes("web", "blue"));
    write("blue.yaml", &(cluster("blue", ADS, 1000) + &endpoints("blue", &[blue.address()])));
    write("green.yaml", &(cluster("green", ADS, 1000) + &endpoints("green", &[green.address()])));
    let mut serving = Serving::start(directory.path());
    let (envoy, web) = live(EnvoyVersion::V1_40, &Bootstrap::new(serving.xds).node("edge-1", "edge")).await;
    answered_by(&envoy, web, "web.test", "blue").await;
    serving.line("ACK  routes: web");

    write("routes.yaml", &routes("web", "green"));
    answered_by(&envoy, web, "web.test", "green").await;
    write("routes.yaml", "routes:\n- name: web\n  virtual_hots: []\n");
    let told = serving.line("routes.yaml:3");
    assert!(told.contains("virtual_hosts") && told.contains("last good"), "{told}");
    answered_by(&envoy, web, "web.test", "green").await;

    let admin = serving.admin.to_string();
    let waited = wait_until("all to be acknowledged", PATIENCE, async || {
        let output = run(&["status", "-o", "json", "--admin", &admin]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let types = status["proxies"][0]["types"].as_array().cloned().unwrap_or_default();
        let of = |kind: &str| {
            types.iter().find(|one| one["type"] == kind).map(|one| (one["acked"].as_u64(), one["pending"].as_u64()))
        };
        let expected = [("clusters", 2), ("endpoints", 2), ("listeners", 1), ("routes", 1)];
        let good = expected.iter().all(|(kind, count)| of(kind) == Some((Some(*count), Some(0))));
        if good && status["proxies"][0]["node"] == "edge-1" {
            Ok(status)
        } else {
            Err(Seen::from(format!("{status:#}")))
        }
    });
    let status = waited.await.expect("to be acknowledged");
    assert!(status["problems"][0].as_str().is_some_and(|problem| problem.contains("routes.yaml:3")), "{status:#}");
    let table = text(&run(&["status", "--admin", &admin]).stdout);
    assert!(table.contains("edge-1") && table.contains("everything"), "{table}");
    let yaml = text(&run(&["status", "--admin", &admin, "-o", "yaml"]).stdout);
    assert!(yaml.contains("node: edge-1"), "{yaml}");
    refused_nothing(&envoy).await;

    let id = i32::try_from(serving.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(id, Signal::TERM).expect("to signal");
    let ended = serving.child.wait().expect("an end");
    assert!(ended.success(), "{ended}");
    answered_by(&envoy, web, "web.test", "green").await;
}

#[test]
fn the_binary_does_not_serve_other_machines_in_plain_text_unless_told_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("a path");
    let refused = run(&["serve", "--xds", path, "--listen", "0.0.0.0:0"]);
    let said = text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("--client-ca") && said.contains("--insecure-plaintext"),
        "{said}"
    );
    let refused = run(&["serve", "--xds", path, "--admin", "0.0.0.0:0"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("loopback"));
}

#[test]
fn the_binary_validates_a_directory_by_file_line_and_field() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("a path");
    fs::write(directory.path().join("a.yaml"), cluster("blue", ADS, 1000)).expect("to write");
    let good = run(&["validate", "--xds", path]);
    assert!(good.status.success(), "{}", text(&good.stdout));
    fs::write(directory.path().join("b.yaml"), "clusters:\n- name: shop\n  connect_timeout: 0s\n").expect("to write");
    let bad = run(&["validate", "--xds", path]);
    let said = text(&bad.stdout);
    assert_eq!(bad.status.code(), Some(1));
    assert!(said.contains("b.yaml:2: clusters[0].connect_timeout: "), "{said}");
}

#[test]
fn the_files_of_the_quickstart_are_good_but_for_the_certificate_that_is_made_on_the_way() {
    let checked = run(&["validate", "--xds", concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart/xds")]);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{said}");
    assert_eq!(said.matches("warning:").count(), 1, "{said}");
}

#[test]
fn the_binary_writes_a_bootstrap() {
    let written = run(&["bootstrap", "--node", "edge-1", "--server", "xds.example:18000", "--variant", "sotw"]);
    let said = text(&written.stdout);
    assert!(written.status.success() && said.contains("id: edge-1") && said.contains("address: xds.example"), "{said}");
    assert!(!run(&["bootstrap", "--server", "nonsense"]).status.success());
}

#[test]
fn the_demonstration_tells_its_story_to_the_end() {
    let told = run(&["demo", "--xds"]);
    let said = text(&told.stdout);
    assert!(told.status.success(), "{said}\n{}", text(&told.stderr));
    for part in ["200 from blue", "200 from green", "https://", "demo-envoy", "virtual_hots", "How to go on"] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}
