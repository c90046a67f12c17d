//! One poll with one change, over caches of a hundred to a hundred thousand resources: it must not depend on how many.

use std::time::Duration;

use chancery_benches::stand::{Case, Stand};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn poll(criterion: &mut Criterion) {
    for case in Case::ALL {
        let mut group = criterion.benchmark_group(format!("poll/{}", case.label()));
        // SotW requests repeat every name, so that making one takes longer than what is measured.
        group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        for resources in [100, 1_000, 10_000, 100_000] {
            let mut stand = Stand::new(case, resources).expect("a synced session");
            group.bench_function(BenchmarkId::from_parameter(resources), |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| stand.change_and_poll().expect("one response")).sum());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, poll);
criterion_main!(benches);
