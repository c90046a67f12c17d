//! The translation that is kept comes to what a translation from nothing comes to, after every change.
//!
//! Random worlds of few names, so that objects meet: each seed is a world, options for it, and a sequence of changes. After
//! every step all that is kept is compared with [`translate`], and what the update said has changed with what has. A failure
//! names its seed; `CHANCERY_SEED=N cargo test -p chancery-translator --test incremental` runs that one alone, and
//! `CHANCERY_WORLDS=N` runs as many worlds.

mod edits;
mod objects;
mod shadow;

use chancery_translator::api::{Kind, ObjectId};
use chancery_translator::{
    Bind, Change, Delivery, EnvoyFloor, Facts, MixedKinds, Options, Proxies, ProxyFacts, ProxyId, RouteTables,
    TableForm, Translator, Usable, translate,
};

use chancery_protocol::TypeUrl;
use chancery_testkit::Random;
use objects::Objects;
use shadow::Shadow;

const WORLDS: u64 = 120;
const STEPS: usize = 60;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

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
    let mut translator = Translator::new(options(&mut random));
    let mut shadow = Shadow::default();
    let begin: Vec<Change> = objects.beginning(&mut random).into_iter().map(Change::Put).collect();
    let update = translator.update(begin);
    shadow.apply(update, seed, 0);
    for step in 1..=STEPS {
        let update = match random.below(12) {
            0 => translator.observe(delivery(&mut random)),
            1 => translator.rebind(bind(&mut random)),
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

fn options(random: &mut Random) -> Options {
    Options {
        assumed_classes: if random.one_in(4) { ["assumed".to_owned()].into() } else { Default::default() },
        proxies: if random.one_in(3) { Proxies::PerClass } else { Proxies::PerGateway },
        mixed_kinds: if random.one_in(3) { MixedKinds::Both } else { MixedKinds::OldestKind },
        bind: bind(random),
        route_tables: route_tables(random),
        envoy_floor: if random.one_in(2) { EnvoyFloor::V1_37 } else { EnvoyFloor::V1_36 },
        ..Options::default()
    }
}

fn route_tables(random: &mut Random) -> RouteTables {
    let former = random.one_in(3).then(|| random.one_of(&TableForm::ALL));
    let mut tables = RouteTables { otherwise: random.one_of(&TableForm::ALL), former, ..RouteTables::default() };
    for gateway in objects::GATEWAYS {
        if random.one_in(3) {
            let id = ObjectId::new(Kind::Gateway, random.one_of(&objects::NAMESPACES), gateway);
            tables.gateways.insert(id, random.one_of(&TableForm::ALL));
        }
    }
    tables
}

fn bind(random: &mut Random) -> Bind {
    let mut bind = Bind { privileged_port_offset: [0, 10_000][random.below(2)], ..Bind::default() };
    if random.one_in(2) {
        bind.usable = Usable::Loopback;
    }
    for gateway in objects::GATEWAYS {
        if random.one_in(3) {
            let id = ObjectId::new(Kind::Gateway, random.one_of(&objects::NAMESPACES), gateway);
            bind.addresses.insert(id, std::net::IpAddr::from([127, 0, 0, 1 + random.below(2) as u8]));
        }
    }
    bind
}

fn delivery(random: &mut Random) -> Delivery {
    if random.one_in(4) {
        return Delivery::Assumed;
    }
    let mut facts = Facts::default();
    for gateway in objects::GATEWAYS {
        let id = ObjectId::new(Kind::Gateway, random.one_of(&objects::NAMESPACES), gateway);
        let seen =
            ProxyFacts { connected: random.below(3) as u32, settled: random.below(2) as u32, ..Default::default() };
        facts.proxies.insert(ProxyId::Gateway(id), seen);
    }
    facts
        .proxies
        .insert(ProxyId::Class("chancery".into()), ProxyFacts { connected: 1, settled: 1, ..Default::default() });
    Delivery::Observed(facts)
}
