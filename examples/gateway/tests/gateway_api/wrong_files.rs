//! What is wrong with files is told with place and field, and costs nothing else.

use std::fs;

use tempfile::TempDir;

use crate::manifests::{path, route, rule, small};
use crate::{run, text};

/// A good directory, and one more file with these bytes.
fn with(name: &str, bytes: &[u8]) -> TempDir {
    let root = small(([127, 0, 0, 1], 18081).into());
    fs::write(root.path().join(name), bytes).expect("to write");
    root
}

/// What `validate` says of a good directory with this file more. All else is still there.
fn told(bytes: impl AsRef<[u8]>) -> String {
    let root = with("wrong.yaml", bytes.as_ref());
    let validated = run(&["validate", path(&root)]);
    let said = text(&validated.stdout);
    assert_eq!(validated.status.code(), Some(1), "{said}{}", text(&validated.stderr));
    let kept = run(&["explain", path(&root), "--host", "shop.example"]);
    assert!(
        kept.status.success() && text(&kept.stdout).contains("HTTPRoute shop/catalog"),
        "{said}\n{}",
        text(&kept.stdout)
    );
    said
}

fn a_route(rules: &[&str]) -> String {
    let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    route("wrong", "web", "wrong.example", &rules)
}

fn says(said: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(said.contains(part), "no {part:?} in\n{said}"));
}

#[test]
fn an_unknown_field_is_told_with_what_may_be_meant() {
    let said = told(a_route(&[&rule("/", "catalog")]).replace("hostnames", "hostnmaes"));
    says(&said, &["wrong.yaml:6", "HTTPRoute shop/wrong", "spec.hostnmaes", "hostnames"]);
}

#[test]
fn a_wrong_type_is_told() {
    let said = told(a_route(&["{backendRefs: [{name: catalog, port: eighty}]}"]));
    says(&said, &["wrong.yaml:8", "HTTPRoute shop/wrong", "spec.rules[0].backendRefs[0].port"]);
}

#[test]
fn a_bad_regular_expression_is_told() {
    let said = told(a_route(&[
        "{matches: [{path: {type: RegularExpression, value: '/(unclosed'}}], backendRefs: [{name: catalog, port: 8080}]}",
    ]));
    says(&said, &["wrong.yaml:", "HTTPRoute shop/wrong", "spec.rules[0].matches[0]"]);
}

#[test]
fn a_section_nobody_has_is_told() {
    let said = told(a_route(&[&rule("/", "catalog")]).replace("{name: web}", "{name: web, sectionName: htpt}"));
    says(&said, &["wrong.yaml:", "HTTPRoute shop/wrong", "spec.parentRefs[0]", "htpt"]);
}

#[test]
fn a_header_that_is_matched_twice_is_told() {
    let said = told(a_route(&[
        "{matches: [{headers: [{name: x-a, value: b}, {name: x-a, value: c}]}], backendRefs: [{name: catalog, port: 8080}]}",
    ]));
    says(&said, &["wrong.yaml:", "HTTPRoute shop/wrong", "spec.rules[0].matches[0].headers"]);
}

#[test]
fn a_backend_nobody_has_is_told() {
    let said = told(a_route(&[&rule("/", "catalgo")]));
    says(&said, &["wrong.yaml:", "HTTPRoute shop/wrong spec.rules[0].backendRefs[0]", "catalgo", "BackendNotFound"]);
}

#[test]
fn tabs_are_told() {
    let said = told("apiVersion: v1\nkind: Service\nmetadata:\n\tname: tabbed\n");
    says(&said, &["wrong.yaml:4", "tab"]);
}

#[test]
fn a_file_that_is_not_utf_8_is_told() {
    let said = told(b"apiVersion: v1\nkind: Service\nmetadata: {name: \"\xff\xfe\"}\n");
    says(&said, &["wrong.yaml", "UTF-8"]);
}

#[test]
fn a_file_that_is_too_large_is_told_and_not_read() {
    let line = b"# fifty megabytes of nothing but this comment\n";
    let said = told(line.repeat((50 << 20) / line.len() + 1));
    says(&said, &["wrong.yaml"]);
}

#[test]
fn an_empty_file_is_not_wrong_and_costs_nothing() {
    let root = with("empty.yaml", b"");
    let validated = run(&["validate", path(&root)]);
    let said = text(&validated.stdout);
    assert!(validated.status.success() && said.contains(" 0 problems"), "{said}");
}

#[test]
fn one_bad_document_does_not_cost_the_others_of_its_file() {
    let good = route("beside", "web", "beside.example", &[rule("/", "catalog")]);
    let root = with("wrong.yaml", format!("{}---\n{good}", a_route(&["{backendRefs: 7}"])).as_bytes());
    assert_eq!(run(&["validate", path(&root)]).status.code(), Some(1));
    let told = run(&["explain", path(&root), "--host", "beside.example"]);
    assert!(told.status.success(), "{}", text(&told.stdout));
}
