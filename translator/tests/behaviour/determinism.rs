//! The same world gives the same bytes, whatever the order in which its objects came.

use chancery_translator::World;

use crate::shop;
use crate::world::{objects, resources, translated};

#[test]
fn the_order_of_objects_does_not_matter() {
    let mut all: Vec<_> = shop::whole().iter().flat_map(|text| objects(text)).collect();
    let first = translated(&all.iter().cloned().collect::<World>());
    let mut state = 42_usize;
    for _ in 0..20 {
        for at in (1..all.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all.swap(at, (state >> 33) % (at + 1));
        }
        let again = translated(&all.iter().cloned().collect::<World>());
        assert_eq!(again, first);
        for (key, resource) in resources(&again) {
            assert_eq!(resources(&first)[&key].body(), resource.body(), "{key:?}");
        }
    }
}

/// The bytes of a fixed world, so that another process, or another release, can be compared with.
#[test]
fn the_bytes_of_a_world_are_the_same_in_every_process() {
    let mut texts = shop::whole();
    texts.pop();
    let world: World = texts.iter().flat_map(|text| objects(text)).collect();
    let mut print = String::new();
    for ((proxy, _, name), resource) in resources(&translated(&world)) {
        let short = resource.type_url().short().unwrap_or("?");
        print.push_str(&format!("{proxy} {short} {name} {}\n", resource.version()));
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/behaviour/versions.txt");
    if std::env::var_os("CHANCERY_REFRESH").is_some() {
        std::fs::write(golden, &print).expect("the file can be written");
    }
    let known = std::fs::read_to_string(golden).unwrap_or_default();
    assert_eq!(print, known, "if the change is meant: CHANCERY_REFRESH=1, and say so in the commit");
}
