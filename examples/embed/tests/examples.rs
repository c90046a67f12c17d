//! Runs every example as its own process, and talks to those that serve.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use chancery_protocol::TypeUrl;
use chancery_testkit::{Delta, Method, RawStream, Seen, Target, request, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

/// An example that serves; killed when dropped.
struct Running {
    child: Child,
    said: String,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(program: &str) -> Running {
        let mut child = Command::new(program).arg("--once").stdout(Stdio::piped()).spawn().expect("the example starts");
        let mut lines = BufReader::new(child.stdout.as_mut().expect("a pipe")).lines().map(|line| line.expect("text"));
        let mut said = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended without listening; it said: {said}"));
            match line.strip_prefix("listening on ") {
                Some(address) => break address.parse().expect("an address"),
                None => said.push_str(&line),
            }
        };
        Running { child, said, address }
    }

    async fn stream(&self) -> RawStream<Delta> {
        let channel = Target::new(self.address).connect().await.expect("a connection");
        let stream = RawStream::<Delta>::open(&channel, &Method::Aggregated, &[]).expect("a stream");
        stream.introduce(request::node("proxy-1"))
    }

    /// With `--once`, it ends by itself when the stream has.
    async fn ended(&mut self) -> ExitStatus {
        let ended = wait_until("the example's end", PATIENCE, async || -> Result<ExitStatus, Seen> {
            self.child.try_wait()?.ok_or_else(|| "it still runs".into())
        });
        ended.await.expect("it ends with its stream")
    }
}

#[tokio::test]
async fn pushed_resources_arrive() {
    let mut push = Running::start(env!("CARGO_BIN_EXE_push"));
    assert!(push.said.contains("1 added, 1 changed, 1 removed"), "{}", push.said);
    let mut stream = push.stream().await;
    stream.send(request::delta(&TypeUrl::CLUSTER, &["*"], &[]));
    let answer = stream.next(PATIENCE).await.expect("the clusters");
    let names: Vec<&str> = answer.resources.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["search", "shop"]);
    drop(stream);
    assert!(push.ended().await.success());
}

#[tokio::test]
async fn a_frontends_changes_arrive() {
    let mut frontend = Running::start(env!("CARGO_BIN_EXE_own_frontend"));
    let mut stream = frontend.stream().await;
    stream.send(request::delta(&TypeUrl::ENDPOINTS, &["shop"], &[]));
    let first = stream.next(PATIENCE).await.expect("the endpoints");
    stream.send(request::delta_ack(&first));
    let second = stream.next(PATIENCE).await.expect("the endpoints after they moved");
    assert_eq!(first.resources[0].name, "shop");
    assert_ne!(first.resources[0].version, second.resources[0].version);
    drop(stream);
    assert!(frontend.ended().await.success());
}

#[tokio::test]
async fn a_source_without_the_cache_is_served() {
    let mut source = Running::start(env!("CARGO_BIN_EXE_own_source"));
    let mut stream = source.stream().await;
    stream.send(request::delta(&TypeUrl::CLUSTER, &["*"], &[]));
    let answer = stream.next(PATIENCE).await.expect("the clusters");
    assert_eq!(answer.resources[0].name, "shop");
    drop(stream);
    assert!(source.ended().await.success());
}

#[test]
fn a_session_driven_by_hand_converses() {
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_own_session")).stdout(Stdio::piped()).spawn().expect("the example starts");
    let mut said = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("an end").success(), "{said}");
    assert!(said.contains(r#"changed ["shop"], removed []"#), "{said}");
    assert!(said.contains(r#"changed ["cart"], removed []"#), "{said}");
    assert!(said.contains("sent again: 0"), "{said}");
}

#[test]
fn every_example_is_shorter_than_a_hundred_lines() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let mut seen = 0;
    for example in examples.read_dir().expect("the examples") {
        let path = example.expect("an example").path();
        let lines = std::fs::read_to_string(&path).expect("text").lines().count();
        assert!(lines < 100, "{} has {lines} lines", path.display());
        seen += 1;
    }
    assert_eq!(seen, 4);
}
