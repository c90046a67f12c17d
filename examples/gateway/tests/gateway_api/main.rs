//! Gateway API objects end to end: the real binary, real Envoys, and files that are edited.

mod commands;
mod demonstration;
mod edits;
mod manifests;
mod proxies;
mod refusals;
mod route_tables;
mod serving;
mod statuses;
mod unheard;
mod wrong_files;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How long anything may take that takes milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

const BINARY: &str = env!("CARGO_BIN_EXE_chancery");

/// Runs a command to its end.
fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().expect("to run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
