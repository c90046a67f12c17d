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
    mark: Mark,
    finished: u64,
}

/// A file that is opened to see how far notifications have come.
#[derive(Debug, Default)]
enum Mark {
    #[default]
    None,
    /// Its opening has not been heard of.
    Awaited(PathBuf),
    Heard,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Something was written; whoever writes has not closed it.
    Written(Instant),
    /// It was closed, or put in place by a rename: counted over all files, so that two times differ.
    Finished(u64),
}

impl Activity {
    /// Takes note of an event; whether it can mean a change at all.
    pub(crate) fn note(&mut self, now: Instant, kind: &EventKind, paths: &[PathBuf]) -> bool {
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => self.finish(paths),
            // Our own reading is notified too. It changes nothing; it tells how far the notifications have come.
            EventKind::Access(_) => {
                self.hear(paths);
                return false;
            }
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => self.set(paths, Step::Written(now)),
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
                self.forget(paths.first());
                self.finish(paths.get(1..).unwrap_or_default());
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => self.finish(paths),
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => {
                paths.iter().for_each(|path| self.forget(Some(path)));
            }
            _ => {}
        }
        true
    }

    fn finish(&mut self, paths: &[PathBuf]) {
        self.finished += 1;
        self.set(paths, Step::Finished(self.finished));
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

    fn hear(&mut self, paths: &[PathBuf]) {
        if matches!(&self.mark, Mark::Awaited(mark) if paths.contains(mark)) {
            self.mark = Mark::Heard;
        }
    }

    /// Waits for the opening of this file.
    pub(crate) fn await_mark(&mut self, mark: &Path) {
        self.mark = Mark::Awaited(mark.to_owned());
    }

    /// Whether the opening has not been heard of.
    pub(crate) fn is_awaiting(&self) -> bool {
        matches!(self.mark, Mark::Awaited(_))
    }

    /// Nothing that was heard counts any more.
    pub(crate) fn forget_all(&mut self) {
        self.files.clear();
    }

    /// Which time it was that the file was finished, if that is the last that was heard of it.
    pub(crate) fn finished(&self, path: &Path) -> Option<u64> {
        match self.files.get(path) {
            Some(Step::Finished(time)) => Some(*time),
            _ => None,
        }
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
        assert_eq!(activity.finished(&path), None);
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(activity.note(now, &closed, std::slice::from_ref(&path)));
        assert!(!activity.is_being_written(&path, now, PATIENCE));
        assert_eq!(activity.finished(&path), Some(1));
        activity.note(now, &closed, std::slice::from_ref(&path));
        assert_eq!(activity.finished(&path), Some(2), "it was written in between");
    }

    #[test]
    fn a_rename_finishes_the_new_name_and_reading_means_nothing() {
        let (mut activity, now) = (Activity::default(), Instant::now());
        let paths = ["/a", "/b"].map(PathBuf::from);
        activity.note(now, &EventKind::Modify(ModifyKind::Name(RenameMode::Both)), &paths);
        assert!(activity.finished(&paths[1]).is_some() && activity.finished(&paths[0]).is_none());
        assert!(!activity.note(now, &EventKind::Access(AccessKind::Open(AccessMode::Read)), &paths));
    }
}
