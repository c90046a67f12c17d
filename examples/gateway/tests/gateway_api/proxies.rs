//! Envoys that run on this machine: created, removed, killed, and ended with the server.

use std::fs;

use chancery_testkit::{Echo, Seen, http, wait_until};
use rustix::process::Signal;

use crate::manifests::{directory, gateway, path, replace, route, rule, service, small};
use crate::serving::{Serving, answered, ended, runs, signal};
use crate::{PATIENCE, manifests};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_comes_with_its_gateway_and_goes_with_it() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = small(echo.address());
    let serving = Serving::start(root.path(), &[]).await;
    let web = serving.reachable("web").await;
    answered(web, "shop.example", "/", 200).await;
    let first = serving.process_other_than("web", 0).await;

    let other = gateway("inside") + "---\n" + &route("inside", "inside", "shop.example", &[rule("/", "catalog")]);
    replace(root.path(), "inside.yaml", &other);
    let inside = serving.reachable("inside").await;
    assert_ne!(web.ip(), inside.ip());
    answered(inside, "shop.example", "/", 200).await;
    let second = serving.process_other_than("inside", 0).await;

    fs::remove_file(root.path().join("inside.yaml")).expect("to remove");
    ended(second).await;
    assert!(runs(first));
    assert!(http::get(inside, "shop.example", "/").await.is_err());
    answered(web, "shop.example", "/", 200).await;
    assert!(serving.stop(), "it ends well");
    ended(first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_that_is_killed_is_started_again_and_serves_the_same() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = small(echo.address());
    let serving = Serving::start(root.path(), &[]).await;
    let web = serving.reachable("web").await;
    let first = serving.process_other_than("web", 0).await;
    signal(first, Signal::KILL);
    let second = serving.process_other_than("web", first).await;
    assert!(!runs(first) && runs(second));
    assert_eq!(serving.reachable("web").await, web);
    answered(web, "shop.example", "/", 200).await;
    let page = serving.page("/status").await;
    assert_eq!(page["processes"]["shop/web"]["restarts"], 1, "{page:#}");
    serving.line("Envoy ended: signal: 9").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_leaves_no_envoy_behind() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = small(echo.address());
    let mut serving = Serving::start(root.path(), &[]).await;
    serving.reachable("web").await;
    let envoy = serving.process_other_than("web", 0).await;
    serving.kill();
    ended(envoy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_that_cannot_start_is_tried_again_and_its_words_are_shown() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = small(echo.address());
    let program = root.path().join("broken-envoy");
    fs::write(&program, "#!/bin/sh\necho 'this is no proxy' >&2\nexit 3\n").expect("to write");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, executable).expect("to be executable");
    let serving = Serving::start(root.path(), &["--envoy-path", program.to_str().expect("a path")]).await;
    serving.line("Envoy ended: exit status: 3").await;
    serving.line("this is no proxy").await;
    serving
        .page_with("to be tried again", "/status", |page| {
            page["processes"]["shop/web"]["restarts"].as_u64().filter(|restarts| *restarts >= 2)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_of_a_class_share_one_envoy_when_merged() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = directory(&[
        ("class.yaml", manifests::CLASS.to_owned()),
        ("web.yaml", gateway("web")),
        ("inside.yaml", gateway("inside").replace("port: 80}", "port: 8081}")),
        ("web-route.yaml", route("web", "web", "shop.example", &[rule("/", "catalog")])),
        ("inside-route.yaml", route("inside", "inside", "inside.example", &[rule("/", "catalog")])),
        ("services.yaml", service("catalog", &[echo.address()])),
    ]);
    let serving = Serving::start(root.path(), &["--merge"]).await;
    let web = serving.reachable("web").await;
    assert_eq!(serving.reachable("inside").await.ip(), web.ip());
    answered(web, "shop.example", "/", 200).await;
    answered((web.ip(), 8081).into(), "inside.example", "/", 200).await;
    let page = serving.page("/status").await;
    let processes: Vec<&String> = page["processes"].as_object().expect("processes").keys().collect();
    assert_eq!(processes, ["chancery"]);
    assert!(!path(&root).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_port_is_taken_says_so() {
    let echo = Echo::start("catalog").await.expect("a port");
    // No other test has a Gateway of this name, and with it its address.
    let root = directory(&[
        ("class.yaml", manifests::CLASS.to_owned()),
        ("web.yaml", gateway("taken")),
        ("route.yaml", route("catalog", "taken", "shop.example", &[rule("/", "catalog")])),
        ("services.yaml", service("catalog", &[echo.address()])),
    ]);
    // Where the Gateway is served follows from its name.
    let web = {
        let serving = Serving::start(root.path(), &[]).await;
        serving.reachable("taken").await
    };
    let taken =
        wait_until("the port to be free", PATIENCE, async || std::net::TcpListener::bind(web).map_err(Seen::from));
    let taken = taken.await.expect("the port");
    let serving = Serving::start(root.path(), &[]).await;
    serving
        .page_with("the Gateway to say so", "/status", |page| {
            let rows = page["objects"].as_array()?;
            let listener = rows.iter().find(|row| row["part"] == "listener http")?;
            let conditions = listener["conditions"].as_array()?;
            let wanted = |one: &&serde_json::Value| one["type"] == "Programmed" && one["status"] == "False";
            conditions.iter().find(wanted)?["message"].as_str()?.contains("refuse").then_some(())
        })
        .await;
    drop(taken);
}
