//! Tests of no correlation, for independent pairs of values.
//!
//! For values that come in clusters use [`Resampling`](crate::stats::Resampling) instead.

use super::super::distribution::{normal_quantile, two_sided_normal_p, two_sided_t_p};
use super::super::interval::Interval;
use super::kendall::KendallCounts;
use super::usable;

/// Without ties and up to this length Kendall's test is exact.
const EXACT: usize = 33;

/// The two-sided p-value of Pearson's `r` over `n` pairs: Student's t with n − 2 degrees of freedom.
///
/// `None` for n < 3 or `r` outside [−1, 1].
///
/// ```
/// use prefactor::stats::correlation::pearson_p;
/// assert!((pearson_p(0.5, 12).unwrap() - 0.0978).abs() < 1e-4);
/// ```
pub fn pearson_p(r: f64, n: usize) -> Option<f64> {
    if n < 3 || !(-1.0..=1.0).contains(&r) {
        return None;
    }
    let df = (n - 2) as f64;
    // r = ±1 makes t infinite and p zero.
    Some(two_sided_t_p(r * (df / ((1.0 - r) * (1.0 + r))).sqrt(), df))
}

/// The two-sided p-value of Spearman's `rho` over `n` pairs, by the same t approximation as [`pearson_p`].
///
/// `None` for n < 3 or `rho` outside [−1, 1].
///
/// ```
/// use prefactor::stats::correlation::spearman_p;
/// assert!(spearman_p(0.9, 14).unwrap() < 1e-4);
/// ```
pub fn spearman_p(rho: f64, n: usize) -> Option<f64> {
    pearson_p(rho, n)
}

/// The confidence interval of Pearson's `r` over `n` pairs by Fisher's z transformation
/// (Fisher 1921), with standard error 1/√(n − 3).
///
/// `None` for n < 4, `r` not strictly between −1 and 1, or `level` outside (0, 1).
///
/// ```
/// use prefactor::stats::correlation::pearson_interval;
/// let interval = pearson_interval(0.5, 28, 0.95).unwrap();
/// assert!((interval.low - 0.1556).abs() < 1e-3 && (interval.high - 0.7363).abs() < 1e-3);
/// ```
pub fn pearson_interval(r: f64, n: usize, level: f64) -> Option<Interval> {
    if n < 4 || !(r > -1.0 && r < 1.0 && level > 0.0 && level < 1.0) {
        return None;
    }
    let half = normal_quantile((1.0 + level) / 2.0) / ((n - 3) as f64).sqrt();
    Some(Interval { low: (r.atanh() - half).tanh(), high: (r.atanh() + half).tanh() })
}

/// The two-sided p-value of Kendall's τ against independence.
///
/// Exact up to 33 values without ties (and for any number if at most one pair disagrees or agrees); otherwise the normal
/// approximation with the variance corrected for ties (Kendall 1970, Rank Correlation Methods, 4th ed., ch. 4),
/// without continuity correction: what scipy and R do.
///
/// `None` as for [`KendallCounts::of`], or if one list is constant.
///
/// ```
/// use prefactor::stats::correlation::kendall_p;
/// // One of 3! orders has no discordant pair, and one no concordant pair.
/// assert!((kendall_p(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).unwrap() - 1.0 / 3.0).abs() < 1e-15);
/// ```
pub fn kendall_p(x: &[f64], y: &[f64]) -> Option<f64> {
    let length = usable(x, y, 2)?;
    let counts = KendallCounts::of(x, y)?;
    counts.tau_b()?;
    let (ties_x, ties_y) = (Ties::of(x), Ties::of(y));
    let fewer = counts.concordant.min(counts.discordant);
    if ties_x.pairs == 0.0 && ties_y.pairs == 0.0 && (length <= EXACT || fewer <= 1) {
        return Some(exact_p(length, fewer));
    }
    let n = length as f64;
    let m = n * (n - 1.0);
    let all = m * (2.0 * n + 5.0);
    let mut variance = (all - ties_x.cubic - ties_y.cubic) / 18.0 + 2.0 * ties_x.pairs * ties_y.pairs / m;
    if n > 2.0 {
        variance += ties_x.triples * ties_y.triples / (9.0 * m * (n - 2.0));
    }
    let difference = counts.concordant as f64 - counts.discordant as f64;
    Some(two_sided_normal_p(difference / variance.sqrt()))
}

/// Sums over groups of `t` equal values that the variance of C − D needs.
#[derive(Default)]
struct Ties {
    /// Σ t(t − 1)/2.
    pairs: f64,
    /// Σ t(t − 1)(t − 2).
    triples: f64,
    /// Σ t(t − 1)(2t + 5).
    cubic: f64,
}

impl Ties {
    fn of(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.chunk_by(|a, b| a == b).fold(Self::default(), |sums, tied| {
            let t = tied.len() as f64;
            Self {
                pairs: sums.pairs + t * (t - 1.0) / 2.0,
                triples: sums.triples + t * (t - 1.0) * (t - 2.0),
                cubic: sums.cubic + t * (t - 1.0) * (2.0 * t + 5.0),
            }
        })
    }
}

/// Twice the share of the orders of `n` values with at most `inversions` inversions.
fn exact_p(n: usize, inversions: u64) -> f64 {
    let limit = usize::try_from(inversions).unwrap_or(usize::MAX);
    // The number of inversions is a sum of independent uniform variables on 0..k for k = 1 to n.
    let mut share = vec![0.0; limit.saturating_add(1).min(n * n / 2 + 1)];
    share[0] = 1.0;
    for k in 2..=n {
        let mut next = vec![0.0; share.len()];
        for (total, slot) in next.iter_mut().enumerate() {
            *slot = share[(total + 1).saturating_sub(k)..=total].iter().sum::<f64>() / k as f64;
        }
        share = next;
    }
    (2.0 * share.iter().sum::<f64>()).min(1.0)
}
