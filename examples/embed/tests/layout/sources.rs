//! What the sources may and may not say.

use crate::workspace::{read, sources};

const EVERYTHING: [&str; 5] = ["xds-core", "xds-cache", "examples", "benches", "fuzz"];

/// The longest source, in lines.
const LONGEST: usize = 800;

/// The files that are longer, and how long they may get. Each holds one concept that has not been taken apart yet.
const LONGER: [(&str, usize); 0] = [];

/// The sources below a folder whose code (comments apart) contains one of these words.
fn that_say<'a>(folder: &str, words: &'a [&'a str]) -> impl Iterator<Item = (String, &'a str)> {
    sources(folder).into_iter().filter_map(move |(path, text)| {
        let code = || text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let said = words.iter().find(|word| code().any(|line| line.contains(**word)))?;
        Some((path, *said))
    })
}

#[test]
fn every_source_says_what_it_is_in_its_first_line() {
    for (path, text) in EVERYTHING.iter().flat_map(|folder| sources(folder)) {
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") || first.starts_with("#![doc = include_str!("),
            "{path} begins with {first:?}"
        );
    }
}

#[test]
fn no_source_has_grown_too_long() {
    for (path, text) in EVERYTHING.iter().flat_map(|folder| sources(folder)) {
        let exception = LONGER.iter().find(|(longer, _)| *longer == path);
        let (lines, limit) = (text.lines().count(), exception.map_or(LONGEST, |(_, limit)| *limit));
        assert!(lines <= limit, "{path} has {lines} lines, more than {limit}: look for the second concept in it");
    }
}

#[test]
fn the_engine_knows_no_clock_no_hash_map_and_no_standard_library() {
    let mut looked_at = 0;
    for (path, text) in sources("xds-core/protocol/src") {
        if path.starts_with("xds-core/protocol/src/sim") {
            continue;
        }
        looked_at += 1;
        // Its unit tests come last in a file, and may use what they like.
        let engine = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for word in ["std::", "HashMap", "HashSet", "Instant", "SystemTime"] {
            let at = engine.lines().position(|line| !line.trim_start().starts_with("//") && line.contains(word));
            assert!(at.is_none(), "{path}:{}: `{word}` in the engine", at.unwrap_or_default() + 1);
        }
    }
    assert!(looked_at > 15, "only {looked_at} sources were looked at");
}

#[test]
fn only_the_wire_knows_discovery_messages() {
    for (path, word) in that_say("xds-core/src", &["DiscoveryRequest", "DiscoveryResponse"]) {
        assert!(path.starts_with("xds-core/src/wire"), "{path} names {word}");
    }
}

#[test]
fn only_the_stream_chooses_among_events() {
    let choosing: Vec<String> = that_say("xds-core/src", &["select!"]).map(|(path, _)| path).collect();
    assert_eq!(choosing, ["xds-core/src/stream.rs"]);
}

/// The fuzz target `wire` compiles the reader's sources into a package of another workspace, which this one's build does not see.
#[test]
fn what_the_fuzzed_reader_uses_is_in_the_fuzz_package_too() {
    let manifest = read("fuzz/Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
    let (dependencies, _) = dependencies.split_once("\n[").unwrap();
    let known: Vec<String> = dependencies
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"))
        .collect();
    for (path, text) in sources("xds-core/src/wire") {
        let used = text.lines().filter_map(|line| line.strip_prefix("use ")?.split("::").next());
        for package in used.filter(|package| !["std", "super", "crate", "self"].contains(package)) {
            assert!(known.iter().any(|name| name == package), "{path} uses {package}, which fuzz/Cargo.toml lacks");
        }
    }
}
