//! `chancery serve --gateway-api --run-envoy` as a person runs it, and what it says.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use chancery_testkit::{Seen, http, provision, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{BINARY, PATIENCE};

/// A running server. Ended with its proxies when dropped.
pub(crate) struct Serving {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) admin: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
        // Its proxies are on a leash: they end with it, however it ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// Serves a directory, with an Envoy 1.40 for each Gateway and these options more.
    pub(crate) async fn start(directory: &Path, options: &[&str]) -> Serving {
        let version = chancery_testkit::EnvoyVersion::V1_40;
        tokio::task::spawn_blocking(move || provision(version)).await.expect("no panic").expect("an Envoy");
        let mut command = Command::new(BINARY);
        command.args(["serve", "--run-envoy", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--drain", "0"]);
        command.args(options).arg("--gateway-api").arg(directory);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("to start");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = lines.clone();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| heard.lock().expect("no panic").push(line));
        });
        let mut serving = Serving { child, lines, admin: ([127, 0, 0, 1], 0).into() };
        let told = serving.line("--admin ").await;
        serving.admin = told.rsplit(' ').next().and_then(|text| text.parse().ok()).expect("an address");
        serving
    }

    /// A line that has this in it.
    pub(crate) async fn line(&self, part: &str) -> String {
        let what = format!("a line with {part:?}");
        let waited = wait_until(&what, PATIENCE, async || {
            let lines = self.lines.lock().expect("no panic");
            let found = lines.iter().find(|line| line.contains(part)).cloned();
            found.ok_or_else(|| Seen::from(lines.join("\n")))
        })
        .await;
        waited.expect("to be said")
    }

    /// All that was said.
    pub(crate) fn said(&self) -> String {
        self.lines.lock().expect("no panic").join("\n")
    }

    /// What the admin page says.
    pub(crate) async fn page(&self, path: &str) -> Value {
        http::get(self.admin, "localhost", path).await.expect("an answer").json()
    }

    /// Waits until something is so in what the admin page says.
    pub(crate) async fn page_with<T>(&self, what: &str, path: &str, mut look: impl FnMut(&Value) -> Option<T>) -> T {
        let waited = wait_until(what, PATIENCE, async || {
            let page = http::get(self.admin, "localhost", path).await?.json();
            look(&page).ok_or_else(|| Seen::from(format!("{page:#}")))
        })
        .await;
        waited.unwrap_or_else(|error| panic!("{error}\n{}", self.said()))
    }

    /// Waits until a Gateway of `shop` is programmed, and gives the address of its port 80.
    pub(crate) async fn reachable(&self, name: &str) -> SocketAddr {
        let object = format!("Gateway shop/{name}");
        let address = self
            .page_with(&format!("{object} to be programmed"), "/status", |page| {
                let rows = page["objects"].as_array()?;
                let row = rows.iter().find(|row| row["object"] == object.as_str() && row["part"].is_null())?;
                let conditions = row["conditions"].as_array()?;
                conditions.iter().find(|one| one["type"] == "Programmed" && one["status"] == "True")?;
                row["addresses"][0].as_str()?.parse::<IpAddr>().ok()
            })
            .await;
        SocketAddr::new(address, 80 + privileged_port_offset())
    }

    /// Waits until the Envoy of a Gateway of `shop` runs as another process than this one, and gives its id.
    pub(crate) async fn process_other_than(&self, name: &str, other: u64) -> u64 {
        let proxy = format!("shop/{name}");
        self.page_with(&format!("an Envoy for {proxy}"), "/status", |page| {
            page["processes"][&proxy]["process_id"].as_u64().filter(|id| *id != other)
        })
        .await
    }

    /// Ends the server at once, without any word to anyone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("to be killed");
        self.child.wait().expect("to end");
    }

    /// Asks the server to stop; whether it ended well.
    pub(crate) fn stop(mut self) -> bool {
        signal(u64::from(self.child.id()), Signal::TERM);
        self.child.wait().expect("to end").success()
    }
}

/// What is added to ports below 1024 on this machine.
pub(crate) fn privileged_port_offset() -> u16 {
    match std::net::TcpListener::bind("127.0.0.2:1") {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => 10_000,
        _ => 0,
    }
}

pub(crate) fn signal(process: u64, signal: Signal) {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(id, signal).expect("to signal");
}

/// Whether a process runs. One that has ended and is not waited for does not.
pub(crate) fn runs(process: u64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

/// Waits until a process has ended.
pub(crate) async fn ended(process: u64) {
    let what = format!("process {process} to end");
    let waited = wait_until(&what, PATIENCE, async || match runs(process) {
        true => Err(Seen::from("it runs")),
        false => Ok(()),
    });
    waited.await.expect("to end");
}

/// Waits until a request is answered with this status; gives the answer.
pub(crate) async fn answered(address: SocketAddr, host: &str, path: &str, status: u16) -> http::Answer {
    let what = format!("{host}{path} to be answered with {status}");
    let waited = wait_until(&what, PATIENCE, async || {
        let answer = http::get(address, host, path).await?;
        if answer.status == status {
            Ok(answer)
        } else {
            Err(Seen::from(format!("{} {}", answer.status, answer.text())))
        }
    })
    .await;
    waited.expect("an answer")
}
