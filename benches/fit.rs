//! How long a fit takes: ours over rows × factors, and linfa-logistic's on the same data.
//!
//! `cargo bench --bench fit` prints the medians and, at the end, the ratios; with `--test` every
//! case runs once on small data. Names on the command line choose cases. For one thread set
//! `RAYON_NUM_THREADS=1`.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use prefactor::influence::logistic::{Covariance, Design, LogisticParams};

/// A design like those of the speed comparison: correlated normal factors, planted coefficients, logit of
/// standard deviation about 1.5, 200 clusters.
fn data(rows: usize, factors: usize) -> Design {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (rows as u64) << 8 ^ factors as u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut columns = vec![Vec::with_capacity(rows); factors];
    let mut outcome = Vec::with_capacity(rows);
    let scale = 1.5 / (factors as f64).sqrt();
    for _ in 0..rows {
        let mut eta = 0.0;
        let mut before = 0.0;
        for (j, column) in columns.iter_mut().enumerate() {
            let normal = (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            let value = if j == 0 { normal } else { 0.3 * before + (1.0_f64 - 0.09).sqrt() * normal };
            before = value;
            column.push(value);
            eta += scale * if j % 3 == 2 { -0.7 * value } else { value };
        }
        outcome.push(f64::from(u8::from(uniform() < 1.0 / (1.0 + (-eta).exp()))));
    }
    let clusters = (0..rows as u32).map(|row| row.wrapping_mul(2_654_435_761) % 200).collect();
    Design::builder((0..factors).map(|j| format!("f{j}")))
        .columns(columns)
        .outcome(outcome)
        .clusters(clusters)
        .build()
        .expect("a valid design")
}

/// The median wall time of a call in milliseconds, over calls that fill about a second.
fn median(test: bool, mut call: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    let start = Instant::now();
    call();
    while !test && (times.len() < 7 || start.elapsed().as_secs_f64() < 1.0) && times.len() < 2000 {
        let before = Instant::now();
        call();
        times.push(before.elapsed().as_secs_f64() * 1e3);
        if start.elapsed().as_secs_f64() > 8.0 && times.len() >= 3 {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|argument| argument == "--test");
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let sizes: &[usize] = if test { &[300] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    println!(
        "{:>9} {:>3}  {:>10} {:>10} {:>10} {:>8} {:>10} {:>7}",
        "rows", "p", "model ms", "CR1 ms", "HC1 ms", "CR1/mod", "linfa ms", "ratio"
    );
    for &rows in sizes {
        for factors in [6, 14, 29] {
            let name = format!("{rows}x{factors}");
            if !chosen.is_empty() && !chosen.iter().any(|chosen| name.contains(chosen.as_str())) {
                continue;
            }
            let design = data(rows, factors);
            let time = |covariance: Covariance| {
                let params = LogisticParams::new().covariance(covariance);
                median(test, || {
                    let fit = params.fit_design(black_box(&design)).expect("valid input");
                    assert!(fit.status.is_converged(), "{}", fit.status);
                    black_box(fit);
                })
            };
            let (model, cr1, hc1) = (time(Covariance::Model), time(Covariance::Cr1), time(Covariance::Hc1));
            let linfa = linfa(&design, rows, test);
            println!(
                "{rows:>9} {factors:>3}  {model:>10.3} {cr1:>10.3} {hc1:>10.3} {:>8.2} {:>10} {:>7}",
                cr1 / model,
                linfa.map_or("-".into(), |ms| format!("{ms:.2}")),
                linfa.map_or("-".into(), |ms| format!("{:.0}x", ms / model)),
            );
        }
    }
}

/// linfa-logistic without penalty and intercept; not where it takes many seconds.
#[cfg(feature = "linfa")]
fn linfa(design: &Design, rows: usize, test: bool) -> Option<f64> {
    use prefactor::influence::logistic::LinfaLogistic;
    (rows <= 100_000).then(|| {
        median(test, || {
            black_box(LinfaLogistic::new().fit_design(black_box(design)).expect("valid input"));
        })
    })
}

#[cfg(not(feature = "linfa"))]
fn linfa(_: &Design, _: usize, _: bool) -> Option<f64> {
    None
}
