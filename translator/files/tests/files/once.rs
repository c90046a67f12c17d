//! What is in a directory, read once.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};

use chancery_files::{Consequence, FilesError, GatewayFiles, Limits, Severity};
use chancery_translator::api::{Kind, ObjectId};

use crate::scene::{Scene, generation, id, route, routes};

#[test]
fn sub_directories_documents_lists_and_json_are_read() {
    let list = "kind: List\napiVersion: v1\nitems:\n- apiVersion: gateway.networking.k8s.io/v1\n  kind: HTTPRoute\n  metadata: {name: c}\n  spec: {hostnames: [c.test]}\n";
    let typed = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRouteList", "items": [
        {"metadata": {"name": "d"}, "spec": {"hostnames": ["d.test"]}}]}"#;
    let scene = Scene::with(&[
        ("x/y/two.yaml", &(route("a", "a.test") + &route("b", "b.test"))),
        ("list.yml", list),
        ("typed.json", typed),
        ("read.me", "not: read"),
        (".hidden/e.yaml", &route("e", "e.test")),
    ]);
    let reading = scene.read();
    assert_eq!(routes(&reading), ["a=a.test", "b=b.test", "c=c.test", "d=d.test"]);
    assert_eq!((reading.files, reading.problems.len()), (3, 0), "{}", reading.report());
}

#[test]
fn the_order_of_files_and_documents_makes_no_difference() {
    let documents = [route("a", "a.test"), route("b", "b.test"), route("c", "c.test")];
    let one = Scene::with(&[("1.yaml", &documents.concat())]);
    let other = Scene::with(&[("1.yaml", &documents[2]), ("2.yaml", &(documents[1].clone() + &documents[0]))]);
    assert_eq!(one.read().world, other.read().world);
}

#[test]
fn every_object_and_field_knows_its_place() {
    let scene = Scene::with(&[("a.yaml", &(route("a", "a.test") + &route("b", "b.test")))]);
    let reading = scene.read();
    let file = scene.path("a.yaml").display().to_string();
    assert_eq!(reading.places[&id("b")].location().to_string(), format!("{file}:9"));
    let host = reading.locate(&id("b"), "spec.hostnames[0]").expect("it is there");
    assert_eq!(host.to_string(), format!("{file}:15"));
    let absent = reading.locate(&id("b"), "spec.rules[3].name").expect("what is around it");
    assert_eq!(absent.line, 13, "the last that is written");
}

#[test]
fn an_object_without_namespace_is_in_default_and_a_class_is_in_none() {
    let class = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: a, namespace: x}\nspec: {controllerName: example.com/a}\n";
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test")), ("class.yaml", class)]);
    let reading = scene.read();
    assert!(reading.world.contains(&ObjectId::new(Kind::HTTPRoute, "default", "a")));
    assert!(reading.world.contains(&ObjectId::new(Kind::GatewayClass, "", "a")));
}

#[test]
fn a_generation_is_assigned_where_none_is_given_and_a_missing_creation_time_stays_missing() {
    let given =
        route("b", "b.test").replace("name: b", "name: b\n  generation: 7\n  creationTimestamp: 2026-01-01T00:00:00Z");
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test")), ("b.yaml", &given)]);
    let reading = scene.read();
    assert_eq!((generation(&reading, "a"), generation(&reading, "b")), (1, 7));
    let (a, b) = (&reading.world.http_routes[&id("a")].metadata, &reading.world.http_routes[&id("b")].metadata);
    assert_eq!(a.creation_timestamp, None);
    assert!(b.age() < a.age(), "without a time it is younger than all others, whatever the time of its file");
}

#[test]
fn of_two_definitions_that_of_the_smallest_path_is_used_and_both_are_reported() {
    let scene = Scene::with(&[("b/x.yaml", &route("a", "second.test")), ("a/x.yaml", &route("a", "first.test"))]);
    let reading = scene.read();
    assert_eq!(routes(&reading), ["a=first.test"]);
    let told: Vec<_> = reading.problems.iter().map(|problem| (problem.consequence, problem.to_string())).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].0 == Consequence::Nothing && told[0].1.contains("b/x.yaml:1"), "{told:?}");
    assert!(told[1].0 == Consequence::ObjectLeftOut && told[1].1.contains("a/x.yaml:1"), "{told:?}");
}

#[test]
fn a_bad_document_costs_that_document_only() {
    let bad = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: bad}\nspec: {hostnames: [a b]}\n---\n";
    let unreadable = "a: [\n---\n";
    let scene = Scene::with(&[("a.yaml", &(route("a", "a.test") + bad + unreadable + &route("b", "b.test")))]);
    let reading = scene.read();
    assert_eq!(routes(&reading), ["a=a.test", "b=b.test"]);
    let told: Vec<_> = reading.problems.iter().map(|problem| (problem.line, problem.consequence)).collect();
    assert_eq!(told[0], (12, Consequence::ObjectLeftOut), "{}", reading.report());
    assert_eq!(told[1].1, Consequence::DocumentLeftOut);
    assert!((14..=15).contains(&told[1].0), "{told:?}");
}

#[test]
fn a_bad_item_costs_that_item_only() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {hostnames: [a.test]}}\n- {apiVersion: v1, kind: Service, metadata: {name: B}}\n- 7\n";
    let scene = Scene::with(&[("a.yaml", list)]);
    let reading = scene.read();
    assert_eq!(routes(&reading), ["a=a.test"]);
    assert_eq!(reading.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [5, 6]);
}

#[test]
fn kinds_that_are_not_read_are_notes_and_slips_of_the_pen_are_errors() {
    let vendor = "apiVersion: example.com/v1\nkind: RateLimit\nmetadata: {name: a}\nspec: {anything: 1}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n";
    let scene = Scene::with(&[("a.yaml", vendor)]);
    let reading = scene.read();
    assert!(reading.problems.iter().all(|problem| problem.severity() == Severity::Note), "{}", reading.report());
    assert!(!reading.has_errors() && reading.problems.len() == 2);

    let scene = Scene::with(&[("a.yaml", &route("a", "a.test").replace("HTTPRoute", "HTTPRuote"))]);
    assert!(scene.problem().contains("did you mean `HTTPRoute`?"), "{}", scene.problem());
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test").replace("gateway.networking.k8s.io/v1", "v1"))]);
    assert!(scene.problem().contains("is a kind of gateway.networking.k8s.io/v1, not of v1"), "{}", scene.problem());
}

#[test]
fn a_tab_is_named_with_its_line() {
    let scene = Scene::with(&[("a.yaml", "spec:\n\thostnames: []\n"), ("b.yaml", &route("b", "b.test"))]);
    assert_eq!(routes(&scene.read()), ["b=b.test"]);
    assert_eq!(
        scene.problem(),
        "a.yaml:2:1: this line is indented with a tab; YAML is indented with spaces only [syntax] \
         (this document is left out; objects it had before stay in place)"
    );
}

#[test]
fn a_file_that_is_not_utf_8_is_named() {
    let scene = Scene::with(&[("b.yaml", &route("b", "b.test"))]);
    scene.write("a.yaml", b"metadata:\n  name: caf\xe9\n");
    assert_eq!(routes(&scene.read()), ["b=b.test"]);
    assert_eq!(
        scene.problem(),
        "a.yaml:2:12: the file is not UTF-8 text; save it as UTF-8 [encoding] (this file is left out)"
    );
}

#[test]
fn an_empty_file_is_a_note() {
    let scene = Scene::with(&[("a.yaml", ""), ("b.yaml", &route("b", "b.test"))]);
    assert_eq!(routes(&scene.read()), ["b=b.test"]);
    assert_eq!(scene.problem(), "a.yaml: the file is empty [empty-file] (note)");
    let scene = Scene::with(&[("a.yaml", "# nothing yet\n---\n")]);
    assert_eq!(scene.problem(), "a.yaml: the file holds no objects [empty-file] (note)");
}

#[test]
fn a_file_of_50_megabytes_is_refused_by_its_size() {
    let scene = Scene::with(&[("b.yaml", &route("b", "b.test"))]);
    File::create(scene.path("a.yaml")).and_then(|file| file.set_len(50 << 20)).expect("to make it");
    assert_eq!(routes(&scene.read()), ["b=b.test"]);
    let problem = scene.problem();
    assert!(problem.contains("52428800 bytes are more than the 16777216"), "{problem}");

    let limits = Limits { file_bytes: 10, ..Limits::default() };
    let reading = GatewayFiles::open(scene.root.path()).expect("a directory").limits(limits).read();
    assert_eq!(reading.problems.len(), 2, "the limit can be another");
}

#[test]
fn a_bomb_of_anchors_costs_its_document_only() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
    }
    let scene = Scene::with(&[("a.yaml", &(route("a", "a.test") + &bomb + "---\n" + &route("b", "b.test")))]);
    let reading = scene.read();
    assert_eq!(routes(&reading), ["a=a.test", "b=b.test"]);
    assert_eq!(reading.problems.len(), 1, "{}", reading.report());
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test")), ("b.yaml", &route("b", "b.test"))]);
    fs::set_permissions(scene.path("a.yaml"), fs::Permissions::from_mode(0o000)).expect("to change it");
    if fs::read(scene.path("a.yaml")).is_ok() {
        eprintln!("NOT TESTED: this user may read everything");
        return;
    }
    assert_eq!(routes(&scene.read()), ["b=b.test"]);
    assert!(scene.problem().contains("let the server read it"), "{}", scene.problem());
}

#[test]
fn links_that_lead_in_circles_or_nowhere_do_no_harm() {
    let scene = Scene::with(&[("a.yaml", &route("a", "a.test"))]);
    symlink(".", scene.path("loop")).expect("to link");
    symlink("nothing.yaml", scene.path("dead.yaml")).expect("to link");
    let reading = scene.read();
    assert_eq!((routes(&reading), reading.problems.len()), (vec!["a=a.test".to_owned()], 0), "{}", reading.report());
}

#[test]
fn what_is_no_directory_is_refused_at_once() {
    let scene = Scene::with(&[("file", "")]);
    let refused: FilesError = GatewayFiles::open(scene.path("file")).expect_err("a file");
    assert!(refused.to_string().ends_with("is not a directory"), "{refused}");
    assert!(GatewayFiles::open(scene.path("nothing")).is_err());
}

#[test]
fn a_report_is_a_table_and_json() {
    let scene = Scene::with(&[("a.yaml", &(route("a", "a.test") + &route("B", "b.test")))]);
    let report = scene.read().report();
    let shown = report.to_string();
    assert!(shown.starts_with("error ") && shown.ends_with("files: 1; 1 HTTPRoute; errors: 1; notes: 0"), "{shown}");
    let json = serde_json::to_value(&report).expect("json");
    assert_eq!(json["problems"][0]["object"], "HTTPRoute default/B");
    assert_eq!(json["problems"][0]["field"], "metadata.name");
    assert_eq!(json["problems"][0]["consequence"], "objectLeftOut");
    assert_eq!(json["objects"]["HTTPRoute"], 1);
}

#[test]
fn secrets_may_be_written_as_plain_text() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {tls.crt: hello}\n";
    let reading = Scene::with(&[("a.yaml", secret)]).read();
    let secret = &reading.world.secrets[&ObjectId::new(Kind::Secret, "default", "a")];
    let data = secret.data.as_ref().expect("data");
    assert_eq!(data["tls.crt"].0, b"hello");
}
