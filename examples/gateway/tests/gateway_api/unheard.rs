//! A server nobody listens to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use chancery_testkit::{Seen, http, wait_until};

use crate::manifests::{CLASS, directory, gateway, route, rule};
use crate::{BINARY, PATIENCE};

/// More lines than wait to be read, and than a pipe holds.
const PROBLEMS: usize = 6_000;

#[tokio::test]
async fn a_server_whose_output_nobody_reads_goes_on_and_tells_later_what_it_left_out() {
    let wrong = |number| route(&format!("wrong-{number}"), "web", "wrong.example", &[rule("/", "missing")]) + "---\n";
    let files = [
        ("class.yaml", CLASS.to_owned()),
        ("web.yaml", gateway("web")),
        ("wrong.yaml", (0..PROBLEMS).map(wrong).collect()),
    ];
    let root = directory(&files);
    // Its output would say where the page is.
    let admin = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let mut child = Command::new(BINARY)
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", &admin.to_string(), "--drain", "0", "--gateway-api"])
        .arg(root.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("to start");
    let is_told = async |name: &str| {
        let object = format!("Gateway shop/{name}");
        let told = wait_until(&object, PATIENCE, async || {
            let page = http::get(admin, "localhost", "/status").await?.json();
            let rows = page["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
            let told = rows.iter().any(|row| row["object"] == object.as_str());
            told.then_some(()).ok_or_else(|| Seen::from(rows.len()))
        });
        told.await.expect("to be told of");
    };
    is_told("web").await;
    for name in ["second", "third"] {
        fs::write(root.path().join(format!("{name}.yaml")), gateway(name)).expect("to write");
        is_told(name).await;
    }
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let left_out = lines.find(|line| line.contains("lines were left out"));
    child.kill().and_then(|()| child.wait()).expect("to end");
    assert!(left_out.is_some());
}
