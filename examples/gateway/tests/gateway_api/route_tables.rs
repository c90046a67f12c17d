//! The forms of route tables: what commands say of them, and what is asked before one takes the place of another.

use chancery_testkit::Echo;
use serde_json::Value;
use tempfile::TempDir;

use crate::manifests::{CLASS, directory, exact_gateway, gateway, path, replace, route, rule, service, small};
use crate::serving::{Serving, answered};
use crate::{run, text};

const FORMS: [&[&str]; 3] =
    [&[], &["--route-tables", "virtual-hosts", "--oldest-envoy", "1.37"], &["--route-tables", "shop/web=scopes"]];

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

/// Two hosts, both exact.
fn exact() -> TempDir {
    directory(&[
        ("class.yaml", CLASS.to_owned()),
        ("web.yaml", exact_gateway("web", &["shop.example", "bare.example"])),
        ("catalog.yaml", route("catalog", "web", "shop.example", &[rule("/cart", "catalog"), rule("/", "catalog")])),
        ("services.yaml", service("catalog", &[([127, 0, 0, 1], 18081).into()])),
    ])
}

#[test]
fn every_form_is_explained_alike_and_real_envoys_take_it() {
    let root = exact();
    let mut answers = Vec::new();
    for form in FORMS {
        let explain = |host: &str| {
            let arguments = ["explain", path(&root), "--host", host, "--path", "/cart", "-o", "json"];
            json(&run(&[&arguments[..], form].concat()))
        };
        let found = explain("shop.example");
        assert!(found["from"]["route"][0].as_str().is_some_and(|from| from.contains("catalog.yaml")), "{found:#}");
        assert!(!found["from"]["virtual_host"][0].is_null(), "{found:#}");
        let nobody = explain("other.example");
        assert_eq!(nobody["explanation"]["outcome"]["status"], 404, "{nobody:#}");
        let outcome = &found["explanation"]["outcome"];
        answers.push([outcome["to"].clone(), outcome["path"].clone(), found["from"].clone()]);
        let asked = run(&[&["validate", path(&root), "--envoy"][..], form].concat());
        assert!(asked.status.success(), "{form:?}: {}{}", text(&asked.stdout), text(&asked.stderr));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

/// Each is the only thing that changes: nothing else wakes the proxy's stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_come_one_by_one_are_answered_in_every_form() {
    let echo = Echo::start("catalog").await.expect("a port");
    for form in FORMS {
        let hosts = ["shop.example", "one.example", "two.example", "three.example"];
        let root = directory(&[
            ("class.yaml", CLASS.to_owned()),
            ("web.yaml", exact_gateway("web", &hosts)),
            ("catalog.yaml", route("catalog", "web", "shop.example", &[rule("/", "catalog")])),
            ("services.yaml", service("catalog", &[echo.address()])),
        ]);
        let serving = Serving::start(root.path(), form).await;
        let web = serving.reachable("web").await;
        answered(web, "shop.example", "/", 200).await;
        for host in &hosts[1..] {
            replace(root.path(), &format!("{host}.yaml"), &route(host, "web", host, &[rule("/", "catalog")]));
            answered(web, host, "/", 200).await;
        }
    }
}

#[test]
fn hosts_by_themselves_are_resources_of_their_own() {
    let root = exact();
    let names = |form: &[&str], kind: &str| -> Vec<String> {
        let all = json(&run(&[&["translate", path(&root), "-o", "json"][..], form].concat()));
        let found = all["shop/web"][kind].as_array().cloned().unwrap_or_default();
        found.iter().map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(FORMS[0], "routes").len(), 1);
    let hosts = names(FORMS[1], "virtual_hosts");
    let tables = names(FORMS[1], "routes");
    assert_eq!((tables.len(), hosts.len()), (1, 2), "{tables:?} {hosts:?}");
    assert!(hosts.contains(&format!("{}/shop.example", tables[0])), "{tables:?} {hosts:?}");
    assert_eq!(names(FORMS[2], "routes"), names(FORMS[2], "scoped_routes"));
    assert_eq!(names(FORMS[2], "routes").len(), 2);
}

#[test]
fn what_cannot_be_had_is_told_and_served_whole() {
    let root = small(([127, 0, 0, 1], 18081).into());
    for (form, reason) in [("virtual-hosts", "Envoy 1.37"), ("scopes", "no exact host name")] {
        let asked = run(&["validate", path(&root), "--route-tables", form]);
        let said = text(&asked.stdout);
        assert_eq!(asked.status.code(), Some(1), "{said}");
        assert!(said.contains("is sent as whole") && said.contains(reason) && said.contains("web.yaml:"), "{said}");
        let all = json(&run(&["translate", path(&root), "--route-tables", form, "-o", "json"]));
        assert!(all["shop/web"]["routes"][0]["virtual_hosts"].is_array(), "{all:#}");
    }
    let wrong = run(&["validate", path(&root), "--route-tables", "sharded"]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(text(&wrong.stderr).contains("whole, virtual-hosts or scopes"), "{}", text(&wrong.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plan_says_that_another_form_changes_the_listener() {
    let root = exact();
    let serving = Serving::start(root.path(), FORMS[1]).await;
    serving.reachable("web").await;
    let admin = serving.admin.to_string();
    let plan = |form: &[&str]| text(&run(&[&["plan", path(&root), "--server", &admin][..], form].concat()).stdout);
    // The server's own form counts where none is asked for.
    assert!(plan(&[]).contains("No change"), "{}", plan(&[]));
    let said = plan(&["--route-tables", "whole"]);
    assert!(
        said.contains("or has them in another form") && said.contains("Highest risk: listener in place."),
        "{said}"
    );
}

#[test]
fn a_route_never_changes_a_listener_whatever_its_hosts() {
    let (old, new) = (exact(), exact());
    let wide = route("wide", "web", "\"*.example\"", &[rule("/wide", "catalog")]);
    std::fs::write(new.path().join("wide.yaml"), wide).expect("to write");
    for form in FORMS {
        let planned = json(&run(&[&["plan", path(&old), path(&new), "-o", "json"][..], form].concat()));
        let kinds: Vec<&Value> =
            planned["changes"].as_array().expect("changes").iter().map(|one| &one["risk"]).collect();
        assert!(!kinds.is_empty() && kinds.iter().all(|risk| *risk == "routes"), "{form:?}: {planned:#}");
    }
    assert!(gateway("web").contains("port: 80"));
}
