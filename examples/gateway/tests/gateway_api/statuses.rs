//! Statuses: written to a file, served on the page, shown as a table, stable while nothing changes.

use std::fs;

use chancery_testkit::{Echo, Seen, wait_until};
use serde_json::Value;

use crate::manifests::{path, replace, route, rule, small};
use crate::serving::{Serving, answered};
use crate::{PATIENCE, run, text};

fn condition<'a>(list: &'a Value, kind: &str, name: &str, of: &str) -> Option<&'a Value> {
    let object =
        list["items"].as_array()?.iter().find(|item| item["kind"] == kind && item["metadata"]["name"] == name)?;
    let status = &object["status"];
    let conditions = status["parents"][0].get("conditions").unwrap_or(&status["conditions"]);
    conditions.as_array()?.iter().find(|condition| condition["type"] == of)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_say_what_is_wrong_with_whom_and_times_move_only_with_the_answer() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = small(echo.address());
    let elsewhere = tempfile::tempdir().expect("a directory");
    let file = elsewhere.path().join("status.json");
    let serving = Serving::start(root.path(), &["--status-file", file.to_str().expect("a path")]).await;
    let web = serving.reachable("web").await;
    answered(web, "shop.example", "/", 200).await;
    let before = serving.page("/status/objects").await;
    let accepted = condition(&before, "HTTPRoute", "catalog", "Accepted").expect("a condition").clone();
    assert_eq!(accepted["status"], "True");
    let table = text(&run(&["status", "--admin", &serving.admin.to_string()]).stdout);
    for part in ["Gateway shop/web", "listener http", "HTTPRoute shop/catalog under web", "ACKED", "PROCESS"] {
        assert!(table.contains(part), "no {part:?} in\n{table}");
    }

    replace(root.path(), "catalog.yaml", &route("catalog", "web", "shop.example", &[rule("/", "nobody")]));
    answered(web, "shop.example", "/", 500).await;
    let waited = wait_until("the status file to say so", PATIENCE, async || {
        let list: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        match condition(&list, "HTTPRoute", "catalog", "ResolvedRefs") {
            Some(condition) if condition["reason"] == "BackendNotFound" => Ok(list),
            _ => Err(Seen::from(format!("{list:#}"))),
        }
    });
    let list = waited.await.expect("to be written");
    assert_eq!(list["kind"], "List");
    let still = condition(&list, "HTTPRoute", "catalog", "Accepted").expect("a condition");
    assert_eq!(still["lastTransitionTime"], accepted["lastTransitionTime"]);
    assert!(accepted["lastTransitionTime"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 20));
    let table = text(&run(&["status", "--admin", &serving.admin.to_string()]).stdout);
    assert!(table.contains("ResolvedRefs is False, BackendNotFound: "), "{table}");
    let yaml = text(&run(&["status", "-o", "yaml", "--admin", &serving.admin.to_string()]).stdout);
    assert!(yaml.contains("reason: BackendNotFound"), "{yaml}");
    assert!(!path(&root).is_empty());
}
