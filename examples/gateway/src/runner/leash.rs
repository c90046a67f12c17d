//! `chancery leash`: becomes another program, which ends when the process that started it ends, however that happens.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::Failure;
use crate::command::Leash;

/// Does not return when the program could be started.
pub(crate) fn run(arguments: &Leash) -> Result<ExitCode, Failure> {
    let Some((program, rest)) = arguments.command.split_first() else { return Err("no program to run".into()) };
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // It may have ended before the line above.
        let parent = getppid().map(|id| id.as_raw_nonzero().get());
        if parent != i32::try_from(arguments.parent).ok() {
            return Err("the process this one belongs to has ended".into());
        }
    }
    let error = Command::new(program).args(rest).exec();
    Err(format!("cannot start {}: {error}", program.display()).into())
}
