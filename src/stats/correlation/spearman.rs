//! Ranks and Spearman's ρ.

use super::linear::pearson;
use super::usable;

/// Up to this length ranks are counted on the stack, without sorting.
const SHORT: usize = 64;

/// Spearman's rank correlation, −1 to 1: Pearson's r of the average ranks.
///
/// ```
/// use prefactor::stats::spearman;
/// assert!((spearman(&[1.0, 2.0, 3.0], &[1.0, 4.0, 9.0]).unwrap() - 1.0).abs() < 1e-15);
/// assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = usable(x, y, 2)?;
    if n <= SHORT {
        let (mut rank_x, mut rank_y) = ([0.0; SHORT], [0.0; SHORT]);
        count_ranks(x, &mut rank_x[..n]);
        count_ranks(y, &mut rank_y[..n]);
        return pearson(&rank_x[..n], &rank_y[..n]);
    }
    pearson(&sort_ranks(x), &sort_ranks(y))
}

/// The rank of each value, from 1; equal values share the mean of their ranks. NaN ranks last.
///
/// ```
/// use prefactor::stats::correlation::average_ranks;
/// assert_eq!(average_ranks(&[10.0, -0.0, 0.0, 5.0]), [4.0, 1.5, 1.5, 3.0]);
/// ```
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    sort_ranks(values)
}

fn count_ranks(values: &[f64], ranks: &mut [f64]) {
    for (value, rank) in values.iter().zip(ranks) {
        // Each smaller value moves the rank by one, each equal one (itself included) by a half.
        let doubled: i64 = values.iter().map(|other| i64::from(other < value) + i64::from(other <= value)).sum();
        *rank = (doubled + 1) as f64 / 2.0;
    }
}

fn sort_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().map(|value| value + 0.0).zip(0..).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        for &(_, place) in tied {
            ranks[place] = rank;
        }
        before += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_to_rank_agree(values in prop::collection::vec(-4_i32..4, 0..SHORT)) {
            let values: Vec<f64> = values.into_iter().map(|v| -f64::from(v) * 0.5).collect();
            let mut counted = vec![0.0; values.len()];
            count_ranks(&values, &mut counted);
            prop_assert_eq!(counted, sort_ranks(&values));
        }
    }
}
