//! What the machine lends: cores to pin processes to, and file descriptors.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::stand::Failure;

/// Where servers and the load run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cores {
    /// Every thread of a server on one core, the load on another.
    Pinned {
        /// The servers' core.
        server: usize,
        /// The load's core.
        client: usize,
    },
    /// Wherever the system likes.
    Anywhere {
        /// Why.
        reason: String,
    },
}

impl Cores {
    /// Pins this thread, which is to be the load, to its core; servers started later go to theirs.
    pub fn pin(server: usize, client: usize) -> Cores {
        let anywhere = |reason: String| Cores::Anywhere { reason };
        let allowed = match sched_getaffinity(None) {
            Ok(allowed) => allowed,
            Err(error) => return anywhere(format!("the system does not say which cores there are: {error}")),
        };
        if allowed.count() < 2 {
            return anywhere("there is only one core".to_owned());
        }
        for core in [server, client] {
            if core >= CpuSet::MAX_CPU || !allowed.is_set(core) {
                return anywhere(format!("core {core} is not one this process may use"));
            }
        }
        match pin_thread(client) {
            Ok(()) => Cores::Pinned { server, client },
            Err(error) => anywhere(format!("the system does not allow it: {error}")),
        }
    }

    /// Does something that starts a process, on the servers' core: the process inherits that.
    pub(super) fn on_server_core<T>(&self, start: impl FnOnce() -> T) -> Result<T, Failure> {
        let Cores::Pinned { server, client } = self else { return Ok(start()) };
        pin_thread(*server)?;
        let started = start();
        pin_thread(*client)?;
        Ok(started)
    }
}

impl std::fmt::Display for Cores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cores::Pinned { server, client } => write!(f, "servers on core {server}, the load on core {client}"),
            Cores::Anywhere { reason } => write!(f, "NOT PINNED to cores: {reason}"),
        }
    }
}

fn pin_thread(core: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

/// Raises the number of files this process may open to the most it may ask for; gives that number.
pub(super) fn raise_descriptors() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(most)
}

/// Fails when this process may not open as many streams.
pub(super) fn enough_descriptors(streams: usize) -> Result<(), Failure> {
    let (most, wanted) = (raise_descriptors()?, streams as u64 + 200);
    if most >= wanted {
        return Ok(());
    }
    Err(format!(
        "{streams} streams need {wanted} open files in a process, and this one may have {most}. Raise the hard limit: \
         `ulimit -Hn {wanted}` as root before the lab is started, `nofile` in /etc/security/limits.conf, \
         `LimitNOFILE=` of a systemd unit, or `--ulimit nofile={wanted}:{wanted}` of a container"
    )
    .into())
}
