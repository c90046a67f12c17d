//! `docs/rules.md` names every rule, every transcript, and only tests that exist.
//!
//! With `CHANCERY_REFRESH=1` the column of transcripts is written anew from what is there.

use std::collections::BTreeMap;
use std::fs;

use crate::workspace::{read, root};

const TABLE: &str = "docs/rules.md";
const TRANSCRIPTS: &str = "xds-core/protocol/tests/transcripts";
const LAST_RULE: u32 = 90;

/// The transcripts of each rule, as the table's column shows them: `p07-...` belongs to P7.
fn transcripts() -> BTreeMap<String, String> {
    let mut names: Vec<String> = fs::read_dir(root().join(TRANSCRIPTS))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".txt"))
        .collect();
    names.sort();
    let mut by_rule: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names {
        by_rule.entry(rule_of(&name)).or_default().push(format!("`{name}`"));
    }
    by_rule.into_iter().map(|(rule, names)| (rule, names.join(" "))).collect()
}

fn rule_of(transcript: &str) -> String {
    let (label, _) = transcript.split_once('-').unwrap_or((transcript, ""));
    let (letter, number) = label.split_at(1);
    let number: u32 = number.parse().unwrap_or_else(|_| panic!("{transcript}: the name begins with no rule's number"));
    format!("{}{number}", letter.to_uppercase())
}

/// The cells of a row of the table: rule, what the server does, transcripts, other places.
fn cells(line: &str) -> Option<[&str; 4]> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::trim).collect();
    let cells: [&str; 4] = cells.try_into().unwrap_or_else(|cells| panic!("not four cells: {cells:?}"));
    let (letter, number) = cells[0].split_at_checked(1)?;
    (matches!(letter, "P" | "I") && number.parse::<u32>().is_ok()).then_some(cells)
}

#[test]
fn the_table_of_rules_names_every_transcript() {
    let transcripts = transcripts();
    let of = |rule: &str| transcripts.get(rule).map_or("-", String::as_str);
    if std::env::var_os("CHANCERY_REFRESH").is_some() {
        let refreshed = read(TABLE).lines().fold(String::new(), |text, line| match cells(line) {
            Some([rule, what, _, other]) => format!("{text}| {rule} | {what} | {} | {other} |\n", of(rule)),
            None => text + line + "\n",
        });
        fs::write(root().join(TABLE), refreshed).unwrap();
    }
    let table = read(TABLE);
    let rows: BTreeMap<&str, &str> = table.lines().filter_map(cells).map(|[rule, _, shown, _]| (rule, shown)).collect();
    for number in 1..=LAST_RULE {
        assert!(rows.contains_key(format!("P{number}").as_str()), "{TABLE} has no row for P{number}");
    }
    for rule in transcripts.keys() {
        assert!(rows.contains_key(rule.as_str()), "{TABLE} has no row for {rule}");
    }
    for (rule, shown) in rows {
        assert_eq!(
            shown,
            of(rule),
            "{TABLE}, {rule}: the transcripts are others now; \
             CHANCERY_REFRESH=1 cargo test -p chancery-embed --test layout writes them anew"
        );
    }
}

#[test]
fn every_rule_is_shown_somewhere_by_something_that_exists() {
    let table = read(TABLE);
    for [rule, _, transcripts, other] in table.lines().filter_map(cells) {
        assert!(transcripts != "-" || other != "-", "{TABLE}: {rule} is shown nowhere");
        for place in other.split('`').skip(1).step_by(2).filter(|place| place.contains(".rs")) {
            let (path, test) = place.split_once('#').unwrap_or((place, ""));
            assert!(read(path).contains(&format!("fn {test}")), "{TABLE}, {rule}: {path} has no test {test}");
        }
    }
}
