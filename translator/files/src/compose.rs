//! What all files say together: each object once, and its last good version where the newest is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chancery_resource::located::SyntaxError;
use chancery_translator::api::{Object, ObjectId};

use crate::candidate::{Candidacy, Candidate};
use crate::file::FileContent;
use crate::findings::Finding;
use crate::generations::Generations;
use crate::problem::{Consequence, Problem};
use crate::tree::Tree;

/// An object, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) object: Object,
    pub(crate) generation: i64,
    pub(crate) candidacy: Arc<Candidacy>,
    pub(crate) file: Arc<str>,
}

impl Entry {
    pub(crate) fn line(&self) -> u32 {
        self.candidacy.node.at.line
    }
}

pub(crate) type Entries = BTreeMap<ObjectId, Entry>;

/// All that the files say at one time.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    pub(crate) entries: Entries,
    pub(crate) problems: Vec<Problem>,
}

/// Puts the files together, in the order of their paths; `last` is what was delivered before.
pub(crate) fn compose(tree: &Tree, last: &Entries, generations: &Generations) -> Composition {
    let mut composer = Composer {
        last,
        generations,
        entries: Entries::new(),
        kept: BTreeSet::new(),
        problems: tree.unreadable.clone(),
    };
    let mut rest = Vec::new();
    for (path, file) in &tree.files {
        let name: Arc<str> = path.display().to_string().into();
        composer.file(&name, &file.content, &mut rest);
        if tree.unsettled.contains(path) {
            rest.push(Rest::Unsettled(name));
        }
    }
    rest.iter().for_each(|rest| composer.fall_back(rest));
    let Composer { entries, mut problems, .. } = composer;
    problems.sort_by(|a, b| (&a.file, a.line, a.column, &a.field).cmp(&(&b.file, b.line, b.column, &b.field)));
    Composition { entries, problems }
}

struct Composer<'a> {
    last: &'a Entries,
    generations: &'a Generations,
    entries: Entries,
    /// Those of the entries that are last good versions.
    kept: BTreeSet<ObjectId>,
    problems: Vec<Problem>,
}

/// What is looked at when all good objects are in place.
enum Rest<'a> {
    /// An object that breaks rules.
    Bad(Arc<str>, &'a ObjectId, &'a [Finding]),
    /// A file with a document that cannot be read: it may have held any of the file's objects.
    Broken(Arc<str>, &'a [SyntaxError]),
    Unreadable(Arc<str>, &'a SyntaxError, &'static str),
    /// A file that is being written: what it says now may be half of it.
    Unsettled(Arc<str>),
}

impl<'a> Composer<'a> {
    fn file(&mut self, name: &Arc<str>, content: &'a FileContent, rest: &mut Vec<Rest<'a>>) {
        let (candidates, broken) = match content {
            FileContent::Unknown => return,
            FileContent::Empty => return self.note(name, "the file is empty"),
            FileContent::Unreadable { error, rule } => return rest.push(Rest::Unreadable(name.clone(), error, rule)),
            FileContent::Documents { candidates, broken } => (candidates, broken),
        };
        for candidate in candidates {
            match candidate {
                Candidate::Good(candidacy) => self.claim(name, candidacy),
                Candidate::Ignored(finding) => {
                    self.problems.push(Problem::found(name, None, finding, Consequence::Nothing));
                }
                Candidate::Bad { id: None, findings } => self.problems.extend(
                    findings.iter().map(|finding| Problem::found(name, None, finding, Consequence::DocumentLeftOut)),
                ),
                Candidate::Bad { id: Some(id), findings } => {
                    // The file of the object is this one, as long as it was here.
                    if self.last.get(id).is_some_and(|last| last.file == *name) {
                        self.keep(id);
                    }
                    rest.push(Rest::Bad(name.clone(), id, findings));
                }
            }
        }
        let unnamed = candidates.iter().any(|candidate| matches!(candidate, Candidate::Bad { id: None, .. }));
        if !broken.is_empty() || unnamed {
            rest.push(Rest::Broken(name.clone(), broken));
        }
        if candidates.is_empty() && broken.is_empty() {
            self.note(name, "the file holds no objects");
        }
    }

    fn note(&mut self, name: &str, what: &str) {
        self.problems.push(Problem::of_file(name, "empty-file", what.to_owned(), Consequence::Nothing));
    }

    /// The first definition of an object is used.
    fn claim(&mut self, name: &Arc<str>, candidacy: &'a Arc<Candidacy>) {
        let notes = candidacy.notes.iter();
        let id = &candidacy.id;
        self.problems.extend(notes.map(|note| Problem::found(name, Some(id.clone()), note, Consequence::Nothing)));
        if let Some(first) = self.entries.get(id) {
            let (used, line) = (format!("{}:{}", first.file, first.line()), candidacy.node.at.line);
            let here = format!("{name}:{line}");
            let lost = format!("{id} is already defined in {used}, which is used; rename or remove one of them");
            let won = format!("{id} is defined again in {here}; this definition is used, the other is not");
            let finding = |line, column, message| Finding {
                at: chancery_resource::located::Position { line, column },
                field: String::new(),
                rule: "defined-twice",
                message,
            };
            let (loser, winner) = (finding(line, candidacy.node.at.column, lost), finding(first.line(), 1, won));
            let winner = Problem::found(&first.file, Some(id.clone()), &winner, Consequence::Nothing);
            self.problems.push(winner);
            self.problems.push(Problem::found(name, Some(id.clone()), &loser, Consequence::ObjectLeftOut));
            return;
        }
        let generation = self.generations.of(candidacy);
        let same =
            self.last.get(id).filter(|last| last.generation == generation && Arc::ptr_eq(&last.candidacy, candidacy));
        let object = match same {
            Some(last) => last.object.clone(),
            None => {
                let object = match candidacy.generation.unwrap_or(1) == generation {
                    true => candidacy.object.clone(),
                    false => candidacy.in_generation(generation),
                };
                // What is equal stays the same in memory, so that it is cheap to see that nothing changed.
                let last = self.last.get(id).map(|last| &last.object).filter(|last| **last == object);
                last.cloned().unwrap_or(object)
            }
        };
        let entry = Entry { object, generation, candidacy: candidacy.clone(), file: name.clone() };
        self.entries.insert(id.clone(), entry);
    }

    /// Puts last good versions in place where no file has a good one.
    fn fall_back(&mut self, rest: &Rest<'_>) {
        match rest {
            Rest::Bad(name, id, findings) => {
                self.keep(id);
                let consequence = match self.kept.contains(*id) {
                    true => Consequence::ObjectKept,
                    false => Consequence::ObjectLeftOut,
                };
                let problems = findings.iter();
                let problems = problems.map(|found| Problem::found(name, Some((*id).clone()), found, consequence));
                self.problems.extend(problems);
            }
            Rest::Unsettled(name) => {
                self.keep_file(name);
            }
            Rest::Broken(name, errors) => {
                self.keep_file(name);
                let problems = errors.iter().map(|error| syntax(name, error, "syntax", Consequence::DocumentLeftOut));
                self.problems.extend(problems);
            }
            Rest::Unreadable(name, error, rule) => {
                let consequence = match self.keep_file(name) {
                    0 => Consequence::FileLeftOut,
                    _ => Consequence::FileKept,
                };
                self.problems.push(syntax(name, error, rule, consequence));
            }
        }
    }

    /// Puts the last good version of an object in place, unless there is a better one.
    fn keep(&mut self, id: &ObjectId) {
        if let (false, Some(last)) = (self.entries.contains_key(id), self.last.get(id)) {
            self.entries.insert(id.clone(), last.clone());
            self.kept.insert(id.clone());
        }
    }

    /// Keeps what the file had last and nobody has now; how much it had.
    fn keep_file(&mut self, name: &str) -> usize {
        let last: Vec<_> = self.last.iter().filter(|(_, last)| &*last.file == name).collect();
        for (id, last) in &last {
            self.entries.entry((*id).clone()).or_insert_with(|| (*last).clone());
        }
        last.len()
    }
}

fn syntax(name: &str, error: &SyntaxError, rule: &'static str, consequence: Consequence) -> Problem {
    let message = match &error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message.clone(),
    };
    let finding = Finding { at: error.at, field: String::new(), rule, message };
    Problem::found(name, None, &finding, consequence)
}

/// The objects that are not what they were: new, changed or gone.
pub(crate) fn changed(last: &Entries, now: &Entries) -> BTreeSet<ObjectId> {
    let gone = last.keys().filter(|id| !now.contains_key(*id));
    let other = now.iter().filter(|(id, entry)| last.get(*id).is_none_or(|last| last.object != entry.object));
    gone.chain(other.map(|(id, _)| id)).cloned().collect()
}
