//! What is linked in: one version of each, under a licence that is allowed, from where it is allowed, for our compiler.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::workspace::{metadata, packages, read, text};

/// The texts in quotes within the list of this name in `deny.toml`, comments apart.
fn listed(name: &str) -> Vec<String> {
    let deny = read("deny.toml");
    let opening = format!("\n{name} = [");
    let (_, list) = deny.split_once(&opening).unwrap_or_else(|| panic!("deny.toml has no list `{name}`"));
    let lines = list.lines().map(str::trim).take_while(|line| *line != "]").filter(|line| !line.starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    let first = if lines.first().is_some_and(|line| line.ends_with(']')) { &lines[..1] } else { &lines[..] };
    first.iter().flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Every package that is linked in on the targets of `deny.toml`.
fn linked() -> Value {
    let targets = listed("targets");
    let mut arguments = vec!["--all-features", "--locked"];
    for target in &targets {
        arguments.extend(["--filter-platform", target]);
    }
    metadata(&arguments)
}

fn named(package: &Value) -> String {
    format!("{}@{}", text(package, "name"), text(package, "version"))
}

#[test]
fn there_is_one_version_of_each_package_but_for_reasoned_exceptions() {
    let linked = linked();
    // Of each exception, the texts are the package and the reason.
    let skip = listed("skip");
    let skipped: BTreeSet<&str> = skip.iter().step_by(2).map(String::as_str).collect();
    assert!(skip.iter().skip(1).step_by(2).all(|reason| reason.contains(' ')), "an exception needs a reason: {skip:?}");
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in packages(&linked) {
        versions.entry(text(package, "name")).or_default().push(named(package));
    }
    for (name, versions) in &versions {
        let counted: Vec<_> = versions.iter().filter(|version| !skipped.contains(version.as_str())).collect();
        assert!(counted.len() <= 1, "{name} is linked in as {counted:?}: agree on one, or give a reason in deny.toml");
    }
    for exception in skipped {
        let used = versions.values().any(|versions| versions.len() > 1 && versions.iter().any(|one| one == exception));
        assert!(used, "{exception} is no duplicate any more: take it out of deny.toml");
    }
}

#[test]
fn every_licence_and_every_source_is_allowed() {
    let (linked, allowed) = (linked(), listed("allow"));
    let registries = listed("allow-registry");
    for package in packages(&linked) {
        let (name, licence, source) = (named(package), text(package, "license"), text(package, "source"));
        assert!(is_allowed(licence, &allowed), "{name} is under {licence:?}, which deny.toml does not allow");
        let from = source.strip_prefix("registry+");
        let known = source.is_empty() || from.is_some_and(|from| registries.iter().any(|registry| registry == from));
        assert!(known, "{name} comes from {source:?}, which deny.toml does not allow");
    }
}

/// Whether an SPDX expression without nesting beyond `(a OR b) AND c` can be met.
fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    let meets = |one: &str| allowed.iter().any(|allowed| allowed == one.trim().trim_end_matches('+'));
    let any = |clause: &str| clause.replace('/', " OR ").split(" OR ").any(meets);
    licence.split(" AND ").all(|clause| any(clause.trim().trim_matches(['(', ')'])))
}

#[test]
fn licences_are_read_as_written() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned(), "MPL-2.0".to_owned()];
    for good in ["MIT", "Unlicense/MIT", "GPL-3.0 OR MIT", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC", "MPL-2.0+"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR Apache-2.0) AND MIT"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn no_package_needs_a_newer_compiler_than_we_promise() {
    let linked = linked();
    let release = |package: &Value| -> Option<Vec<u32>> {
        let mut numbers: Vec<u32> = text(package, "rust_version").split('.').map_while(|n| n.parse().ok()).collect();
        numbers.resize(3, 0);
        package["rust_version"].is_string().then_some(numbers)
    };
    let ours = packages(&linked).iter().find(|package| text(package, "name") == "chancery-protocol").and_then(release);
    let ours = ours.expect("the workspace has a rust-version");
    for package in packages(&linked) {
        let needed = release(package).unwrap_or_default();
        assert!(needed <= ours, "{} needs Rust {needed:?}, we promise {ours:?}", named(package));
    }
}
