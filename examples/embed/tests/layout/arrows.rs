//! Which package may depend on which.

use std::collections::BTreeSet;

use crate::workspace::{metadata, packages, read, text};

/// A package and those of the workspace it may be built from (tests may use any).
const ALLOWED: [(&str, &[&str]); 12] = [
    ("chancery-protocol", &[]),
    ("chancery-resource", &["chancery-protocol"]),
    ("chancery-core", &["chancery-protocol", "chancery-resource"]),
    ("chancery-cache", &["chancery-protocol", "chancery-resource"]),
    ("chancery-watch", &[]),
    ("chancery-directory", &["chancery-protocol", "chancery-resource", "chancery-cache", "chancery-watch"]),
    ("chancery-translator", &["chancery-protocol", "chancery-resource", "chancery-cache"]),
    ("chancery-explain", &["chancery-protocol", "chancery-resource"]),
    ("chancery-files", &["chancery-resource", "chancery-translator", "chancery-watch"]),
    ("chancery-testkit", &["chancery-protocol"]),
    ("chancery-embed", &["chancery-protocol", "chancery-resource", "chancery-core", "chancery-cache"]),
    (
        "chancery-benches",
        &[
            "chancery-protocol",
            "chancery-resource",
            "chancery-core",
            "chancery-cache",
            "chancery-translator",
            "chancery-testkit",
        ],
    ),
];

/// The one package everything may come together in.
const BINARY: &str = "chancery";

/// What the engine may be built from beside `core` and `alloc`.
const ENGINE_MAY_USE: [&str; 1] = ["bytes"];

/// An arrow: who is built from what.
type Arrow = (String, String);

/// The arrows that must not be, with a reason.
fn wrong(arrows: &BTreeSet<Arrow>) -> Vec<String> {
    arrows.iter().filter_map(|(from, to)| complaint(from, to)).collect()
}

fn complaint(from: &str, to: &str) -> Option<String> {
    if from == BINARY {
        return None;
    }
    match ALLOWED.iter().find(|(name, _)| *name == from) {
        None => Some(format!("{from} is not in the table of {}: say there what it may depend on", file!())),
        Some((_, allowed)) if allowed.contains(&to) => None,
        Some((_, allowed)) => {
            Some(format!("{from} must not depend on {to}, only on {allowed:?}; see ARCHITECTURE.md, \"Packages\""))
        }
    }
}

fn arrow(from: &str, to: &str) -> BTreeSet<Arrow> {
    BTreeSet::from([(from.to_owned(), to.to_owned())])
}

#[test]
fn every_arrow_between_packages_is_allowed() {
    let metadata = metadata(&["--no-deps"]);
    let members: BTreeSet<&str> = packages(&metadata).iter().map(|package| text(package, "name")).collect();
    let mut arrows = BTreeSet::new();
    for package in packages(&metadata) {
        for dependency in package["dependencies"].as_array().unwrap() {
            // `kind` is null for what the package itself is built from, and not its tests.
            if dependency["kind"].is_null() && members.contains(text(dependency, "name")) {
                arrows.insert((text(package, "name").to_owned(), text(dependency, "name").to_owned()));
            }
        }
    }
    assert!(arrows.len() > 10, "only {arrows:?} were found");
    assert_eq!(wrong(&arrows), Vec::<String>::new());
    for (name, _) in ALLOWED {
        assert!(members.contains(name), "{name} is in the table and not in the workspace");
    }
}

#[test]
fn the_engine_is_built_from_next_to_nothing() {
    let metadata = metadata(&["--no-deps"]);
    let engine = packages(&metadata).iter().find(|package| text(package, "name") == "chancery-protocol").unwrap();
    for dependency in engine["dependencies"].as_array().unwrap() {
        let name = text(dependency, "name");
        assert!(!dependency["kind"].is_null() || ENGINE_MAY_USE.contains(&name), "the engine depends on {name}");
    }
}

#[test]
fn a_wrong_arrow_is_noticed() {
    assert_eq!(wrong(&arrow("chancery-core", "chancery-cache")).len(), 1);
    assert_eq!(wrong(&arrow("chancery-protocol", "chancery-resource")).len(), 1);
    assert_eq!(wrong(&arrow("chancery-newcomer", "chancery-core")).len(), 1);
    assert_eq!(wrong(&arrow("chancery-cache", "chancery-resource")), Vec::<String>::new());
}

#[test]
fn every_package_takes_the_lints_and_the_edition_of_the_workspace() {
    for package in packages(&metadata(&["--no-deps"])) {
        let manifest = text(package, "manifest_path");
        let lines = std::fs::read_to_string(manifest).unwrap();
        for needed in ["[lints]\nworkspace = true", "edition.workspace = true", "rust-version.workspace = true"] {
            assert!(lines.contains(needed), "{manifest} lacks {needed:?}");
        }
    }
    let lints = read("Cargo.toml");
    for needed in ["unsafe_code = \"forbid\"", "missing_docs = \"deny\""] {
        assert!(lines_of(&lints).any(|line| line == needed), "the workspace's lints lack {needed}");
    }
}

fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim)
}
