//! What all files say together: each object once, and its last good version where the newest is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chancery_resource::located::SyntaxError;
use chancery_translator::api::ObjectId;

use crate::candidate::{Candidacy, Candidate};
use crate::concern::Concern;
use crate::delivered::{Delivered, Entry};
use crate::file::FileContent;
use crate::findings::Finding;
use crate::generations::Generations;
use crate::problem::{Consequence, Problem};
use crate::source_name::SourceName;
use crate::tree::Tree;

/// All that files which hang together say at one time.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    pub(crate) entries: BTreeMap<ObjectId, Entry>,
    /// What is wrong with each of the files.
    pub(crate) problems: BTreeMap<SourceName, Vec<Problem>>,
}

/// Puts files that hang together into one, in the order of their paths; `last` is what was delivered before.
pub(crate) fn compose(tree: &Tree, concern: &Concern, last: &Delivered, generations: &Generations) -> Composition {
    let mut composer =
        Composer { last, generations, entries: BTreeMap::new(), kept: BTreeSet::new(), problems: BTreeMap::new() };
    let mut rest = Vec::new();
    for (name, file) in concern.files.iter().filter_map(|name| Some((name, tree.file(name)?))) {
        composer.file(name, &file.content, &mut rest);
        if tree.is_unsettled(name) {
            rest.push(Rest::Unsettled(name.clone()));
        }
    }
    rest.iter().for_each(|rest| composer.fall_back(rest));
    let Composer { entries, problems, .. } = composer;
    Composition { entries, problems }
}

struct Composer<'a> {
    last: &'a Delivered,
    generations: &'a Generations,
    entries: BTreeMap<ObjectId, Entry>,
    /// Those of the entries that are last good versions.
    kept: BTreeSet<ObjectId>,
    problems: BTreeMap<SourceName, Vec<Problem>>,
}

/// What is looked at when all good objects are in place.
enum Rest<'a> {
    /// An object that breaks rules.
    Bad(SourceName, &'a ObjectId, &'a [Finding]),
    /// A file with a document that cannot be read: it may have held any of the file's objects.
    Broken(SourceName, &'a [SyntaxError]),
    Unreadable(SourceName, &'a SyntaxError, &'static str),
    /// A file that is being written: what it says now may be half of it.
    Unsettled(SourceName),
}

impl<'a> Composer<'a> {
    fn file(&mut self, name: &SourceName, content: &'a FileContent, rest: &mut Vec<Rest<'a>>) {
        let (candidates, broken) = match content {
            FileContent::Unknown => return,
            FileContent::Empty => return self.note(name, "the file is empty"),
            FileContent::Unreadable { error, rule } => return rest.push(Rest::Unreadable(name.clone(), error, rule)),
            FileContent::Documents { candidates, broken } => (candidates, broken),
        };
        let good: BTreeSet<&ObjectId> = candidates.iter().filter_map(Candidate::good).collect();
        for candidate in candidates {
            match candidate {
                Candidate::Good(candidacy) => self.claim(name, candidacy),
                Candidate::Ignored(finding) => self.found(name, None, finding, Consequence::Nothing),
                Candidate::Bad { id: None, findings } => {
                    findings.iter().for_each(|finding| self.found(name, None, finding, Consequence::DocumentLeftOut));
                }
                Candidate::Bad { id: Some(id), findings } => {
                    // The file of the object is this one, as long as it was here.
                    let was_here = self.last.get(id).is_some_and(|last| last.file == *name);
                    if was_here && !good.contains(id) {
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

    fn note(&mut self, name: &SourceName, what: &str) {
        let note = Problem::of_file(name.shown(), "empty-file", what.to_owned(), Consequence::Nothing);
        self.problems.entry(name.clone()).or_default().push(note);
    }

    fn found(&mut self, name: &SourceName, id: Option<&ObjectId>, finding: &Finding, consequence: Consequence) {
        let problem = Problem::found(name.shown(), id.cloned(), finding, consequence);
        self.problems.entry(name.clone()).or_default().push(problem);
    }

    /// The first definition of an object is used.
    fn claim(&mut self, name: &SourceName, candidacy: &'a Arc<Candidacy>) {
        let id = &candidacy.id;
        candidacy.notes.iter().for_each(|note| self.found(name, Some(id), note, Consequence::Nothing));
        if let Some(first) = self.entries.get(id) {
            let (used, line) = (format!("{}:{}", first.file.shown(), first.line()), candidacy.node.at.line);
            let here = format!("{}:{line}", name.shown());
            let lost = format!("{id} is already defined in {used}, which is used; rename or remove one of them");
            let won = format!("{id} is defined again in {here}; this definition is used, the other is not");
            let finding = |line, column, message| Finding {
                at: chancery_resource::located::Position { line, column },
                field: String::new(),
                rule: "defined-twice",
                message,
            };
            let (loser, winner) = (finding(line, candidacy.node.at.column, lost), finding(first.line(), 1, won));
            let used = first.file.clone();
            self.found(&used, Some(id), &winner, Consequence::Nothing);
            self.found(name, Some(id), &loser, Consequence::ObjectLeftOut);
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
                findings.iter().for_each(|finding| self.found(name, Some(id), finding, consequence));
            }
            Rest::Unsettled(name) => {
                self.keep_file(name);
            }
            Rest::Broken(name, errors) => {
                self.keep_file(name);
                errors
                    .iter()
                    .for_each(|error| self.found(name, None, &syntax(error, "syntax"), Consequence::DocumentLeftOut));
            }
            Rest::Unreadable(name, error, rule) => {
                let consequence = match self.keep_file(name) {
                    0 => Consequence::FileLeftOut,
                    _ => Consequence::FileKept,
                };
                self.found(name, None, &syntax(error, rule), consequence);
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
    fn keep_file(&mut self, name: &SourceName) -> usize {
        let mut count = 0;
        for (id, last) in self.last.of_file(name) {
            self.entries.entry(id.clone()).or_insert_with(|| last.clone());
            count += 1;
        }
        count
    }
}

fn syntax(error: &SyntaxError, rule: &'static str) -> Finding {
    let message = match &error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message.clone(),
    };
    Finding { at: error.at, field: String::new(), rule, message }
}
