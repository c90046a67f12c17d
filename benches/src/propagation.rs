//! How long an HTTPRoute takes from its file to the first answer: `chancery serve`, a real Envoy, routes added one at a time.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chancery_testkit::http::{self as client, Connection, request};
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::stand::Failure;

const POLL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);
/// Services whose endpoints change; each has a route, so that they reach the proxy.
const CHURNING: usize = 50;

/// What is done.
#[derive(Debug, Clone, Serialize)]
pub struct Propagation {
    /// Routes added, each with a host of its own.
    pub routes: usize,
    /// Endpoint changes a second meanwhile: files of EndpointSlices that are replaced.
    pub churn: u32,
    /// How the hosts of route tables are sent.
    pub form: String,
    /// The program.
    pub chancery: PathBuf,
}

/// What came of it; times in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Propagated {
    /// All routes.
    pub all: Times,
    /// The first tenth of them.
    pub first: Times,
    /// The last tenth of them.
    pub last: Times,
    /// Answers other than 200, by status; `0` for none.
    pub other_answers: BTreeMap<u16, u64>,
    /// Endpoint changes that were made a second.
    pub churned_per_second: f64,
    /// The server's CPU time per route, in milliseconds.
    pub server_cpu_ms: f64,
}

/// From the file to the first 200, in milliseconds.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Times {
    pub mean: f64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Times {
    fn of(times: &[Duration]) -> Times {
        let mut all: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        all.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let at = ((all.len() as f64 * share).ceil() as usize).saturating_sub(1);
            all.get(at).copied().unwrap_or(0.0)
        };
        Times { mean: all.iter().sum::<f64>() / all.len().max(1) as f64, p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

impl Propagation {
    /// Runs it.
    ///
    /// # Errors
    /// When the server does not come up, or a route never answers.
    pub async fn run(&self) -> Result<Propagated, Failure> {
        let backend = backend().await?;
        let root = tempfile::tempdir()?;
        write_beginning(root.path(), backend)?;
        let served = Served::start(self, root.path()).await?;
        let gateway = served.gateway().await?;
        let mut asker = Asker { gateway, connection: None, other_answers: BTreeMap::new() };
        asker.first_answer("churn-0.example").await?;
        let churn = Churn::start(root.path(), self.churn);
        let (begun, cpu) = (Instant::now(), served.cpu_ms()?);
        asker.other_answers.clear();
        let mut times = Vec::new();
        for number in 0..self.routes {
            let host = format!("route-{number}.example");
            let since = Instant::now();
            put(root.path(), &format!("route-{number}.yaml"), &route(&format!("route-{number}"), &host, "backend"))?;
            asker.first_answer(&host).await?;
            times.push(since.elapsed());
            if (number + 1) % 500 == 0 {
                eprintln!("{} routes, the last after {:.1} ms", number + 1, since.elapsed().as_secs_f64() * 1e3);
            }
        }
        let server_cpu_ms = (served.cpu_ms()? - cpu) / self.routes as f64;
        let churned = churn.stop() as f64 / begun.elapsed().as_secs_f64();
        let tenth = (times.len() / 10).max(1);
        Ok(Propagated {
            all: Times::of(&times),
            first: Times::of(&times[..tenth]),
            last: Times::of(&times[times.len() - tenth..]),
            other_answers: asker.other_answers,
            churned_per_second: churned,
            server_cpu_ms,
        })
    }
}

/// Asks on a kept connection, as a client does that waits for its route.
struct Asker {
    gateway: SocketAddr,
    connection: Option<Connection>,
    other_answers: BTreeMap<u16, u64>,
}

impl Asker {
    async fn first_answer(&mut self, host: &str) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            match self.ask(host).await? {
                200 => return Ok(()),
                other => *self.other_answers.entry(other).or_default() += 1,
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{host} is not answered: {:?}", self.other_answers).into());
            }
            sleep(POLL).await;
        }
    }

    /// The status; 0 for no answer.
    async fn ask(&mut self, host: &str) -> Result<u16, Failure> {
        if self.connection.is_none() {
            self.connection = Connection::open(self.gateway).await.ok();
        }
        let Some(connection) = &mut self.connection else { return Ok(0) };
        match connection.send(request(http::Method::GET, host, "/")?).await {
            Ok(answer) => Ok(answer.status),
            Err(_) => {
                self.connection = None;
                Ok(0)
            }
        }
    }
}

/// `chancery serve --run-envoy`. Ended when dropped.
struct Served {
    child: Child,
    admin: SocketAddr,
}

impl Served {
    async fn start(experiment: &Propagation, root: &Path) -> Result<Served, Failure> {
        let mut command = Command::new(&experiment.chancery);
        command.args(["serve", "--run-envoy", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--drain", "0"]);
        command.args(["--oldest-envoy", "1.40", "--route-tables", &experiment.form, "--gateway-api"]).arg(root);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = spawned.map_err(|error| {
            format!("{}: {error}; build it with `cargo build --release -p chancery`", experiment.chancery.display())
        })?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let admin = loop {
            let line = lines.next_line().await?.ok_or("chancery ended")?;
            if let Some(address) = line.split_once("--admin ").and_then(|(_, rest)| rest.split_whitespace().next()) {
                break address.parse()?;
            }
        };
        // It tells of every change: a pipe that nobody reads would be full after some hundreds, and stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Served { child, admin })
    }

    /// Waits until the Gateway is programmed; its address.
    async fn gateway(&self) -> Result<SocketAddr, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let page = client::get(self.admin, "localhost", "/status").await?.json();
            if let Some(address) = programmed(&page) {
                return Ok(SocketAddr::new(address, 8080));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err("the Gateway is not programmed".into())
    }

    /// CPU of the server, user and system.
    fn cpu_ms(&self) -> Result<f64, Failure> {
        let id = self.child.id().ok_or("chancery ended")?;
        let mut ns = 0;
        for task in fs::read_dir(format!("/proc/{id}/task"))? {
            let schedule = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            ns += schedule.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(ns as f64 / 1e6)
    }
}

fn programmed(page: &Value) -> Option<IpAddr> {
    let rows = page["objects"].as_array()?;
    let row = rows.iter().find(|row| row["object"] == "Gateway lab/web" && row["part"].is_null())?;
    let conditions = row["conditions"].as_array()?;
    conditions.iter().find(|one| one["type"] == "Programmed" && one["status"] == "True")?;
    row["addresses"][0].as_str()?.parse().ok()
}

/// Answers everything with 200, at once.
async fn backend() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let mut heard = Vec::new();
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    heard.extend_from_slice(&buffer[..read]);
                    if heard.ends_with(b"\r\n\r\n") {
                        heard.clear();
                        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                            break;
                        }
                    }
                }
            });
        }
    });
    Ok(address)
}

/// Replaces EndpointSlices at a pace, in a thread of its own.
struct Churn {
    stop: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Churn {
    fn start(root: &Path, per_second: u32) -> Churn {
        let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = (per_second > 0).then(|| {
            let (root, stop, made) = (root.to_owned(), stop.clone(), made.clone());
            thread::spawn(move || {
                let begun = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let due = (begun.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
                    while made.load(Ordering::Relaxed) < due {
                        let number = made.fetch_add(1, Ordering::Relaxed) as usize;
                        let name = format!("churn-{}", number % CHURNING);
                        let second = SocketAddr::from(([127, 0, 0, 9], 10_000 + (number / CHURNING % 50_000) as u16));
                        let _ = put(&root, &format!("{name}-slice.yaml"), &slice(&name, second));
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            })
        });
        Churn { stop, made, thread }
    }

    /// How many changes were made.
    fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.made.load(Ordering::Relaxed)
    }
}

fn write_beginning(root: &Path, backend: SocketAddr) -> Result<(), Failure> {
    put(
        root,
        "gateway.yaml",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: chancery}\n\
         spec: {controllerName: chancery.dev/gateway-controller}\n---\n\
         apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {namespace: lab, name: web}\nspec:\n  \
         gatewayClassName: chancery\n  listeners: [{name: http, protocol: HTTP, port: 8080}]\n",
    )?;
    put(root, "backend.yaml", &service("backend"))?;
    put(root, "backend-slice.yaml", &slice("backend", backend))?;
    for number in 0..CHURNING {
        let name = format!("churn-{number}");
        put(root, &format!("{name}.yaml"), &service(&name))?;
        // The first of them answers: it says when the proxy is ready.
        put(root, &format!("{name}-slice.yaml"), &slice(&name, backend))?;
        put(root, &format!("{name}-route.yaml"), &route(&name, &format!("{name}.example"), &name))?;
    }
    Ok(())
}

/// In place in one step, as careful editors do.
fn put(root: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let beside = root.join(format!(".{name}.beside"));
    fs::write(&beside, text)?;
    fs::rename(beside, root.join(name))
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{namespace: lab, name: {name}}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n"
    )
}

fn slice(name: &str, address: SocketAddr) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{namespace: lab, name: {name}, labels: \
         {{kubernetes.io/service-name: {name}}}}}\naddressType: IPv4\nports: [{{name: http, port: {}}}]\nendpoints: \
         [{{addresses: [{}]}}]\n",
        address.port(),
        address.ip()
    )
}

/// A route with four header filters, one backend that is there, and one that is not and gets nothing.
fn route(name: &str, host: &str, service: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{namespace: lab, name: {name}}}\nspec:\n  \
         parentRefs: [{{name: web}}]\n  hostnames: [{host}]\n  rules:\n  - filters:\n    - {{type: RequestHeaderModifier, \
         requestHeaderModifier: {{set: [{{name: x-one, value: a}}, {{name: x-two, value: b}}]}}}}\n    - {{type: \
         ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-three, value: c}}, {{name: x-four, value: \
         d}}]}}}}\n    backendRefs: [{{name: {service}, port: 80, weight: 1}}, {{name: missing, port: 80, weight: 0}}]\n"
    )
}
