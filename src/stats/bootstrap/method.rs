//! From replicates to an interval.

use super::super::describe::{quantile_sorted, std_dev};
use super::super::distribution::{normal_cdf, normal_quantile};
use super::super::interval::Interval;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// How an interval is read from bootstrap replicates (Davison and Hinkley 1997, chapter 5,
/// <https://doi.org/10.1017/CBO9780511802843>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntervalMethod {
    /// Between the quantiles of the replicates.
    #[default]
    Percentile,
    /// The percentile interval mirrored about the point estimate.
    Basic,
    /// The point estimate plus and minus a normal quantile times the standard deviation of the replicates.
    Normal,
    /// Percentiles corrected for bias and for a standard error that changes with the figure.
    Bca,
    /// From the lowest to the highest end of the percentile and the basic interval: wide, for figures that noise draws to one
    /// side, such as correlations of estimates.
    Hull,
}

impl std::str::FromStr for IntervalMethod {
    type Err = Error;

    /// By the name in files.
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "percentile" => Self::Percentile,
            "basic" => Self::Basic,
            "normal" => Self::Normal,
            "bca" => Self::Bca,
            "hull" => Self::Hull,
            _ => {
                let (value, expected) = (text.to_owned(), "percentile, basic, normal, bca or hull");
                return Err(Error::Parameter { name: "interval", value, expected });
            }
        })
    }
}

/// The percentile interval: the (1 ∓ `level`)/2 quantiles of the replicates, linearly
/// interpolated (type 7, the default of R's `quantile` and of numpy).
///
/// `None` if there are fewer than two replicates, one is not finite, or `level` is outside (0, 1).
///
/// ```
/// use prefactor::stats::bootstrap::percentile_interval;
/// let replicates: Vec<f64> = (0..=100).map(f64::from).collect();
/// let interval = percentile_interval(&replicates, 0.9).unwrap();
/// assert!((interval.low - 5.0).abs() < 1e-9 && (interval.high - 95.0).abs() < 1e-9);
/// ```
pub fn percentile_interval(replicates: &[f64], level: f64) -> Option<Interval> {
    let sorted = Sorted::of(replicates)?;
    Some(sorted.between(tails(level)?))
}

/// The basic interval: 2·`point` minus the ends of the percentile interval.
///
/// `None` as for [`percentile_interval`], or if `point` is not finite.
///
/// ```
/// use prefactor::stats::bootstrap::basic_interval;
/// let replicates: Vec<f64> = (0..=100).map(f64::from).collect();
/// let interval = basic_interval(40.0, &replicates, 0.9).unwrap();
/// assert!((interval.low + 15.0).abs() < 1e-9 && (interval.high - 75.0).abs() < 1e-9);
/// ```
pub fn basic_interval(point: f64, replicates: &[f64], level: f64) -> Option<Interval> {
    let Interval { low, high } = percentile_interval(replicates, level)?;
    point.is_finite().then_some(Interval { low: 2.0 * point - high, high: 2.0 * point - low })
}

/// The interval from the lowest to the highest end of the percentile and the basic interval.
///
/// Noise draws a correlation of estimated figures towards 0, and resampling adds the same noise once more: the percentile
/// interval lies too low, the basic one, which mirrors it, too high. Together they cover.
///
/// `None` as for [`basic_interval`].
///
/// ```
/// use prefactor::stats::bootstrap::hull_interval;
/// let replicates: Vec<f64> = (0..=100).map(f64::from).collect();
/// let interval = hull_interval(60.0, &replicates, 0.9).unwrap();
/// assert!((interval.low - 5.0).abs() < 1e-9 && (interval.high - 115.0).abs() < 1e-9);
/// ```
pub fn hull_interval(point: f64, replicates: &[f64], level: f64) -> Option<Interval> {
    let (percentile, basic) = (percentile_interval(replicates, level)?, basic_interval(point, replicates, level)?);
    Some(Interval { low: percentile.low.min(basic.low), high: percentile.high.max(basic.high) })
}

/// The normal interval: `point` ± z · SD of the replicates, with no correction for bias.
///
/// `None` as for [`percentile_interval`], or if `point` is not finite.
///
/// ```
/// use prefactor::stats::bootstrap::normal_interval;
/// let interval = normal_interval(1.0, &[0.0, 1.0, 2.0], 0.95).unwrap();
/// assert!((interval.high - 2.959963984540054).abs() < 1e-12);
/// ```
pub fn normal_interval(point: f64, replicates: &[f64], level: f64) -> Option<Interval> {
    let (_, high) = tails(level)?;
    let half = normal_quantile(high) * std_dev(replicates)?;
    (point + half).is_finite().then_some(Interval { low: point - half, high: point + half })
}

/// The bias-corrected and accelerated interval (Efron 1987, <https://doi.org/10.1080/01621459.1987.10478410>).
///
/// `jackknife` holds the figure with each cluster left out once. Replicates equal to
/// `point` count half in the bias correction.
///
/// `None` as for [`percentile_interval`], if `point` or a jackknife value is not finite,
/// or if all replicates lie on one side of the point estimate.
///
/// ```
/// use prefactor::stats::bootstrap::bca_interval;
/// let replicates: Vec<f64> = (0..=100).map(f64::from).collect();
/// // No bias and no skew: the percentile interval.
/// let interval = bca_interval(50.0, &replicates, &[49.0, 50.0, 51.0], 0.9).unwrap();
/// assert!((interval.low - 5.0).abs() < 1e-6 && (interval.high - 95.0).abs() < 1e-6);
/// ```
pub fn bca_interval(point: f64, replicates: &[f64], jackknife: &[f64], level: f64) -> Option<Interval> {
    let sorted = Sorted::of(replicates)?;
    Some(sorted.between(sorted.bca_tails(point, jackknife, level)?))
}

/// The two tail probabilities of a level.
pub(super) fn tails(level: f64) -> Option<(f64, f64)> {
    (level > 0.0 && level < 1.0).then_some(((1.0 - level) / 2.0, (1.0 + level) / 2.0))
}

/// Replicates in ascending order: at least two, all finite.
pub(super) struct Sorted(Vec<f64>);

impl Sorted {
    pub(super) fn of(replicates: &[f64]) -> Option<Self> {
        if replicates.len() < 2 || replicates.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut sorted = replicates.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Self(sorted))
    }

    pub(super) fn quantile(&self, p: f64) -> f64 {
        quantile_sorted(&self.0, p).unwrap_or(f64::NAN)
    }

    fn between(&self, (low, high): (f64, f64)) -> Interval {
        Interval { low: self.quantile(low), high: self.quantile(high) }
    }

    /// The tail probabilities after the correction for bias and acceleration.
    pub(super) fn bca_tails(&self, point: f64, jackknife: &[f64], level: f64) -> Option<(f64, f64)> {
        let (low, high) = tails(level)?;
        if !point.is_finite() || jackknife.is_empty() || jackknife.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let below = self.0.partition_point(|&value| value < point);
        let not_above = self.0.partition_point(|&value| value <= point);
        let bias = normal_quantile((below + not_above) as f64 / (2 * self.0.len()) as f64);
        if !bias.is_finite() {
            return None;
        }
        let mean = jackknife.iter().sum::<f64>() / jackknife.len() as f64;
        let moment = |power| jackknife.iter().map(|value| (mean - value).powi(power)).sum::<f64>();
        let spread = moment(2).powf(1.5);
        let acceleration = if spread > 0.0 { moment(3) / (6.0 * spread) } else { 0.0 };
        let corrected = |p| {
            let shifted = bias + normal_quantile(p);
            normal_cdf(bias + shifted / (1.0 - acceleration * shifted))
        };
        let (low, high) = (corrected(low), corrected(high));
        (low <= high).then_some((low, high))
    }
}
