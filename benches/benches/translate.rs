//! A whole translation: routes over namespaces, two rules each, at several sizes.

use chancery_benches::shops;
use chancery_translator::{Options, translate};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("translate");
    group.sample_size(10);
    for routes in [500, 5_000, 50_000, 100_000] {
        let world = shops::world(routes, 100);
        group.throughput(Throughput::Elements(routes as u64));
        group.bench_function(BenchmarkId::from_parameter(routes), |bench| {
            bench.iter_with_large_drop(|| translate(&world, &Options::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, whole);
criterion_main!(benches);
