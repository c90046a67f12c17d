//! What is wrong with objects: each rule broken once, and named with its field.
//!
//! The cases are files in `cases/`, one a kind. A case is a document; the comment before it says which problems it has, as
//! `rule field`, or that it has none.

use std::fs;
use std::path::{Path, PathBuf};

use chancery_files::Severity;

/// One case of a file.
struct Case {
    place: String,
    expected: Vec<String>,
    text: String,
}

fn cases(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).expect("a file of cases");
    let mut line = 1;
    let mut cases = Vec::new();
    for part in text.split("---\n") {
        let place = format!("{}:{line}", path.display());
        line += part.matches('\n').count() + 1;
        let lines = part.lines().filter_map(|line| line.strip_prefix("#= "));
        let expected: Vec<String> = lines.filter(|line| *line != "none").map(str::to_owned).collect();
        if part.lines().any(|line| line.starts_with("#= ")) {
            cases.push(Case { place, expected, text: part.to_owned() });
        }
    }
    cases
}

fn found(text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("case.yaml"), text).expect("to write");
    let reading = chancery_files::read(directory.path()).expect("to read");
    let errors = reading.problems.iter().filter(|problem| problem.severity() == Severity::Error);
    let mut found: Vec<String> = errors
        .map(|problem| {
            assert!(problem.line > 0 && problem.column > 0, "{problem} has no place");
            format!("{} {}", problem.rule, problem.field)
        })
        .collect();
    assert_eq!(reading.world.len(), usize::from(found.is_empty()), "{}", reading.report());
    found.sort();
    found
}

fn check(file: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "validation", "cases", file].iter().collect();
    let cases = cases(&path);
    assert!(cases.len() > 3, "{file} has {} cases", cases.len());
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|mut case| {
            case.expected.sort();
            let found = found(&case.text);
            (found != case.expected).then(|| format!("{}: expected {:?}, found {found:?}", case.place, case.expected))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn http_routes_are_checked() {
    check("httproute.yaml");
}

#[test]
fn other_routes_are_checked() {
    check("routes.yaml");
}

#[test]
fn gateways_and_listener_sets_are_checked() {
    check("gateway.yaml");
}

#[test]
fn policies_and_grants_are_checked() {
    check("policy.yaml");
}

#[test]
fn core_kinds_and_metadata_are_checked() {
    check("core.yaml");
}

#[test]
fn limits_of_lists_are_checked() {
    let rules = |count: usize, of_each: usize| {
        let matches = vec!["{path: {value: /a}}"; of_each].join(", ");
        let rules = vec![format!("{{matches: [{matches}]}}"); count].join(", ");
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: a}}\nspec: {{rules: [{rules}]}}\n"
        )
    };
    assert_eq!(found(&rules(16, 8)), Vec::<String>::new());
    assert_eq!(found(&rules(17, 1)), ["too-many spec.rules"]);
    assert_eq!(found(&rules(1, 65)), ["too-many spec.rules[0].matches"]);
    assert_eq!(found(&rules(3, 43)), ["too-many spec.rules"]);
}

#[test]
fn the_problems_of_one_object_are_told_up_to_a_bound() {
    let fields: String = (0..50).map(|index| format!("  field{index}: 1\n")).collect();
    let text =
        format!("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: a}}\nspec:\n{fields}");
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("case.yaml"), text).expect("to write");
    let reading = chancery_files::read(directory.path()).expect("to read");
    assert_eq!(reading.problems.len(), 20);
    assert!(reading.problems[19].message.ends_with("and 30 more problems of this object"), "{}", reading.problems[19]);
}
