//! What is kept between two looks at the directory, and what a look comes to.

use std::collections::BTreeSet;
use std::path::Path;

use chancery_translator::api::ObjectId;
use chancery_watch::{Absences, Suspects, Verdict, Watcher};
use tokio::time::Instant;

use crate::compose::{Composition, compose};
use crate::concern::Concern;
use crate::delivered::{Delivered, Entry};
use crate::file::Trust;
use crate::generations::Generations;
use crate::reading::{News, Reading};
use crate::source::{Limits, Timing};
use crate::source_name::SourceName;
use crate::tree::{Touched, Tree};

/// A directory is walked for no better reason than that time has passed: about one part of so many of the time,
const WALKING_SHARE: u32 = 50;
/// but at least every so many times as rarely as a quick one.
const RAREST: u32 = 15;

/// The memory of a live source.
#[derive(Debug)]
pub(crate) struct Keeper {
    tree: Tree,
    timing: Timing,
    /// When the whole directory is looked through again.
    walk_at: Instant,
    pending: Pending,
    absent: Absences<ObjectId>,
    /// What is told still although it is missing: it was not away for long enough.
    kept: BTreeSet<ObjectId>,
    /// Since when some file has not been complete.
    unsettled_since: Option<Instant>,
    generations: Generations,
    delivered: Delivered,
    has_delivered: bool,
}

/// What was found new, and is not told yet.
#[derive(Debug, Default)]
struct Pending {
    files: BTreeSet<SourceName>,
    objects: BTreeSet<ObjectId>,
}

/// What a look comes to.
#[derive(Debug)]
pub(crate) struct Look {
    /// News, if there are any.
    pub(crate) news: Option<News>,
    /// When to look again although nothing happens.
    pub(crate) again_at: Instant,
}

impl Keeper {
    pub(crate) fn new(root: &Path, limits: Limits, timing: Timing) -> Keeper {
        Keeper {
            tree: Tree::new(root, limits),
            timing,
            walk_at: Instant::now(),
            pending: Pending::default(),
            absent: Absences::default(),
            kept: BTreeSet::new(),
            unsettled_since: None,
            generations: Generations::default(),
            delivered: Delivered::default(),
            has_delivered: false,
        }
    }

    /// Reads everything as it is, and tells it.
    pub(crate) fn read_once(mut self) -> Reading {
        self.refresh(Instant::now(), &Suspects::Everything, Trust::AtOnce);
        let mut reading = Reading::default();
        reading.apply(self.consider(Instant::now()).news.unwrap_or_default());
        reading
    }

    /// Looks at what may have changed, and tells what is new, once it is complete and sure.
    pub(crate) fn look(&mut self, watcher: &Watcher) -> Look {
        let suspects = watcher.take_suspects();
        self.refresh(Instant::now(), &suspects, Trust::Finished(watcher, self.timing.write_patience));
        self.consider(Instant::now())
    }

    /// A look was given up somewhere: everything is looked at, and put together, anew.
    pub(crate) fn doubt(&mut self) {
        self.walk_at = Instant::now();
        self.pending.files.extend(self.tree.names().chain(self.delivered.files()).cloned());
        self.pending.objects.extend(self.delivered.objects().cloned());
    }

    /// Reads what may have changed.
    fn refresh(&mut self, now: Instant, suspects: &Suspects, trust: Trust<'_>) {
        let touched = match now < self.walk_at {
            true => self.tree.refresh(suspects, trust),
            false => self.tree.refresh(&Suspects::Everything, trust),
        };
        let Touched { files, objects, walked } = touched;
        self.pending.files.extend(files);
        self.pending.objects.extend(objects);
        if let Some(walked) = walked {
            let rescan = self.timing.rescan;
            self.walk_at = now + rescan.max(walked * WALKING_SHARE).min(rescan * RAREST);
        }
    }

    /// Tells what was found new, if it is complete and sure.
    fn consider(&mut self, now: Instant) -> Look {
        let soon = self.tree.has_unsettled().then(|| now + self.timing.debounce);
        let walk_at = self.walk_at;
        let again_at = |sooner: Option<Instant>| soon.into_iter().chain(sooner).fold(walk_at, Instant::min);
        if self.waits_for_writers(now) {
            return Look { news: None, again_at: again_at(None) };
        }
        let concern = self.concern();
        let mut composition = compose(&self.tree, &concern, &self.delivered, &self.generations);
        let missing = self.missing(&concern, &composition);
        let kept = match self.absent.judge(now, self.timing.removal_patience, missing) {
            Verdict::Wait(until) => return Look { news: None, again_at: again_at(Some(until)) },
            Verdict::Settled(kept) => kept,
        };
        let again_at = again_at(self.absent.due(self.timing.removal_patience).filter(|due| *due > now));
        for id in &kept {
            if let Some(last) = self.delivered.get(id) {
                composition.entries.insert(id.clone(), last.clone());
            }
        }
        let news = self.deliver(concern, composition, kept.into_iter().collect());
        // Who lost an object to another file is told of in the light of that.
        let again_at = if self.pending.files.is_empty() { again_at } else { again_at.min(now + self.timing.debounce) };
        Look { news, again_at }
    }

    /// Whether a file that is not complete holds up the others: for so long only.
    fn waits_for_writers(&mut self, now: Instant) -> bool {
        if !self.tree.has_unsettled() {
            self.unsettled_since = None;
            return false;
        }
        now < *self.unsettled_since.get_or_insert(now) + self.timing.write_patience
    }

    /// All that what was found new has to do with.
    fn concern(&self) -> Concern {
        let Pending { files, objects } = &self.pending;
        let mut objects = objects.clone();
        objects.extend(self.kept.iter().cloned());
        Concern::of(files.clone(), objects, &self.tree, &self.delivered)
    }

    /// What was told, and no file has.
    fn missing(&self, concern: &Concern, composition: &Composition) -> Vec<ObjectId> {
        let is_missing = |id: &&ObjectId| self.delivered.get(id).is_some() && !composition.entries.contains_key(*id);
        concern.objects.iter().filter(is_missing).cloned().collect()
    }

    /// Takes note of what is told; what is new of it.
    fn deliver(&mut self, concern: Concern, composition: Composition, kept: BTreeSet<ObjectId>) -> Option<News> {
        let Composition { mut entries, mut problems } = composition;
        self.pending = Pending::default();
        self.kept = kept;
        let mut news = News { files: self.tree.count(), ..News::default() };
        for id in concern.objects {
            match entries.remove(&id) {
                Some(entry) => self.put(id, entry, &mut news),
                None => self.remove(id, &mut news),
            }
        }
        let mut has_other_problems = self.delivered.put_unreadable(self.tree.unreadable());
        for file in &concern.files {
            has_other_problems |= self.delivered.put_problems(file, problems.remove(file).unwrap_or_default());
        }
        news.problems = has_other_problems.then(|| self.delivered.problems());
        let is_first = !std::mem::replace(&mut self.has_delivered, true);
        (is_first || has_other_problems || !news.entries.is_empty()).then_some(news)
    }

    fn put(&mut self, id: ObjectId, entry: Entry, news: &mut News) {
        let before = self.delivered.get(&id);
        if before.is_some_and(|before| before.is_same_as(&entry)) {
            self.delivered.put(id, entry);
            return;
        }
        self.generations.settle(&entry.candidacy, entry.generation);
        let is_changed = before.is_none_or(|before| before.object != entry.object);
        let list = if is_changed { &mut news.changed } else { &mut news.moved };
        list.insert(id.clone());
        if let Some(before) = before.filter(|before| before.file != entry.file) {
            self.pending.files.insert(before.file.clone());
        }
        news.entries.insert(id.clone(), Some(entry.clone()));
        self.delivered.put(id, entry);
    }

    fn remove(&mut self, id: ObjectId, news: &mut News) {
        if self.delivered.remove(&id).is_some() {
            news.changed.insert(id.clone());
            news.entries.insert(id, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const REMOVAL_PATIENCE: Duration = Duration::from_millis(200);
    const FILES: [&str; 6] = ["a.yaml", "b.yaml", "c.yaml", "deep/a.yaml", "deep/b.yaml", "deep/er/c.yaml"];

    /// What somebody does to a file, and how long it takes them.
    #[derive(Debug, Clone)]
    struct Edit {
        file: usize,
        what: What,
        pause: Duration,
    }

    #[derive(Debug, Clone)]
    enum What {
        Write(Vec<Document>),
        Remove,
        RenameTo(usize),
        Unreadable,
        /// The directory of the file, with all in it.
        RemoveAll,
    }

    #[derive(Debug, Clone)]
    enum Document {
        Route { name: u8, host: u8 },
        Bad { name: u8 },
        Unnamed,
        Broken,
        Foreign,
    }

    impl Document {
        fn text(&self) -> String {
            let route = |name: &u8, spec: String| {
                format!(
                    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r{name}}}\n{spec}\n---\n"
                )
            };
            match self {
                Document::Route { name, host } => route(name, format!("spec: {{hostnames: [h{host}.test]}}")),
                Document::Bad { name } => route(name, "spec: {hostnmaes: [h.test]}".to_owned()),
                Document::Unnamed => "kind: HTTPRoute\n---\n".to_owned(),
                Document::Broken => "a: [\n---\n".to_owned(),
                Document::Foreign => "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\n".to_owned(),
            }
        }
    }

    fn documents() -> impl Strategy<Value = Vec<Document>> {
        let document = prop_oneof![
            5 => (0..5_u8, 0..3_u8).prop_map(|(name, host)| Document::Route { name, host }),
            2 => (0..5_u8).prop_map(|name| Document::Bad { name }),
            1 => Just(Document::Unnamed),
            1 => Just(Document::Broken),
            1 => Just(Document::Foreign),
        ];
        proptest::collection::vec(document, 0..4)
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let what = prop_oneof![
            6 => documents().prop_map(What::Write),
            3 => Just(What::Remove),
            2 => (0..FILES.len()).prop_map(What::RenameTo),
            1 => Just(What::Unreadable),
            1 => Just(What::RemoveAll),
        ];
        let pause = prop_oneof![Just(0), Just(150), Just(250)].prop_map(Duration::from_millis);
        (0..FILES.len(), what, pause).prop_map(|(file, what, pause)| Edit { file, what, pause })
    }

    impl Edit {
        /// Does it; the paths a notification names.
        fn perform(&self, root: &Path) -> Vec<PathBuf> {
            let path = root.join(FILES[self.file]);
            let parent = path.parent().expect("a parent");
            let had_parent = parent.is_dir();
            fs::create_dir_all(parent).expect("to make it");
            let mut named = vec![path.clone()];
            if !had_parent {
                named.push(root.join("deep"));
            }
            match &self.what {
                What::Write(documents) => {
                    fs::write(&path, documents.iter().map(Document::text).collect::<String>()).expect("to write");
                }
                What::Unreadable => fs::write(&path, b"\xff\xff").expect("to write"),
                What::Remove => drop(fs::remove_file(&path)),
                What::RenameTo(other) => {
                    let other = root.join(FILES[*other]);
                    fs::create_dir_all(other.parent().expect("a parent")).expect("to make it");
                    drop(fs::rename(&path, &other));
                    named.extend([other, root.join("deep")]);
                }
                What::RemoveAll if parent != root => {
                    fs::remove_dir_all(parent).expect("to remove");
                    named.push(parent.to_owned());
                }
                What::RemoveAll => {}
            }
            named
        }
    }

    /// One who looks, and what is told.
    struct Looker {
        keeper: Keeper,
        reading: Reading,
    }

    impl Looker {
        fn new(root: &Path) -> Looker {
            let timing = Timing {
                removal_patience: REMOVAL_PATIENCE,
                // Nothing is seen by walking that was not notified.
                rescan: Duration::from_secs(1 << 20),
                ..Timing::default()
            };
            Looker { keeper: Keeper::new(root, Limits::default(), timing), reading: Reading::default() }
        }

        fn look(&mut self, now: Instant, suspects: &Suspects) {
            self.keeper.refresh(now, suspects, Trust::AtOnce);
            if let Some(news) = self.keeper.consider(now).news {
                let before = self.reading.clone();
                self.reading.apply(news);
                for id in self.reading.places.keys().chain(before.places.keys()) {
                    let is_changed = self.reading.world.get(id) != before.world.get(id);
                    assert_eq!(self.reading.changed.contains(id), is_changed, "{id}");
                    let is_moved = !is_changed && self.reading.places[id] != before.places[id];
                    assert_eq!(self.reading.moved.contains(id), is_moved, "{id}");
                }
                assert_eq!(self.reading.has_other_problems, self.reading.problems != before.problems);
            }
        }

        fn told(&self) -> (&chancery_translator::World, Vec<String>, &[crate::problem::Problem]) {
            let places = self.reading.places.iter().map(|(id, place)| format!("{id} {}", place.location()));
            (&self.reading.world, places.collect(), &self.reading.problems)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_look_at_what_changed_tells_what_a_look_at_everything_does(edits in proptest::collection::vec(edit(), 1..30)) {
            let root = tempfile::tempdir().expect("a directory");
            let (mut some, mut all) = (Looker::new(root.path()), Looker::new(root.path()));
            let mut now = Instant::now();
            some.look(now, &Suspects::Everything);
            all.look(now, &Suspects::Everything);
            let mut heard = BTreeSet::new();
            for edit in &edits {
                heard.extend(edit.perform(root.path()));
                now += edit.pause;
                if !edit.pause.is_zero() {
                    some.look(now, &Suspects::Paths(std::mem::take(&mut heard)));
                    all.keeper.doubt();
                    all.look(now, &Suspects::Everything);
                    prop_assert_eq!(some.told(), all.told(), "after {:?}", edit);
                }
            }
            // What was kept for a while goes, and what follows from that is told.
            heard.extend(FILES.map(|file| root.path().join(file)));
            for _ in 0..3 {
                now += REMOVAL_PATIENCE * 2;
                some.look(now, &Suspects::Paths(std::mem::take(&mut heard)));
                all.keeper.doubt();
                all.look(now, &Suspects::Everything);
                prop_assert_eq!(some.told(), all.told());
            }
            let anew = Looker::new(root.path()).keeper.read_once();
            let errors = |reading: &Reading| reading.has_errors();
            if !errors(&anew) && !errors(&some.reading) {
                prop_assert_eq!(anew.world.len(), some.reading.world.len());
            }
        }
    }
}
