//! What this machine can do at best: bytes a second and multiply–adds a second of one thread.

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};
use serde_json::{Value, json};

use crate::measure::median;

/// Numbers that no cache holds.
const NUMBERS: usize = 1 << 25;

/// Chains of multiply–adds side by side: enough to hide their latency, few enough to stay in registers.
const CHAINS: usize = 12;

const ROUNDS: usize = 1_000_000;

pub fn machine() -> Value {
    let numbers: Vec<f64> = (0..NUMBERS).map(|i| (i % 7) as f64).collect();
    let (reading, _) = median(|| {
        black_box(Arch::new().dispatch(Read(black_box(&numbers))));
    });
    let (calculating, _) = median(|| {
        black_box(Arch::new().dispatch(Calculate(black_box(0.999_999))));
    });
    let lanes = Arch::new().dispatch(Lanes);
    json!({
        "gigabytes_per_second": (NUMBERS * 8) as f64 / reading / 1e6,
        "giga_multiply_adds_per_second": (ROUNDS * CHAINS * lanes) as f64 / calculating / 1e6,
        "lanes": lanes,
    })
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F64_LANES
    }
}

struct Read<'a>(&'a [f64]);

impl WithSimd for Read<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let mut sums = [simd.splat_f64s(0.0); 8];
        let (chunks, _) = S::as_simd_f64s(self.0).0.as_chunks::<8>();
        for chunk in chunks {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum = simd.add_f64s(*sum, *value);
            }
        }
        sums.iter().map(|sum| simd.reduce_sum_f64s(*sum)).sum()
    }
}

struct Calculate(f64);

impl WithSimd for Calculate {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let factor = simd.splat_f64s(self.0);
        let mut sums = [simd.splat_f64s(1.0); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f64s(*sum, factor, factor);
            }
        }
        sums.iter().map(|sum| simd.reduce_sum_f64s(*sum)).sum()
    }
}
