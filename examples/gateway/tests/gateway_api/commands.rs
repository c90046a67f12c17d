//! The commands that work on files: what they print, and what they end with.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::manifests::{CLASS, directory, gateway, path, replace, route, rule, service, small};
use crate::serving::Serving;
use crate::{manifests, run, text};

const BACKEND: ([u8; 4], u16) = ([127, 0, 0, 1], 18081);

fn shop() -> TempDir {
    small(BACKEND.into())
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

#[test]
fn translate_shows_what_each_proxy_gets() {
    let root = shop();
    let yaml = run(&["translate", path(&root)]);
    let said = text(&yaml.stdout);
    assert!(yaml.status.success() && said.contains("shop/web:") && said.contains("virtual_hosts:"), "{said}");
    let all = json(&run(&["translate", path(&root), "-o", "json"]));
    assert_eq!(all["shop/web"]["clusters"][0]["name"], "service/shop/catalog/8080");
    let table = text(&run(&["translate", path(&root), "-o", "table"]).stdout);
    assert!(table.contains("HTTPRoute shop/catalog") || table.contains("Gateway shop/web"), "{table}");
    let dump = json(&run(&["translate", path(&root), "--gateway", "shop/web", "--config-dump", "-o", "json"]));
    assert_eq!(dump["configs"][2]["@type"], "type.googleapis.com/envoy.admin.v3.ListenersConfigDump");
    assert!(dump["configs"][2]["dynamic_listeners"][0]["active_state"]["listener"]["name"].is_string(), "{dump:#}");
    let traced = json(&run(&["translate", path(&root), "--provenance", "-o", "json"]));
    let from = traced["shop/web"]["clusters"][0]["from"][0].as_str().expect("an origin");
    assert!(from.contains("Service shop/catalog"), "{from}");
}

#[test]
fn translate_does_not_show_private_keys() {
    let root = shop();
    let authority = chancery_testkit::TestAuthority::new("shop").expect("an authority");
    let certificate = authority.server(&["shop.example"], &[]).expect("a certificate");
    let block = |pem: &str| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    replace(
        root.path(),
        "tls.yaml",
        &format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{namespace: shop, name: shop}}\ntype: kubernetes.io/tls\nstringData:\n  \
             tls.crt: |\n{}  tls.key: |\n{}",
            block(&certificate.certificate_pem),
            block(&certificate.key_pem)
        ),
    );
    let https = "  - {name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: shop}]}}\n";
    replace(root.path(), "web.yaml", &(gateway("web") + https));
    let said = text(&run(&["translate", path(&root)]).stdout);
    let key_line = certificate.key_pem.lines().nth(1).expect("a key");
    assert!(said.contains("[redacted]") && !said.contains(key_line) && !said.contains("PRIVATE KEY"), "{said}");
}

#[test]
fn a_gateway_that_is_not_there_is_told_with_those_that_are() {
    let root = shop();
    for command in [&["translate", path(&root)][..], &["explain", path(&root), "--host", "shop.example"]] {
        let failed = run(&[command, &["--gateway", "shop/nobody"]].concat());
        assert_eq!(failed.status.code(), Some(1));
        assert!(text(&failed.stderr).contains("these are: shop/web"), "{}", text(&failed.stderr));
    }
}

#[test]
fn explain_tells_the_rule_and_its_file_and_why_not_the_others() {
    let rules = [rule("/cart", "cart"), rule("/", "catalog")];
    let root = directory(&[
        ("class.yaml", CLASS.to_owned()),
        ("web.yaml", gateway("web")),
        ("catalog.yaml", route("catalog", "web", "shop.example", &rules)),
        ("services.yaml", service("catalog", &[BACKEND.into()]) + "---\n" + &service("cart", &[])),
    ]);
    let told = run(&["explain", path(&root), "--host", "shop.example", "--path", "/things"]);
    let said = text(&told.stdout);
    assert!(told.status.success(), "{said}{}", text(&told.stderr));
    for part in
        ["HTTPRoute shop/catalog spec.rules[1] in ", "catalog.yaml:", "service/shop/catalog/8080", "127.0.0.1:18081"]
    {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    assert!(said.contains("not taken") && said.contains("HTTPRoute shop/catalog spec.rules[0]"), "{said}");
    let told = json(&run(&["explain", path(&root), "--host", "shop.example", "--path", "/cart", "-o", "json"]));
    assert_eq!(told["explanation"]["outcome"]["kind"], "forwarded", "{told:#}");
    assert!(told["from"]["route"][0].as_str().is_some_and(|from| from.contains("spec.rules[0]")), "{told:#}");
    let nowhere = run(&["explain", path(&root), "--host", "other.example"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stdout).contains("404"), "{}", text(&nowhere.stdout));
}

#[test]
fn plan_tells_each_resource_that_changes_with_its_risk() {
    let (old, new) = (shop(), shop());
    let plan = |arguments: &[&str]| run(&[&["plan", path(&old), path(&new)], arguments].concat());
    let same = plan(&["--exit-code"]);
    assert_eq!(same.status.code(), Some(0));
    assert!(text(&same.stdout).contains("No change"), "{}", text(&same.stdout));

    let risks = |output: &std::process::Output| -> Vec<(String, String, String)> {
        let changes = json(output)["changes"].as_array().cloned().unwrap_or_default();
        let texts = |change: &Value, field: &str| change[field].as_str().unwrap_or_default().to_owned();
        changes.iter().map(|one| (texts(one, "type"), texts(one, "change"), texts(one, "risk"))).collect()
    };
    let expect = |expected: &[(&str, &str, &str)]| {
        let mut seen = risks(&plan(&["-o", "json"]));
        let own = |text: &str| text.to_owned();
        let mut expected: Vec<_> =
            expected.iter().map(|(kind, change, risk)| (own(kind), own(change), own(risk))).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "{}", text(&plan(&[]).stdout));
    };
    replace(new.path(), "services.yaml", &service("catalog", &[([127, 0, 0, 1], 18082).into()]));
    expect(&[("endpoints", "changed", "endpoints")]);
    assert_eq!(plan(&["--exit-code"]).status.code(), Some(2));
    assert_eq!(plan(&[]).status.code(), Some(0));

    fs::copy(old.path().join("services.yaml"), new.path().join("services.yaml")).expect("to copy");
    let rules = [rule("/new", "catalog"), rule("/", "catalog")];
    replace(new.path(), "catalog.yaml", &route("catalog", "web", "shop.example", &rules));
    expect(&[("routes", "changed", "routes")]);

    fs::remove_file(new.path().join("web.yaml")).expect("to remove");
    let table = text(&plan(&[]).stdout);
    assert!(table.contains("listener drain") && table.contains("removed"), "{table}");
    assert!(table.contains("Highest risk: listener drain."), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plan_compares_with_what_a_server_serves() {
    let (old, new) = (shop(), shop());
    let serving = Serving::start(old.path(), &[]).await;
    serving.reachable("web").await;
    let admin = serving.admin.to_string();
    replace(new.path(), "services.yaml", &service("catalog", &[([127, 0, 0, 1], 18082).into()]));
    let planned = json(&run(&["plan", path(&new), "--server", &admin, "-o", "json"]));
    let changes = planned["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 1, "{planned:#}");
    assert_eq!(changes[0]["risk"], "endpoints", "{planned:#}");
}

#[test]
fn validate_asks_a_real_envoy() {
    let root = shop();
    let asked = run(&["validate", path(&root), "--envoy"]);
    let said = text(&asked.stdout);
    assert!(
        asked.status.success() && said.contains("accepts the configuration of every proxy"),
        "{said}{}",
        text(&asked.stderr)
    );
    let found = json(&run(&["validate", path(&root), "-o", "json"]));
    assert_eq!(found["problems"], serde_json::json!([]));
    assert_eq!(found["proxies"], 1);
}

#[test]
fn the_files_of_the_quickstart_are_good_and_envoy_thinks_so_too() {
    let asked = run(&["validate", "--envoy", concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart/gateway-api")]);
    let said = text(&asked.stdout);
    assert!(asked.status.success() && said.contains(" 0 problems"), "{said}");
}

#[test]
fn a_gateway_of_a_class_nobody_has_is_warned_of_and_can_be_taken_as_given() {
    let root = directory(&[("web.yaml", gateway("web"))]);
    let said = text(&run(&["validate", path(&root)]).stdout);
    assert!(said.contains("there is no GatewayClass chancery; --gateway-class chancery"), "{said}");
    let found = json(&run(&["validate", path(&root), "--gateway-class", "chancery", "-o", "json"]));
    assert_eq!(found["proxies"], 1, "{found:#}");
    assert!(!manifests::CLASS.is_empty());
}

#[test]
fn a_bootstrap_of_a_gateway_names_it_as_the_nodes_cluster() {
    let written = json(&run(&["bootstrap", "--gateway", "shop/web", "-o", "json"]));
    assert_eq!(written["node"]["cluster"], "shop/web");
    assert_eq!(run(&["bootstrap", "--gateway", "a/b/c"]).status.code(), Some(64));
}

#[test]
fn a_wrong_command_line_ends_with_64_and_help_with_0() {
    for wrong in
        [&["serve"][..], &["serve", "--xds", "a", "--gateway-api", "b"], &["plan"], &["translate"], &["nonsense"]]
    {
        assert_eq!(run(wrong).status.code(), Some(64), "{wrong:?}");
    }
    for command in ["serve", "status", "validate", "translate", "explain", "plan", "bootstrap", "demo"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(command == "bootstrap" || text(&help.stdout).contains("Exit codes:"), "{}", text(&help.stdout));
    }
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    for command in [&["translate", "/no/such"][..], &["validate", "/no/such"], &["plan", "/no/such", "/no/such"]] {
        let failed = run(command);
        assert_eq!(failed.status.code(), Some(1), "{command:?}");
        assert!(text(&failed.stderr).contains("/no/such"), "{}", text(&failed.stderr));
    }
}
