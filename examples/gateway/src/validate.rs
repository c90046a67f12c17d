//! `chancery validate`: what is wrong with a directory, before anything is served from it.

mod envoy;
mod xds;

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::command::Validate;
use crate::{Failure, gateway_api, output};

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    files: usize,
    objects: usize,
    proxies: usize,
    problems: Vec<Finding>,
    /// What may be meant, and may not.
    warnings: Vec<String>,
    /// The Envoy that was asked, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    envoy: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct Finding {
    /// The file and line; empty when it has no one place.
    place: String,
    /// What is wrong, with the object and the field.
    message: String,
}

pub(crate) async fn run(arguments: &Validate) -> Result<ExitCode, Failure> {
    if arguments.xds {
        return xds::run(arguments);
    }
    let seen = gateway_api::read(&arguments.directory)?;
    let translation = chancery_translator::translate(&seen.world, &gateway_api::options(&arguments.translating));
    let of_file = |problem: &String| Finding { place: String::new(), message: problem.clone() };
    let mut problems: Vec<Finding> = seen.problems.iter().map(of_file).collect();
    for problem in &translation.problems {
        let place = seen.place(&problem.origin);
        problems.push(Finding { place, message: problem.to_string() });
    }
    let mut warnings = seen.notes.clone();
    warnings.extend(gateway_api::unserved(&seen.world, &translation));
    let mut asked = None;
    if arguments.envoy {
        asked = Some(arguments.envoy_version.to_string());
        for (proxy, resources) in &translation.proxies {
            if let Err(reason) = envoy::ask(arguments.envoy_version, resources).await? {
                problems.push(Finding {
                    place: String::new(),
                    message: format!("Envoy refuses the configuration of {proxy}: {reason}"),
                });
            }
        }
    }
    if seen.world.is_empty() && problems.is_empty() {
        warnings.push(format!("there are no objects in {}", arguments.directory.display()));
    }
    let findings = Findings {
        files: seen.files,
        objects: seen.world.len(),
        proxies: translation.proxies.len(),
        problems,
        warnings,
        envoy: asked,
    };
    print!("{}", output::render(&findings, arguments.output, || findings.table())?);
    Ok(if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Findings {
    fn table(&self) -> String {
        let mut text = String::new();
        for Finding { place, message } in &self.problems {
            let _ = match place.as_str() {
                "" => writeln!(text, "{message}"),
                place => writeln!(text, "{place}: {message}"),
            };
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        let Findings { files, objects, proxies, problems, .. } = self;
        let _ = writeln!(text, "{objects} objects in {files} files for {proxies} proxies, {} problems", problems.len());
        if let (Some(version), true) = (&self.envoy, problems.is_empty()) {
            let _ = writeln!(text, "Envoy {version} accepts the configuration of every proxy");
        }
        text
    }
}
