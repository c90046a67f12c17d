//! The translation that is kept comes to what a translation from nothing comes to, after every change.
//!
//! Random worlds of few names, so that objects meet: each seed is a world, options for it, and a sequence of changes. After
//! every step all that is kept is compared with [`translate`], and what the update said has changed with what has. A failure
//! names its seed; `CHANCERY_SEED=N cargo test -p chancery-translator --test incremental` runs that one alone, and
//! `CHANCERY_WORLDS=N` runs as many worlds.

mod shadow;
#[path = "../worlds/mod.rs"]
mod worlds;

use chancery_protocol::TypeUrl;
use chancery_testkit::Random;
use chancery_translator::{Change, Translator, translate};
use shadow::Shadow;
use worlds::objects::Objects;
use worlds::{from_environment, surroundings};

const WORLDS: u64 = 120;
const STEPS: usize = 60;

#[test]
fn after_every_change_everything_is_as_if_translated_anew() {
    let objects = Objects::new();
    let seeds = match from_environment("CHANCERY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("CHANCERY_WORLDS").unwrap_or(WORLDS),
    };
    let mut reached = Reached::default();
    for seed in seeds {
        one_world(seed, &objects, &mut reached);
    }
    if from_environment("CHANCERY_SEED").is_none() {
        reached.check();
    }
}

/// What the worlds came to: a property of nothing would hold as well.
#[derive(Debug, Default)]
struct Reached {
    resources: usize,
    routed: usize,
    /// Virtual hosts and scopes by themselves.
    hosts: [usize; 2],
    problems: usize,
    quiet_updates: usize,
}

impl Reached {
    fn check(&self) {
        assert!(self.resources > 10_000 && self.routed > 2_000, "the worlds serve too little: {self:?}");
        assert!(self.hosts.iter().all(|count| *count > 1_000), "too few hosts are sent by themselves: {self:?}");
        assert!(self.problems > 10_000 && self.quiet_updates > 100, "the worlds are too plain: {self:?}");
    }
}

fn one_world(seed: u64, objects: &Objects, reached: &mut Reached) {
    let mut random = Random::new(seed);
    let mut translator = Translator::new(surroundings::options(&mut random));
    let mut shadow = Shadow::default();
    let begin: Vec<Change> = objects.beginning(&mut random).into_iter().map(Change::Put).collect();
    let update = translator.update(begin);
    shadow.apply(update, seed, 0);
    for step in 1..=STEPS {
        let update = match random.below(12) {
            0 => translator.observe(surroundings::delivery(&mut random)),
            1 => translator.rebind(surroundings::bind(&mut random)),
            _ => {
                let changes = (0..=random.below(3)).map(|_| objects.change(&mut random, translator.world()));
                let changes: Vec<Change> = changes.collect();
                translator.update(changes)
            }
        };
        reached.quiet_updates += usize::from(update.is_empty());
        shadow.apply(update, seed, step);
        let (kept, anew) = (translator.translation(), translate(translator.world(), translator.options()));
        shadow::compare(&kept, &anew, seed, step);
        shadow.compare(&anew, seed, step);
        reached.resources += anew.proxies.values().map(|proxy| proxy.resources.len()).sum::<usize>();
        let count = |type_url: TypeUrl| {
            let all = anew.proxies.values().flat_map(|proxy| proxy.resources.iter());
            all.filter(|one| *one.type_url() == type_url).count()
        };
        reached.routed += count(TypeUrl::CLUSTER);
        reached.hosts[0] += count(TypeUrl::VIRTUAL_HOST);
        reached.hosts[1] += count(TypeUrl::SCOPED_ROUTE);
        reached.problems += anew.problems.len();
    }
}
