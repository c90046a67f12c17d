//! Cases of two other implementations of the Gateway API: their inputs, and the statuses they give.
//!
//! The cases are not part of this repository. They are looked for in `CHANCERY_GOLDENS`, or beside the workspace; where they are
//! not, these tests say so and show nothing. The project's own cases (`behaviour`, `requests`) run everywhere.

mod case;
mod compare;
mod envoy;
mod report;

use std::path::PathBuf;

use case::Case;
use report::Report;

/// The folder of the cases, if it is there.
fn cases() -> Option<Vec<Case>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens");
    let folder = std::env::var_os("CHANCERY_GOLDENS").map_or_else(beside, PathBuf::from);
    if !folder.join("fixtures.yaml").is_file() {
        eprintln!(
            "THE COMPARISON DID NOT RUN: there are no cases in {}; set CHANCERY_GOLDENS to the folder that holds them",
            folder.display()
        );
        return None;
    }
    let mut cases = case::of_envoy_gateway(&folder);
    cases.extend(case::of_istio(&folder));
    assert!(cases.len() > 80, "only {} cases were found", cases.len());
    Some(cases)
}

#[test]
fn statuses_agree_but_for_what_is_explained() {
    let Some(cases) = cases() else { return };
    let mut report = Report::default();
    for case in &cases {
        report.add(&case.name, compare::statuses(case, &case.translate()));
    }
    let known = include_str!("residuals.txt");
    println!("{}", report.summary(known));
    if std::env::var_os("CHANCERY_REFRESH").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/residuals.txt");
        std::fs::write(path, report.residuals(known)).expect("the file can be written");
        return;
    }
    assert!(report.agreement(known) >= 0.97, "{}", report.summary(known));
    let unexplained = report.unexplained(known);
    assert!(unexplained.is_empty(), "differences that residuals.txt does not explain:\n{}", unexplained.join("\n"));
    let gone = report.gone(known);
    assert!(gone.is_empty(), "residuals.txt explains what is no longer different:\n{}", gone.join("\n"));
}

#[test]
fn the_comparison_sees_a_difference() {
    let Some(cases) = cases() else { return };
    let case = cases.iter().find(|case| case.name == "httproute-attaching-to-listener").expect("a case");
    let mut translation = case.translate();
    let mut report = Report::default();
    report.add(&case.name, compare::statuses(case, &translation));
    assert_eq!(report.residuals(""), "");
    translation.statuses.pop_last();
    report.add(&case.name, compare::statuses(case, &translation));
    assert_ne!(report.residuals(""), "");
}

#[test]
fn the_order_of_objects_does_not_matter() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let first = case.translate();
        for turn in 1..=3 {
            assert_eq!(case.shuffled(turn).translate(), first, "{}", case.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_takes_everything() {
    let Some(cases) = cases() else { return };
    let failures = envoy::load_all(&cases).await;
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
