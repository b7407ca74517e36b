//! Mean, spread, quantiles and how alike the members of a cluster are.

/// The arithmetic mean; `None` of no values or if it is not finite.
///
/// ```
/// use prefactor::stats::describe::mean;
/// assert_eq!(mean(&[1.0, 2.0, 6.0]), Some(3.0));
/// assert_eq!(mean(&[]), None);
/// ```
pub fn mean(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    mean.is_finite().then_some(mean)
}

/// The sample variance, with divisor n − 1; `None` for fewer than two values or if it is not finite.
///
/// ```
/// use prefactor::stats::describe::variance;
/// assert_eq!(variance(&[1.0, 2.0, 3.0]), Some(1.0));
/// assert_eq!(variance(&[1.0]), None);
/// ```
pub fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    variance.is_finite().then_some(variance)
}

/// The sample standard deviation, the square root of [`variance`].
///
/// ```
/// use prefactor::stats::describe::std_dev;
/// assert_eq!(std_dev(&[1.0, 3.0, 5.0]), Some(2.0));
/// ```
pub fn std_dev(values: &[f64]) -> Option<f64> {
    variance(values).map(f64::sqrt)
}

/// The `p` quantile, 0 ≤ `p` ≤ 1, interpolated linearly between order statistics at rank
/// (n − 1)·p (type 7 of Hyndman and Fan 1996, <https://doi.org/10.1080/00031305.1996.10473566>;
/// the default of R and numpy).
///
/// `None` of no values, if one is NaN, or for another `p`.
///
/// ```
/// use prefactor::stats::describe::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
/// assert_eq!(quantile(&[1.0], 2.0), None);
/// ```
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_sorted(&sorted, p)
}

/// [`quantile`] of values that are already in ascending order and hold no NaN.
pub(crate) fn quantile_sorted(sorted: &[f64], p: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let rank = sorted.len().checked_sub(1)? as f64 * p;
    let below = *sorted.get(rank.floor() as usize)?;
    let above = *sorted.get(rank.ceil() as usize)?;
    // No interpolation on an order statistic, where an infinite neighbour would give NaN.
    Some(if rank.fract() == 0.0 { below } else { below + (above - below) * rank.fract() })
}

/// How alike the members of one cluster are: the intra-cluster correlation by analysis of variance,
/// (MSB − MSW)/(MSB + (m₀ − 1)·MSW) with m₀ = (N − Σm²/N)/(G − 1)
/// (Donner 1986, <https://doi.org/10.2307/1403259>).
///
/// `cluster` names each value's cluster by any number. At most 1; a little below 0 where
/// members are no more alike than others. `None` for fewer than two clusters, no cluster of
/// two, lists of different length, or values that do not vary or are not finite.
///
/// ```
/// use prefactor::stats::describe::intra_cluster_correlation;
/// assert_eq!(intra_cluster_correlation(&[1.0, 1.0, 5.0, 5.0], &[0, 0, 1, 1]), Some(1.0));
/// assert_eq!(intra_cluster_correlation(&[1.0, 5.0], &[0, 1]), None);
/// ```
pub fn intra_cluster_correlation(values: &[f64], cluster: &[usize]) -> Option<f64> {
    if values.len() != cluster.len() {
        return None;
    }
    let grand = mean(values)?;
    let mut order: Vec<(usize, f64)> = cluster.iter().copied().zip(values.iter().copied()).collect();
    // Stable: within a cluster the order of adding up stays as given.
    order.sort_by_key(|&(cluster, _)| cluster);
    let (mut clusters, mut squared_sizes, mut between, mut within) = (0.0, 0.0, 0.0, 0.0);
    for members in order.chunk_by(|a, b| a.0 == b.0) {
        let size = members.len() as f64;
        let centre = members.iter().map(|&(_, value)| value).sum::<f64>() / size;
        clusters += 1.0;
        squared_sizes += size * size;
        between += size * (centre - grand).powi(2);
        within += members.iter().map(|&(_, value)| (value - centre).powi(2)).sum::<f64>();
    }
    let n = values.len() as f64;
    if clusters < 2.0 || n <= clusters {
        return None;
    }
    let (between, within) = (between / (clusters - 1.0), within / (n - clusters));
    let typical_size = (n - squared_sizes / n) / (clusters - 1.0);
    let correlation = (between - within) / (between + (typical_size - 1.0) * within);
    correlation.is_finite().then_some(correlation)
}
