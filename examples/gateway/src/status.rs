//! `chancery status`: asks a running server how things stand.

use std::process::ExitCode;

use chancery_testkit::http;

use crate::command::Status;
use crate::standing::Standing;
use crate::{Failure, output, table};

pub(crate) async fn run(arguments: Status) -> Result<ExitCode, Failure> {
    let asked = http::get(arguments.admin, &arguments.admin.to_string(), "/status").await;
    let answer = asked.map_err(|error| {
        format!("{error}; is `chancery serve` running there? Its first lines say which --admin address it has")
    })?;
    if answer.status != 200 {
        return Err(format!("{} answered {}: {}", arguments.admin, answer.status, answer.text()).into());
    }
    let standing: Standing = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("{} does not speak as a chancery server does: {error}", arguments.admin))?;
    print!("{}", output::render(&standing, arguments.output, || table::render(&standing))?);
    Ok(ExitCode::SUCCESS)
}
