//! One change, published as a whole set and applied as a patch.

use std::time::{Duration, Instant};

use chancery_benches::made::Measured;
use chancery_benches::stand::{Store, whole};
use chancery_cache::GroupKey;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for resources in SIZES {
        let mut store = Store::new(Measured::Cluster, resources).expect("a store");
        group.bench_function(BenchmarkId::from_parameter(resources), |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let patch = store.next_patch().expect("a patch");
                    let begun = Instant::now();
                    store.publisher.apply(&GroupKey::everyone(), patch).expect("a commit");
                    took += begun.elapsed();
                }
                took
            });
        });
    }
    group.finish();
}

fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for resources in SIZES {
        let store = Store::new(Measured::Cluster, resources).expect("a store");
        let base = whole(Measured::Cluster, resources - 1).expect("a set");
        let mut revision = 0;
        group.bench_function(BenchmarkId::from_parameter(resources), |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    revision += 1;
                    let mut set = base.clone();
                    let last = Measured::Cluster.resource(resources - 1, revision).expect("a resource");
                    set.insert(last).expect("a new name");
                    let begun = Instant::now();
                    store.publisher.publish(&GroupKey::everyone(), set).expect("a commit");
                    took += begun.elapsed();
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, apply, publish);
criterion_main!(benches);
