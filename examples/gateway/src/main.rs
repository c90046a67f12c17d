//! `chancery`: serves Gateway API objects, or Envoy resources, to proxies; runs them, and helps to see what they made of it.

mod admin;
mod admission;
mod bootstrap;
mod command;
mod demo;
mod doors;
mod explain;
mod gateway_api;
mod narrator;
mod output;
mod plan;
mod plane;
mod rendered;
mod runner;
mod serve;
mod standing;
mod status;
mod stop;
mod table;
mod translate;
mod validate;
mod voice;

use std::process::ExitCode;

use clap::Parser;

use command::{Chancery, Command};

/// What a command ends with when it cannot go on; its text says what to do.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CHANCERY_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let command = match Chancery::try_parse() {
        Ok(parsed) => parsed.command,
        Err(error) => {
            let _ = error.print();
            // Help and version that were asked for are no mistake.
            return if error.use_stderr() { ExitCode::from(command::WRONG_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match command {
        Command::Serve(arguments) => serve::run(*arguments).await,
        Command::Status(arguments) => status::run(arguments).await,
        Command::Validate(arguments) => validate::run(&arguments).await,
        Command::Translate(arguments) => translate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments).await,
        Command::Bootstrap(arguments) => bootstrap::run(&arguments),
        Command::Demo(arguments) if arguments.xds => demo::xds(arguments).await,
        Command::Demo(arguments) => demo::gateway_api(arguments).await,
        Command::Leash(arguments) => runner::leash(&arguments),
    };
    voice::finish();
    outcome.unwrap_or_else(|failure| {
        eprintln!("chancery: {failure}");
        ExitCode::FAILURE
    })
}
