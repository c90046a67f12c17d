//! Which of a few files there are: looked at by themselves, without walking the directory.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use crate::scan::{Fingerprint, MAX_DEPTH, hidden, is_linked, is_text_file};

/// The files looked at; none for one that is gone.
pub type Glimpse = BTreeMap<PathBuf, Option<Fingerprint>>;

/// Looks at these paths alone, of a directory that was walked before, had these files then, and neither links nor anything
/// unreadable. None when only a walk can tell: one of them is, or was, a directory or a link, or is in the way otherwise.
pub fn glance<'a, K: Borrow<Path> + Ord, V>(
    root: &Path,
    paths: impl IntoIterator<Item = &'a Path>,
    known: &BTreeMap<K, V>,
) -> Option<Glimpse> {
    let mut glimpse = Glimpse::new();
    for path in paths {
        match look(root, path, known)? {
            Sight::File(fingerprint) => drop(glimpse.insert(path.to_owned(), Some(fingerprint))),
            Sight::Gone => drop(glimpse.insert(path.to_owned(), None)),
            Sight::OfNoConcern => {}
        }
    }
    // With the directory itself, files do not vanish one by one.
    let vanished = glimpse.values().any(Option::is_none);
    (!vanished || fs::metadata(root).is_ok_and(|metadata| metadata.is_dir())).then_some(glimpse)
}

/// What was known at a path.
enum Known {
    File,
    /// A directory with files.
    Directory,
    Nothing,
}

enum Sight {
    File(Fingerprint),
    Gone,
    /// Nothing that is read.
    OfNoConcern,
}

fn look<K: Borrow<Path> + Ord, V>(root: &Path, path: &Path, known: &BTreeMap<K, V>) -> Option<Sight> {
    let below = path.strip_prefix(root).ok()?;
    let depth = below.components().count();
    if depth == 0 || depth > MAX_DEPTH {
        return None;
    }
    if below.iter().any(hidden) {
        return Some(Sight::OfNoConcern);
    }
    let now = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() || metadata.is_symlink() || is_linked(&metadata) => return None,
        Ok(metadata) if metadata.is_file() && is_text_file(path) => Some(Fingerprint::of(&metadata)),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => return None,
    };
    match (known_at(path, known), now) {
        (Known::Directory, _) => None,
        (_, Some(fingerprint)) => Some(Sight::File(fingerprint)),
        (Known::File, None) => Some(Sight::Gone),
        (Known::Nothing, None) => Some(Sight::OfNoConcern),
    }
}

fn known_at<K: Borrow<Path> + Ord, V>(path: &Path, known: &BTreeMap<K, V>) -> Known {
    let from = (Bound::Included(path), Bound::Unbounded);
    match known.range::<Path, _>(from).next().map(|(file, _)| file.borrow()) {
        Some(file) if file == path => Known::File,
        Some(file) if file.starts_with(path) => Known::Directory,
        _ => Known::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::scan;

    /// A directory with two files, as it was when it was walked.
    struct Walked {
        root: tempfile::TempDir,
        known: BTreeMap<PathBuf, Fingerprint>,
    }

    impl Walked {
        fn new() -> Walked {
            let root = tempfile::tempdir().expect("a directory");
            fs::create_dir(root.path().join("deep")).expect("to make it");
            for name in ["a.yaml", "deep/b.yaml"] {
                fs::write(root.path().join(name), name).expect("to write");
            }
            let known = scan(root.path()).files;
            assert_eq!(known.len(), 2);
            Walked { root, known }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn glance(&self, name: &str) -> Option<Glimpse> {
            glance(self.root.path(), [self.path(name).as_path()], &self.known)
        }
    }

    #[test]
    fn a_file_is_seen_and_so_is_one_that_is_new_or_gone() {
        let walked = Walked::new();
        let path = walked.path("a.yaml");
        fs::write(&path, "more than before").expect("to write");
        let seen = walked.glance("a.yaml").expect("no walk")[&path].expect("it is there");
        assert_eq!(seen.bytes(), 16);
        fs::write(walked.path("deep/new.yaml"), "").expect("to write");
        assert!(walked.glance("deep/new.yaml").expect("no walk")[&walked.path("deep/new.yaml")].is_some());
        fs::remove_file(&path).expect("to remove");
        assert_eq!(walked.glance("a.yaml").expect("no walk")[&path], None);
    }

    #[test]
    fn what_is_not_read_and_what_came_and_went_is_of_no_concern() {
        let walked = Walked::new();
        for name in [".draft.yaml", ".git/index.yaml", "notes.txt"] {
            fs::create_dir_all(walked.path(".git")).expect("to make it");
            fs::write(walked.path(name), "").expect("to write");
            assert_eq!(walked.glance(name), Some(Glimpse::new()), "{name}");
        }
        assert_eq!(walked.glance("draft.yaml"), Some(Glimpse::new()));
        assert_eq!(walked.glance("draft.yaml.tmp"), Some(Glimpse::new()));
    }

    #[test]
    fn directories_and_links_and_what_lies_elsewhere_need_a_walk() {
        let walked = Walked::new();
        symlink(walked.path("a.yaml"), walked.path("link.yaml")).expect("to link");
        fs::write(walked.path(".stored"), "").expect("to write");
        fs::hard_link(walked.path(".stored"), walked.path("linked.yaml")).expect("to link");
        for name in ["deep", "link.yaml", "linked.yaml", "", "/elsewhere.yaml"] {
            assert_eq!(walked.glance(name), None, "{name}");
        }
        assert!(scan(walked.root.path()).has_links);
        fs::rename(walked.path("deep"), walked.path(".deep")).expect("to rename");
        assert_eq!(walked.glance("deep"), None, "it had files");
        fs::write(walked.path("deep"), "").expect("to write");
        assert_eq!(walked.glance("deep"), None, "it had files, and is one");
    }

    #[test]
    fn a_file_that_became_something_else_is_gone() {
        let walked = Walked::new();
        fs::remove_file(walked.path("a.yaml")).expect("to remove");
        let _socket = std::os::unix::net::UnixListener::bind(walked.path("a.yaml")).expect("to make it");
        assert_eq!(walked.glance("a.yaml").expect("no walk")[&walked.path("a.yaml")], None);
    }

    #[test]
    fn a_directory_that_vanishes_loses_no_file() {
        let walked = Walked::new();
        fs::remove_dir_all(walked.root.path()).expect("to remove");
        assert_eq!(walked.glance("a.yaml"), None);
    }
}
