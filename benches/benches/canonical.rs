//! From a message to a resource: canonical bytes, digest, name and references.

use chancery_benches::made;
use chancery_resource::encode;
use criterion::{Criterion, criterion_group, criterion_main};

fn canonical(criterion: &mut Criterion) {
    let (cluster, listener, assignment) = (made::cluster(7, 1), made::listener(7, 10), made::endpoints(7, 1, 20));
    let mut group = criterion.benchmark_group("canonical");
    group.bench_function("cluster", |bencher| bencher.iter(|| encode(&cluster)));
    group.bench_function("listener, 10 routes inline", |bencher| bencher.iter(|| encode(&listener)));
    group.bench_function("20 endpoints", |bencher| bencher.iter(|| encode(&assignment)));
    group.finish();
}

criterion_group!(benches, canonical);
criterion_main!(benches);
