//! Which files are being written just now, as far as the file system tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use tokio::time::Instant;

/// More files than this are not told apart: each is then taken for finished, and read twice.
const MOST_FILES: usize = 10_000;

/// What the last notification of a file said.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    files: BTreeMap<PathBuf, Step>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Something was written; whoever writes has not closed it.
    Written(Instant),
    /// It was closed, or put in place by a rename.
    Finished,
}

impl Activity {
    /// Takes note of an event; whether it can mean a change at all.
    pub(crate) fn note(&mut self, now: Instant, kind: &EventKind, paths: &[PathBuf]) -> bool {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => self.set(paths, Step::Finished),
            // Our own reading is notified too, and means nothing.
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => self.set(paths, Step::Written(now)),
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
                self.forget(paths.first());
                self.set(paths.get(1..).unwrap_or_default(), Step::Finished);
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => self.set(paths, Step::Finished),
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => {
                paths.iter().for_each(|path| self.forget(Some(path)));
            }
            _ => {}
        }
        true
    }

    fn set(&mut self, paths: &[PathBuf], step: Step) {
        for path in paths {
            if self.files.len() < MOST_FILES || self.files.contains_key(path) {
                self.files.insert(path.clone(), step);
            }
        }
    }

    fn forget(&mut self, path: Option<&PathBuf>) {
        if let Some(path) = path {
            self.files.remove(path);
        }
    }

    /// Whether something was written to the file within `patience`, and it was not closed since.
    pub(crate) fn is_being_written(&self, path: &Path, now: Instant, patience: Duration) -> bool {
        matches!(self.files.get(path), Some(Step::Written(at)) if now < *at + patience)
    }

    /// Whether the last that was heard of the file is that it is complete. Asked once: then it has to be heard anew.
    pub(crate) fn take_finished(&mut self, path: &Path) -> bool {
        let finished = matches!(self.files.get(path), Some(Step::Finished));
        if finished {
            self.files.remove(path);
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[test]
    fn a_file_is_being_written_until_it_is_closed_or_nobody_writes_for_long() {
        let (mut activity, now, path) = (Activity::default(), Instant::now(), PathBuf::from("/a"));
        let written = EventKind::Modify(ModifyKind::Any);
        assert!(activity.note(now, &written, std::slice::from_ref(&path)));
        assert!(activity.is_being_written(&path, now, PATIENCE));
        assert!(!activity.is_being_written(&path, now + PATIENCE, PATIENCE));
        assert!(!activity.take_finished(&path));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(activity.note(now, &closed, std::slice::from_ref(&path)));
        assert!(!activity.is_being_written(&path, now, PATIENCE));
        assert!(activity.take_finished(&path));
        assert!(!activity.take_finished(&path), "once");
    }

    #[test]
    fn a_rename_finishes_the_new_name_and_reading_means_nothing() {
        let (mut activity, now) = (Activity::default(), Instant::now());
        let paths = ["/a", "/b"].map(PathBuf::from);
        activity.note(now, &EventKind::Modify(ModifyKind::Name(RenameMode::Both)), &paths);
        assert!(activity.take_finished(&paths[1]) && !activity.take_finished(&paths[0]));
        assert!(!activity.note(now, &EventKind::Access(AccessKind::Open(AccessMode::Read)), &paths));
    }
}
