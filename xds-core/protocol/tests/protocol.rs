//! Every conversation under `transcripts/`, played against the engine.

use std::fs;
use std::path::{Path, PathBuf};

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
