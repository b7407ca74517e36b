//! Kendall's τ_b: the short lists of a bootstrap, and long ones with and without ties.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use prefactor::stats::{Resampling, kendall_tau_b, normal, rng, spearman};
use std::hint::black_box;

/// Two correlated normal lists.
fn continuous(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = rng(1);
    (0..n)
        .map(|_| {
            let x = normal(&mut rng);
            (x, 0.5 * x + normal(&mut rng))
        })
        .unzip()
}

/// The same in eleven levels.
fn ordinal(n: usize) -> (Vec<f64>, Vec<f64>) {
    let level = |v: f64| (v * 2.0).round().clamp(-5.0, 5.0);
    let (x, y) = continuous(n);
    (x.into_iter().map(level).collect(), y.into_iter().map(level).collect())
}

fn kendall(c: &mut Criterion) {
    let mut group = c.benchmark_group("kendall_tau_b");
    for n in [14, 10_000, 1_000_000] {
        if n > 100_000 {
            group.sample_size(10);
        }
        for (name, (x, y)) in [("continuous", continuous(n)), ("ordinal", ordinal(n))] {
            group.bench_function(format!("{name}/{n}"), |b| b.iter(|| kendall_tau_b(black_box(&x), black_box(&y))));
        }
    }
    group.finish();
    let (x, y) = continuous(14);
    c.bench_function("spearman/14", |b| b.iter(|| spearman(black_box(&x), black_box(&y))));
}

/// 2000 replicates of a ratio of cluster sums.
fn bootstrap(c: &mut Criterion) {
    for clusters in [60, 1000] {
        let (sums, counts) = ordinal(clusters);
        let statistic = |weights: &[f64], out: &mut [f64]| {
            let (mut sum, mut count) = (0.0, 0.0);
            for ((weight, s), n) in weights.iter().zip(&sums).zip(&counts) {
                sum += weight * s;
                count += weight * (n + 6.0);
            }
            out[0] = sum / count;
        };
        c.bench_function(&format!("bootstrap/{clusters}"), |b| {
            b.iter_batched(
                Resampling::default,
                |r| r.clusters(clusters, 1, statistic).interval(0),
                BatchSize::SmallInput,
            )
        });
    }
}

criterion_group!(benches, kendall, bootstrap);
criterion_main!(benches);
