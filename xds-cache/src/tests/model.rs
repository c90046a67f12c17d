//! The incremental state against a model that keeps plain maps and computes everything from scratch.

use std::collections::{BTreeMap, BTreeSet};

use chancery_protocol::{Change, Digest, Epoch, Resource, ResourceName, TypeUrl, View};
use proptest::prelude::*;

use crate::fixtures::*;
use crate::*;

const TYPES: [TypeUrl; 5] =
    [TypeUrl::SECRET, TypeUrl::CLUSTER, TypeUrl::ENDPOINTS, TypeUrl::LISTENER, TypeUrl::VIRTUAL_HOST];
const NAMES: [&str; 6] = ["a", "ab", "b", "ba", "c", "d"];
const GROUPS: [&str; 2] = ["one", "two"];
const EXTERNAL: &str = "d";

type Types = BTreeMap<(TypeUrl, ResourceName), Resource>;

#[derive(Debug, Clone)]
enum Op {
    /// Touches some names of one layer (a group's, or the base).
    Apply(usize, Vec<(Resource, bool)>),
    /// Replaces one layer.
    Publish(usize, Vec<Resource>),
}

fn a_resource() -> impl Strategy<Value = Resource> {
    let reference = (0..TYPES.len(), 0..NAMES.len(), any::<bool>());
    let references = prop::collection::vec(reference, 0..3);
    let traits = (prop::option::of(1..3u64), prop::bool::weighted(0.2), prop::option::of(0..2usize));
    (0..TYPES.len(), 0..NAMES.len(), 0..3u8, traits, references).prop_map(|(kind, name, body, traits, references)| {
        let (ttl, on_demand, alias) = traits;
        let mut made = make(TYPES[kind].clone(), NAMES[name], &body.to_string());
        if let Some(seconds) = ttl {
            made = made.ttl(seconds);
        }
        if on_demand {
            made = made.on_demand();
        }
        if let Some(alias) = alias {
            made = made.alias(["x", "y"][alias]);
        }
        for (kind, name, by_alias) in references {
            made = made.names(TYPES[kind].clone(), if by_alias { ["x", "y"][name % 2] } else { NAMES[name] });
        }
        made.done()
    })
}

fn an_op() -> impl Strategy<Value = Op> {
    let touches = prop::collection::vec((a_resource(), prop::bool::weighted(0.7)), 0..4);
    prop_oneof![
        6 => (0..3usize, touches).prop_map(|(layer, touches)| Op::Apply(layer, touches)),
        1 => (0..3usize, prop::collection::vec(a_resource(), 0..12)).prop_map(|(layer, set)| Op::Publish(layer, set)),
    ]
}

/// What a group holds, by the plain definition.
fn composed(base: &Types, own: &Types) -> Types {
    base.clone().into_iter().chain(own.clone()).collect()
}

fn by_alias<'a>(all: &'a Types, type_url: &TypeUrl, alias: &ResourceName) -> Option<&'a Resource> {
    let mut of_type = all.values().filter(|resource| resource.type_url() == type_url);
    of_type.find(|resource| resource.aliases().contains(alias))
}

/// What its peers see.
fn visible(all: &Types) -> Types {
    let named: BTreeSet<_> = all.values().flat_map(|resource| resource.references().iter().cloned()).collect();
    let is_named = |resource: &Resource| {
        named.iter().any(|reference| {
            reference.type_url == TypeUrl::SECRET
                && (reference.name == *resource.name() || resource.aliases().contains(&reference.name))
        })
    };
    let seen = |resource: &Resource| *resource.type_url() != TypeUrl::SECRET || is_named(resource);
    all.iter().filter(|(_, resource)| seen(resource)).map(|(key, resource)| (key.clone(), resource.clone())).collect()
}

fn dangling(all: &Types) -> BTreeSet<(TypeUrl, ResourceName, TypeUrl, ResourceName, Fault)> {
    let mut dangling = BTreeSet::new();
    for ((type_url, name), resource) in all {
        for target in resource.references() {
            let external = target.type_url == TypeUrl::CLUSTER && target.name.as_str() == EXTERNAL;
            if external || target.type_url.traits().collected {
                continue;
            }
            let found = all
                .get(&(target.type_url.clone(), target.name.clone()))
                .or_else(|| by_alias(all, &target.type_url, &target.name));
            let fault = match found {
                None => Fault::Absent,
                Some(found) if found.on_demand() && target.type_url.traits().pushed => Fault::OnDemandOnly,
                Some(_) => continue,
            };
            dangling.insert((type_url.clone(), name.clone(), target.type_url.clone(), target.name.clone(), fault));
        }
    }
    dangling
}

fn of_type<'a>(all: &'a Types, type_url: &TypeUrl) -> BTreeMap<&'a ResourceName, &'a Resource> {
    let of_type = all.iter().filter(|((of, _), _)| of == type_url);
    of_type.map(|((_, name), resource)| (name, resource)).collect()
}

fn digest(resources: &BTreeMap<&ResourceName, &Resource>) -> Digest {
    let mut sum = Digest::EMPTY;
    resources.values().filter(|resource| !resource.on_demand()).for_each(|resource| sum.add(resource.digest()));
    sum
}

/// Everything a group's view ever was, by epoch.
type Past = Vec<(Epoch, TypeUrl, Types)>;

fn check(view: &GroupView, all: &Types, past: &mut Past, remembers_all: bool) -> Result<(), TestCaseError> {
    let seen = visible(all);
    for type_url in &TYPES {
        let expected = of_type(&seen, type_url);
        let (names, resources): (Vec<_>, Vec<_>) = expected.iter().map(|(name, resource)| (*name, *resource)).unzip();
        prop_assert_eq!(view.iter(type_url).collect::<Vec<_>>(), resources.clone());
        prop_assert_eq!(view.iter(type_url).map(Resource::name).collect::<Vec<_>>(), names);
        for name in NAMES {
            prop_assert_eq!(view.get(type_url, &name.into()), expected.get(&ResourceName::new(name)).copied());
            let starting = resources.iter().copied().filter(|resource| resource.name().as_str().starts_with(name));
            prop_assert_eq!(view.iter_prefix(type_url, name).collect::<Vec<_>>(), starting.collect::<Vec<_>>());
        }
        let mut sorted: Vec<ResourceName> = NAMES.into_iter().map(ResourceName::new).collect();
        sorted.sort();
        let each: Vec<_> = sorted.iter().map(|name| view.get(type_url, name)).collect();
        prop_assert_eq!(view.get_all(type_url, &sorted), each);
        let timed = resources.iter().copied().filter(|resource| resource.ttl().is_some());
        prop_assert_eq!(view.iter_with_ttl(type_url).collect::<Vec<_>>(), timed.collect::<Vec<_>>());
        for alias in ["x", "y"].map(ResourceName::new) {
            prop_assert_eq!(view.by_alias(type_url, &alias), by_alias(&seen, type_url, &alias));
        }
        prop_assert_eq!(view.digest(type_url), digest(&expected));
        let wildcard = resources.iter().filter(|resource| !resource.on_demand()).count();
        prop_assert_eq!(view.wildcard_count(type_url), wildcard);

        let epoch = view.epoch(type_url).expect("published as a whole");
        prop_assert!(view.changed_since(type_url, epoch).is_some_and(|changes| changes.is_empty()));
        for (then, _, held) in past.iter().filter(|(_, of, _)| of == type_url) {
            let held = of_type(held, type_url);
            if *then == epoch {
                prop_assert_eq!(&held, &expected, "equal epochs, unequal content");
            }
            let changes = view.changed_since(type_url, *then);
            prop_assert!(changes.is_some() || !remembers_all, "nothing was trimmed, and yet nobody can tell");
            let Some(changes) = changes else { continue };
            let names: BTreeSet<_> = held.keys().chain(expected.keys()).copied().collect();
            let differing = names.into_iter().filter(|name| held.get(name) != expected.get(name));
            let plain: Vec<_> =
                differing.map(|name| (name.clone(), held.get(name).copied(), expected.get(name).copied())).collect();
            let told = |change: &Change| (change.name.clone(), change.before.clone(), change.after.clone());
            let plain: Vec<_> = plain.into_iter().map(|(n, b, a)| (n, b.cloned(), a.cloned())).collect();
            prop_assert_eq!(changes.iter().map(told).collect::<Vec<_>>(), plain);
        }
        for (_, _, held) in past.iter().filter(|(_, of, _)| of == type_url) {
            let version = digest(&of_type(held, type_url)).version();
            if let Some(found) = view.epoch_of_version(type_url, version) {
                let mut at = past.iter().filter(|(then, of, _)| *then == found && of == type_url);
                prop_assert!(at.all(|(_, _, held)| digest(&of_type(held, type_url)).version() == version));
                prop_assert!(view.changed_since(type_url, found).is_some());
            }
        }
        prop_assert_eq!(
            view.epoch_of_version(type_url, view.digest(type_url).version()).is_some(),
            true,
            "the present version is always known"
        );
        past.push((epoch, type_url.clone(), seen.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]
    #[test]
    fn the_incremental_state_is_what_a_computation_from_scratch_gives(
        ops in prop::collection::vec(an_op(), 1..40),
        changes in prop_oneof![0..12usize, Just(4096)],
        versions in 1..6usize,
    ) {
        let options = Options {
            history: HistoryLimits { changes, versions, ..HistoryLimits::default() },
            externals: Declared::none().name(TypeUrl::CLUSTER, EXTERNAL),
            ..Options::default()
        };
        let (cache, publisher) = SnapshotCache::with_options(ByNodeId, options);
        // The layers: two groups' own, then the base. The second group appears when it is first published.
        let mut layers = [Types::new(), Types::new(), Types::new()];
        let mut ready = [true, false];
        publisher.publish(&GROUPS[0].into(), set([])).unwrap();
        let mut pasts: [Past; 2] = Default::default();
        for op in ops {
            let layer = match op {
                Op::Apply(layer, touches) => {
                    let mut patch = Patch::new();
                    for (resource, put) in touches {
                        let key = (resource.type_url().clone(), resource.name().clone());
                        if put {
                            layers[layer].insert(key, resource.clone());
                            patch.upsert(resource);
                        } else {
                            layers[layer].remove(&key);
                            patch.remove(key.0, key.1);
                        }
                    }
                    match GROUPS.get(layer) {
                        Some(group) => publisher.apply(&(*group).into(), patch).unwrap(),
                        None => publisher.apply_base(patch).unwrap(),
                    };
                    layer
                }
                Op::Publish(layer, resources) => {
                    let keyed = |resource: Resource| ((resource.type_url().clone(), resource.name().clone()), resource);
                    layers[layer] = resources.into_iter().map(keyed).collect();
                    let whole = set(layers[layer].values().cloned());
                    match GROUPS.get(layer) {
                        Some(group) => publisher.publish(&(*group).into(), whole).unwrap(),
                        None => publisher.publish_base(whole).unwrap(),
                    };
                    layer
                }
            };
            if let Some(ready) = ready.get_mut(layer) {
                *ready = true;
            }
            for (at, group) in GROUPS.iter().enumerate().filter(|(at, _)| ready[*at]) {
                let key = GroupKey::new(group);
                let all = composed(&layers[2], &layers[at]);
                check(&cache.view(&key).unwrap(), &all, &mut pasts[at], changes == 4096)?;
                let reported = cache.dangling(&key).unwrap();
                let reported: BTreeSet<_> = reported
                    .iter()
                    .map(|one| (one.referrer.type_url, one.referrer.name, one.target.type_url, one.target.name, one.fault))
                    .collect();
                prop_assert_eq!(reported, dangling(&all));
            }
        }
    }
}
