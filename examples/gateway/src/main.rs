//! `chancery`: serves a directory of Envoy resources to proxies, and helps to see what they made of it.

mod admin;
mod admission;
mod bootstrap;
mod command;
mod demo;
mod narrator;
mod output;
mod plane;
mod serve;
mod standing;
mod status;
mod stop;
mod table;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use command::{Chancery, Command};

/// What a command ends with when it cannot go on; its text says what to do.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CHANCERY_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = match Chancery::parse().command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Status(arguments) => status::run(arguments).await,
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Bootstrap(arguments) => bootstrap::run(&arguments),
        Command::Demo(arguments) => demo::run(arguments).await,
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("chancery: {failure}");
        ExitCode::FAILURE
    })
}
