//! What is wrong with files and objects, each thing said once.

use std::collections::{BTreeMap, BTreeSet};

use chancery_files::Reading;
use chancery_translator::Problem;
use chancery_translator::api::ObjectId;

use super::source::Seen;

/// What is wrong, and was said.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    of_files: BTreeSet<String>,
    of_objects: BTreeMap<ObjectId, Vec<Problem>>,
    /// How many objects have each of the problems: several may have one.
    counts: BTreeMap<Problem, usize>,
}

impl Complaints {
    fn is_empty(&self) -> bool {
        self.of_files.is_empty() && self.counts.is_empty()
    }

    /// Takes note of what is other than it was; the words for what is new of it. Costs as much as that.
    pub(super) fn note(
        &mut self,
        seen: &Seen,
        reading: Option<&Reading>,
        of_objects: &BTreeMap<ObjectId, Vec<Problem>>,
    ) -> Vec<String> {
        let was_empty = self.is_empty();
        let mut words = Vec::new();
        if reading.is_some_and(|reading| reading.has_other_problems) {
            let now: BTreeSet<String> = seen.problems.iter().cloned().collect();
            words.extend(now.difference(&self.of_files).cloned());
            self.of_files = now;
        }
        let mut fresh = BTreeSet::new();
        for (id, problems) in of_objects {
            fresh.extend(self.replace(id, problems));
        }
        words.extend(fresh.iter().map(|problem| seen.told(problem)));
        if !was_empty && self.is_empty() {
            words.push("all objects are good again".to_owned());
        }
        words
    }

    /// Replaces the problems of an object; those nobody had before.
    fn replace(&mut self, id: &ObjectId, problems: &[Problem]) -> Vec<Problem> {
        let mut fresh = Vec::new();
        for problem in problems {
            let count = self.counts.entry(problem.clone()).or_default();
            if *count == 0 {
                fresh.push(problem.clone());
            }
            *count += 1;
        }
        let before = match problems.is_empty() {
            true => self.of_objects.remove(id),
            false => self.of_objects.insert(id.clone(), problems.to_vec()),
        };
        for problem in before.iter().flatten() {
            if let Some(count) = self.counts.get_mut(problem) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(problem);
                }
            }
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use chancery_translator::Origin;
    use chancery_translator::api::Kind;

    use super::*;

    fn route(name: &str) -> ObjectId {
        ObjectId::new(Kind::HTTPRoute, "shop", name)
    }

    fn problem(message: &str) -> Problem {
        let origin = Origin { object: route("cart"), field: "spec".to_owned() };
        Problem { origin, reason: "BackendNotFound".to_owned(), message: message.to_owned() }
    }

    fn wrong(problems: &[(&str, &[&str])]) -> BTreeMap<ObjectId, Vec<Problem>> {
        let problems = problems
            .iter()
            .map(|(name, messages)| (route(name), messages.iter().map(|message| problem(message)).collect()));
        problems.collect()
    }

    #[test]
    fn each_problem_is_said_once_however_many_have_it_and_the_end_of_all_is_told() {
        let (mut complaints, seen) = (Complaints::default(), Seen::default());
        let mut say = |problems| complaints.note(&seen, None, &problems);
        assert_eq!(say(wrong(&[])), Vec::<String>::new());
        assert_eq!(say(wrong(&[("a", &["one", "two"]), ("b", &["one"])])).len(), 2);
        assert_eq!(say(wrong(&[("a", &["two", "three"])])), [seen.told(&problem("three"))]);
        assert_eq!(say(wrong(&[("a", &[])])), Vec::<String>::new(), "the other has one still");
        assert_eq!(say(wrong(&[("c", &["one"])])), Vec::<String>::new());
        assert_eq!(say(wrong(&[("b", &[]), ("c", &[])])), ["all objects are good again"]);
        assert_eq!(say(wrong(&[("b", &["one"])])).len(), 1, "it is back");
    }
}
