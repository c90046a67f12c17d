//! Every conversation under `transcripts/`, played against the engine.

use std::fs;
use std::path::{Path, PathBuf};

use chancery_protocol::Settings;
use chancery_protocol::sim::{play, transcript::Transcript};

fn transcripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_transcript_is_kept() {
    let mut failures = Vec::new();
    let mut played = 0;
    for file in transcripts() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let transcript = Transcript::parse(&text).unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
        assert!(transcript.sotw || transcript.delta, "{name}: which variant?");
        for (variant, on) in [(false, transcript.sotw), (true, transcript.delta)] {
            if on {
                played += 1;
                if let Err(failure) = play::play(&transcript, variant) {
                    let variant = if variant { "delta" } else { "sotw" };
                    failures.push(format!("{name} ({variant}), {failure}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {played} conversations failed:\n{}", failures.len(), failures.join("\n"));
    assert!(played > 60, "only {played} conversations were found");
}

#[test]
fn every_transcript_is_kept_when_replies_come_without_the_names_they_repeat() {
    let mut repeated = 0;
    for file in transcripts() {
        let transcript = Transcript::parse(&fs::read_to_string(&file).unwrap()).unwrap();
        if transcript.sotw {
            let played = play::play_repeating(&transcript);
            repeated += played.unwrap_or_else(|failure| panic!("{}, {failure}", file.display()));
        }
    }
    assert!(repeated > 50, "only {repeated} replies were given without names");
}

/// P42: a name that was asked for beside a large subscription, and answered, is told of its changes while the rest of that
/// subscription waits to be looked at.
#[test]
fn what_was_answered_changes_while_the_rest_of_a_large_subscription_waits() {
    let text = "variant delta
        publish eds e1 v1
        publish eds e2 v1
        publish eds e3 v1
        publish eds e4 v1
        publish eds x v1
        > eds +e1 +e2 +e3 +e4
        < eds e1=v1
        > eds +x ; ack
        < eds e2=v1 x=v1
        > eds ; ack
        publish eds x v2
        < eds e3=v1 x=v2
        > eds ; ack
        < eds e4=v1";
    let settings = Settings { names_at_once: 1, ..Settings::default() };
    play::play_with(&Transcript::parse(text).unwrap(), true, settings).unwrap();
}
