//! `chancery demo --xds`: the story of Envoy's own resources, with a real Envoy.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use chancery_cache::Secrets;
use chancery_testkit::http::{self, Trust};
use chancery_testkit::{Bootstrap, Echo, Envoy, EnvoyVersion, Seen, TestAuthority, provision, wait_until};

use super::{PATIENCE, answered_by, plan, replace, sockets, tell, title, xds_files as files};
use crate::command::Demo;
use crate::plane::Plane;
use crate::standing::Standing;
use crate::voice::Voice;
use crate::{Failure, stop, table};

pub(crate) async fn run(arguments: Demo) -> Result<ExitCode, Failure> {
    let staying = arguments.stay || std::io::stdin().is_terminal();
    let (blue, green) = (Echo::start("blue").await?, Echo::start("green").await?);
    let authority = TestAuthority::new("chancery demo")?;
    let certificate = authority.server(&["shop.example"], &[])?;
    let root = tempfile::Builder::new().prefix("chancery-demo-").tempdir()?;
    files::write(root.path(), blue.address(), green.address(), &certificate)?;

    title("1. A directory of Envoy resources, as Envoy's documentation writes them");
    println!("   {}", root.path().display());
    for (name, what) in files::CONTENTS {
        println!("     {name:15} {what}");
    }

    title("2. Chancery serves it, and a real Envoy connects");
    let plane = Plane::start(root.path(), sockets().await?, Secrets::default(), plan(Voice::Aloud)).await?;
    let envoy = start_envoy(arguments.envoy, plane.address, &arguments).await?;
    let web = envoy.wait_listener("web", PATIENCE).await?;
    let secure = envoy.wait_listener("secure", PATIENCE).await?;
    envoy.wait_live(PATIENCE).await?;
    println!("   Envoy {} is live: http://{web} and https://{secure}", envoy.version());

    title("3. Requests go through");
    answered_by(web, "shop.example", "/", "blue").await?;
    ask(web, "/").await?;
    ask(web, "/cart").await?;
    ask_securely(secure, &authority).await?;

    title("4. What each proxy has acknowledged");
    show(&plane).await?;

    title("5. An edit: in routes.yaml, / now goes to the cluster green");
    let routes = root.path().join("routes.yaml");
    let edited = Instant::now();
    replace(&routes, &files::routes_to_green())?;
    answered_by(web, "shop.example", "/", "green").await?;
    println!("   seen in the answers after {} ms; nothing was restarted", edited.elapsed().as_millis());
    ask(web, "/").await?;

    title("6. A mistake: the last good routes stay, and the report says where it is");
    replace(&routes, &files::routes_with_a_mistake())?;
    let mut reports = plane.reports.clone();
    let report = tokio::time::timeout(PATIENCE, reports.wait_for(|report| !report.problems.is_empty())).await??;
    report.problems.iter().for_each(|problem| println!("   {problem}"));
    drop(report);
    ask(web, "/").await?;
    replace(&routes, &files::routes_to_green())?;
    tokio::time::timeout(PATIENCE, reports.wait_for(|report| report.problems.is_empty())).await??;
    println!("   mended: all files are good again");

    title("7. How to go on");
    println!("   cargo run -p chancery -- serve --xds DIR           serve your own directory");
    println!("   cargo run -p chancery -- bootstrap --node my-envoy  the bootstrap of an Envoy that asks it");
    println!("   cargo run -p chancery -- status -o json             what the proxies made of it");
    println!("   cargo run -p chancery -- validate DIR               what is wrong with a directory");
    if staying {
        println!("\n   Everything keeps running. Edit the files in {}", root.path().display());
        println!("   and ask again: curl -i http://{web}/");
        println!("   See what the proxy made of it: chancery status --admin {}", plane.admin);
        println!("   Ctrl-c ends it, and removes the files.");
        stop::asked().await;
    }
    envoy.stop().await?;
    plane.stop().await?;
    Ok(ExitCode::SUCCESS)
}

async fn start_envoy(version: EnvoyVersion, server: SocketAddr, arguments: &Demo) -> Result<Envoy, Failure> {
    println!("   xDS on {server}; starting Envoy {version} (the first time it is installed into .tools/)");
    tokio::task::spawn_blocking(move || provision(version)).await??;
    let bootstrap = Bootstrap::new(server).node("demo-envoy", "demo").variant(arguments.variant.into());
    Ok(Envoy::launch(version, &bootstrap).await?)
}

async fn ask(address: SocketAddr, path: &str) -> Result<(), Failure> {
    tell(&format!("GET http://{address}{path}"), &http::get(address, "shop.example", path).await?);
    Ok(())
}

async fn ask_securely(address: SocketAddr, authority: &TestAuthority) -> Result<(), Failure> {
    let trust = Trust::new(&authority.certificate_pem(), None)?;
    tell(&format!("GET https://{address}/cart"), &http::get_tls(address, "shop.example", "/cart", &trust).await?);
    Ok(())
}

/// Prints the table once every proxy has replied to everything.
async fn show(plane: &Plane) -> Result<(), Failure> {
    let deliveries = plane.cache.delivery();
    wait_until("all to be acknowledged", PATIENCE, async || {
        let settled = deliveries.streams().iter().flat_map(|stream| &stream.types).all(|one| one.is_settled());
        if settled { Ok(()) } else { Err(Seen::from("something is pending")) }
    })
    .await?;
    let report = plane.reports.borrow().clone();
    for line in table::render(&Standing::of(&deliveries, &report)).lines() {
        println!("   {line}");
    }
    Ok(())
}
