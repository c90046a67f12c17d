//! What is wrong with a directory of Envoy resources.

use std::process::ExitCode;

use chancery_cache::{EveryoneTogether, GroupKey, SnapshotCache};

use crate::Failure;
use crate::command::Validate;

pub(super) fn run(arguments: &Validate) -> Result<ExitCode, Failure> {
    let reading = chancery_directory::read(&arguments.directory)?;
    for problem in &reading.problems {
        let mut place = problem.file.clone();
        for number in [problem.line, problem.column].into_iter().take_while(|number| *number > 0) {
            place = format!("{place}:{number}");
        }
        match problem.field.as_str() {
            "" => println!("{place}: {}", problem.message),
            field => println!("{place}: {field}: {}", problem.message),
        }
    }
    // A cache knows which references lead nowhere. They may be meant: a proxy's own bootstrap can hold the rest.
    let total = reading.resources.len();
    let (_, publisher) = SnapshotCache::new(EveryoneTogether);
    for dangling in publisher.publish(&GroupKey::everyone(), reading.resources)?.dangling.iter() {
        println!("warning: {dangling}");
    }
    println!("{total} resources in {} files, {} problems", reading.files, reading.problems.len());
    Ok(if reading.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
