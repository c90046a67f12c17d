//! One file: what it says now, and what of it was published last.

use std::io;
use std::path::Path;

use chancery_protocol::Resource;
use chancery_resource::{Document, read_documents, validate};
use chancery_watch::{Fingerprint, read_bounded};

use crate::{Consequence, Problem};

/// Larger files are not read.
const MAX_BYTES: u64 = 256 << 20;

/// A file of the directory.
#[derive(Debug, Default)]
pub(crate) struct SourceFile {
    state: State,
    /// What it says, as far as it may be published.
    pub(crate) offered: Vec<Resource>,
    /// What of it was published last: what a bad edit falls back to.
    published: Published,
    pub(crate) problems: Vec<Problem>,
}

/// How much is known of the file itself.
#[derive(Debug, Default)]
enum State {
    /// It is not there.
    #[default]
    Gone,
    /// It is there, and has to be read again.
    Unread,
    /// It was read when it had this fingerprint.
    Read(Fingerprint),
}

#[derive(Debug, Default)]
enum Published {
    /// Nothing yet.
    #[default]
    Never,
    /// What could be read of a file that was never good.
    Part(Vec<Resource>),
    /// All of it.
    Whole(Vec<Resource>),
}

impl Published {
    fn resources(&self) -> &[Resource] {
        match self {
            Published::Never => &[],
            Published::Part(resources) | Published::Whole(resources) => resources,
        }
    }
}

impl SourceFile {
    /// Whether there is no need to read it again.
    pub(crate) fn is_unchanged(&self, now: &Fingerprint) -> bool {
        matches!(&self.state, State::Read(read) if read.proves_unchanged(now))
    }

    /// The file is not there any more.
    pub(crate) fn vanish(&mut self) {
        *self = SourceFile { published: std::mem::take(&mut self.published), ..SourceFile::default() };
    }

    /// Whether it is not there any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// Whether it is neither there nor published.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.is_gone() && self.offered.is_empty() && self.published.resources().is_empty()
    }

    /// Takes note that what it offers is published.
    pub(crate) fn settle(&mut self) {
        let now_good = !self.problems.iter().any(|problem| problem.consequence == Consequence::FileInPart);
        self.published = match now_good {
            true => Published::Whole(self.offered.clone()),
            false => Published::Part(self.offered.clone()),
        };
    }

    /// Reads it.
    pub(crate) fn read(&mut self, path: &Path, fingerprint: Fingerprint) {
        let name = path.display().to_string();
        self.state = State::Read(fingerprint);
        self.problems.clear();
        let bytes = match read_bounded(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.vanish(),
            Err(error) => {
                self.state = State::Unread;
                self.offered = self.published.resources().to_vec();
                self.problems.push(Problem::whole(&name, format!("cannot be read: {error}"), Consequence::FileKept));
                return;
            }
        };
        let (documents, errors) = read_documents(&name, &bytes);
        let consequence = match (&self.published, errors.is_empty()) {
            (_, true) => None,
            (Published::Whole(_), false) => Some(Consequence::FileKept),
            (Published::Part(_) | Published::Never, false) => Some(Consequence::FileInPart),
        };
        if let Some(consequence) = consequence {
            self.problems.extend(errors.into_iter().map(|error| Problem::unreadable(error, consequence)));
        }
        self.offered = match consequence {
            Some(Consequence::FileKept) => self.published.resources().to_vec(),
            _ => self.admit(&name, documents),
        };
    }

    /// The resources that meet the constraints of their protos, and the last good version of those that do not.
    fn admit(&mut self, name: &str, documents: Vec<Document>) -> Vec<Resource> {
        let mut admitted = Vec::with_capacity(documents.len());
        for Document { resource, line, path } in documents {
            let violations = validate(&resource);
            if violations.is_empty() {
                admitted.push(resource);
                continue;
            }
            let same = |last: &&Resource| last.type_url() == resource.type_url() && last.name() == resource.name();
            let last_good = self.published.resources().iter().find(same).cloned();
            let consequence = match last_good {
                Some(_) => Consequence::ResourceKept,
                None => Consequence::ResourceLeftOut,
            };
            for violation in violations {
                let field = match (path.as_str(), violation.path.as_str()) {
                    ("", field) => field.to_owned(),
                    (place, "") => place.to_owned(),
                    (place, field) => format!("{place}.{field}"),
                };
                let message = format!("{} ({:?})", violation.message, resource.name());
                let file = name.to_owned();
                self.problems.push(Problem { file, line, column: 0, field, message, consequence });
            }
            admitted.extend(last_good);
        }
        admitted
    }
}
