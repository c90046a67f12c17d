//! The story of Gateway API objects.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use chancery_testkit::{Echo, Seen, http, provision, wait_until};
use chancery_translator::api::{Kind, ObjectId, Status, Truth};
use chancery_translator::{Options, translate};

use super::{PATIENCE, answered_by, manifests, plan, replace, sockets, tell, title};
use crate::command::Demo;
use crate::explain::{Question, tell as explained};
use crate::gateway_api::{Current, GatewayPlane, Serving, table};
use crate::runner::{Process, Runner, privileged_port_offset};
use crate::voice::Voice;
use crate::{Failure, stop};

const HOST: &str = "shop.example";
/// How many requests show how traffic is split.
const SPLIT: u32 = 200;

pub(crate) async fn run(arguments: Demo) -> Result<ExitCode, Failure> {
    let staying = arguments.stay || std::io::stdin().is_terminal();
    let (first, second) = (Echo::start("catalog-v1").await?, Echo::start("catalog-v2").await?);
    let cart = Echo::start("cart").await?;
    let root = tempfile::Builder::new().prefix("chancery-demo-").tempdir()?;
    manifests::write(root.path(), [first.address(), second.address(), cart.address()])?;

    title("1. A directory of Gateway API objects, as they would stand in a cluster");
    println!("   {}", root.path().display());
    for (name, what) in manifests::CONTENTS {
        println!("     {name:15} {what}");
    }

    title("2. Chancery translates them, serves the result, and runs an Envoy for the Gateway");
    let version = arguments.envoy;
    println!("   Envoy {version} (the first time it is installed into .tools/)");
    let binary = tokio::task::spawn_blocking(move || provision(version)).await??;
    let serving = Serving {
        options: Options::default(),
        runner: Some(Runner::new(binary, None, Voice::Silent)?),
        status_file: None,
        voice: Voice::Silent,
    };
    let started = Instant::now();
    let plane = GatewayPlane::start(root.path(), sockets().await?, serving, plan(Voice::Silent)).await?;
    let web = reachable(&plane, "web").await?;
    println!("   Gateway shop/web is programmed after {} ms: http://{web}", started.elapsed().as_millis());

    title("3. Requests go through");
    ask(web, HOST, "/").await?;
    ask(web, HOST, "/cart/items").await?;
    let answer = http::get(web, HOST, "/cart/items").await?;
    println!("   the cart was sent the header x-shop-entrance: {}", answer.json()["headers"]["x-shop-entrance"]);
    let answer = http::get(web, "www.shop.example", "/sale").await?;
    let to = answer.header("location").unwrap_or("nowhere");
    println!("   {:38} -> {} to {to}", "GET http://www.shop.example/sale", answer.status);
    split(web).await?;

    title("4. What is said of the objects: Programmed means that Envoy has acknowledged it");
    show(&plane);

    title("5. Why a request goes where it goes: chancery explain");
    explain(&plane, "/cart/items")?;

    title("6. An edit: in catalog.yaml, all requests now go to the second version, and answers get a header");
    let edited = Instant::now();
    replace(&root.path().join("catalog.yaml"), &manifests::catalog_second_only())?;
    with_header(web, manifests::EDITION).await?;
    println!(
        "   seen in the answers after {} ms; nothing was restarted, no connection was lost",
        edited.elapsed().as_millis()
    );
    split(web).await?;

    title("7. A mistake: in cart.yaml, a backend nobody has. It costs the cart, and nothing else");
    replace(&root.path().join("cart.yaml"), &manifests::cart_with_a_mistake())?;
    let problem = with_problem(&plane).await?;
    println!("   {problem}");
    status_of(web, "/cart/items", 500).await?;
    ask(web, HOST, "/cart/items").await?;
    ask(web, HOST, "/").await?;
    replace(&root.path().join("cart.yaml"), manifests::cart())?;
    answered_by(web, HOST, "/cart/items", "cart").await?;
    println!("   mended:");
    ask(web, HOST, "/cart/items").await?;

    title("8. A second Gateway is a second Envoy, which goes with it");
    second_gateway(&plane, root.path()).await?;

    title("9. How to go on");
    println!("   cargo run -p chancery -- serve --gateway-api DIR --run-envoy   serve your own objects, with Envoys");
    println!("   cargo run -p chancery -- validate DIR                          what is wrong with them");
    println!("   cargo run -p chancery -- explain DIR --host H --path P         where a request goes, and why");
    println!(
        "   cargo run -p chancery -- plan OLD_DIR NEW_DIR                  what an edit would change, and its risk"
    );
    println!("   cargo run -p chancery -- translate DIR                         what Envoy gets");
    println!(
        "   cargo run -p chancery -- demo --xds                            the same without objects: Envoy's own resources"
    );
    if staying {
        println!("\n   Everything keeps running. Edit the files in {}", root.path().display());
        println!("   and ask again: curl -i -H 'Host: {HOST}' http://{web}/");
        println!("   See what came of it: cargo run -p chancery -- status --admin {}", plane.admin);
        println!("   Ctrl-c ends it, and removes the files.");
        stop::asked().await;
    }
    plane.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until a Gateway is programmed, and gives where its listener is.
async fn reachable(plane: &GatewayPlane, name: &str) -> Result<SocketAddr, Failure> {
    let id = ObjectId::new(Kind::Gateway, "shop", name);
    let what = format!("{id} to be programmed");
    let waited = wait_until(&what, PATIENCE, async || {
        let shared = plane.current.borrow().shared.clone();
        let statuses = shared.read(|state| state.statuses.clone());
        let Some(Status::Gateway(status)) = statuses.get(&id) else { return Err(Seen::from("no status")) };
        let programmed = status.conditions.iter().find(|condition| condition.kind == "Programmed");
        if let Some(condition) = programmed.filter(|condition| condition.status != Truth::True) {
            return Err(format!("{}: {}; {:?}", condition.reason, condition.message, plane.standing().processes).into());
        }
        let address = status.addresses.first().and_then(|address| address.value.parse::<IpAddr>().ok());
        address.ok_or_else(|| Seen::from("no address"))
    });
    let address = waited.await?;
    Ok(SocketAddr::new(address, 80 + privileged_port_offset()))
}

async fn ask(address: SocketAddr, host: &str, path: &str) -> Result<(), Failure> {
    tell(&format!("GET http://{host}{path}"), &http::get(address, host, path).await?);
    Ok(())
}

/// Waits for an answer with this status.
async fn status_of(address: SocketAddr, path: &str, status: u16) -> Result<(), Failure> {
    let what = format!("{path} to be answered with {status}");
    let waited = wait_until(&what, PATIENCE, async || {
        let answer = http::get(address, HOST, path).await?;
        if answer.status == status { Ok(()) } else { Err(Seen::from(answer.status)) }
    });
    Ok(waited.await?)
}

/// Waits for an answer with this header.
async fn with_header(address: SocketAddr, name: &str) -> Result<(), Failure> {
    let what = format!("an answer with the header {name}");
    let waited = wait_until(&what, PATIENCE, async || match http::get(address, HOST, "/").await? {
        answer if answer.header(name).is_some() => Ok(()),
        answer => Err(Seen::from(answer.status)),
    });
    Ok(waited.await?)
}

/// Shows which versions many requests go to.
async fn split(address: SocketAddr) -> Result<(), Failure> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..SPLIT {
        let answer = http::get(address, HOST, "/").await?;
        *counts.entry(answer.header("x-backend").unwrap_or("nobody").to_owned()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(backend, count)| format!("{count} to {backend}")).collect();
    println!("   of {SPLIT} requests for /: {}", counts.join(", "));
    Ok(())
}

fn show(plane: &GatewayPlane) {
    for line in table(&plane.standing().objects).lines() {
        println!("   {line}");
    }
}

fn explain(plane: &GatewayPlane, path: &str) -> Result<(), Failure> {
    let current = plane.current.borrow().clone();
    let seen = current.shared.read(|state| state.seen.clone());
    // As the files say it: without the addresses of this machine.
    let translation = translate(&seen.world, &Options::default());
    let gateway = ObjectId::new(Kind::Gateway, "shop", "web");
    let question = Question {
        gateway: &gateway,
        port: None,
        method: "GET",
        host: HOST,
        path,
        headers: Vec::new(),
        tls_server_name: None,
    };
    for line in explained(&seen, &translation, &question)?.text().lines() {
        println!("   {line}");
    }
    Ok(())
}

/// Waits until something is wrong, and tells what.
async fn with_problem(plane: &GatewayPlane) -> Result<String, Failure> {
    let mut all = plane.current.clone();
    let wrong = tokio::time::timeout(PATIENCE, all.wait_for(|current| problem_of(current).is_some()));
    let current = wrong.await??.clone();
    Ok(problem_of(&current).unwrap_or_default())
}

fn problem_of(current: &Current) -> Option<String> {
    current.shared.read(|state| state.translator.problems().first().map(|problem| state.seen.told(problem)))
}

async fn second_gateway(plane: &GatewayPlane, root: &Path) -> Result<(), Failure> {
    let file = root.join("inside.yaml");
    replace(&file, &manifests::second_gateway())?;
    let inside = reachable(plane, "inside").await?;
    let processes = || plane.standing().processes;
    for (name, process) in processes() {
        if let Process::Running { process_id, .. } = process {
            println!("   Envoy of {name:12} process {process_id}");
        }
    }
    tell(&format!("GET http://{inside}/"), &http::get(inside, HOST, "/").await?);
    fs::remove_file(&file)?;
    let gone = wait_until("the second Envoy to end", PATIENCE, async || match processes() {
        now if now.len() == 1 => Ok(()),
        now => Err(Seen::from(format!("{now:?}"))),
    });
    gone.await?;
    // It held its address until it ended.
    let left = http::get(inside, HOST, "/").await;
    println!(
        "   and without its file: {}",
        if left.is_err() { "nobody listens there any more" } else { "somebody answers?" }
    );
    Ok(())
}
