//! Several raters, missing ratings, any level of measurement: Krippendorff's α.

use crate::error::{Error, Place, Result};
use serde::{Deserialize, Serialize};

/// What differences between two ratings mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// Equal or not.
    #[default]
    Nominal,
    /// How many ratings lie between.
    Ordinal,
    /// Their difference.
    Interval,
    /// Their difference relative to their sum; for ratings of 0 and above.
    Ratio,
}

/// Ratings of units by several raters, ready for Krippendorff's α
/// (Krippendorff 2011, <https://repository.upenn.edu/asc_papers/43>).
///
/// ```
/// use prefactor::stats::agreement::{Level, Ratings};
/// // One row per unit; the third unit has one rating only and does not count.
/// let units = [[Some(1.0), Some(1.0)], [Some(2.0), Some(3.0)], [None, Some(3.0)], [Some(3.0), Some(3.0)]];
/// let ratings = Ratings::from_units(units).unwrap();
/// assert!((ratings.alpha(Level::Nominal).unwrap() - 6.0 / 11.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    /// The distinct values, ascending.
    values: Vec<f64>,
    /// Per unit, empty where fewer than two ratings: (place in `values`, how many) in ascending order.
    units: Vec<Vec<(usize, f64)>>,
}

impl Ratings {
    /// Takes the ratings of each unit, `None` where a rater gave none. Who rated does not matter.
    ///
    /// # Errors
    ///
    /// [`Error::NonFinite`] if a rating is NaN or infinite.
    pub fn from_units<U>(units: impl IntoIterator<Item = U>) -> Result<Self>
    where
        U: IntoIterator<Item = Option<f64>>,
    {
        let mut given: Vec<Vec<f64>> = Vec::new();
        for (place, unit) in units.into_iter().enumerate() {
            // Adding zero makes −0 the 0 that it equals.
            let mut ratings: Vec<f64> = unit.into_iter().flatten().map(|value| value + 0.0).collect();
            if let Some(&value) = ratings.iter().find(|value| !value.is_finite()) {
                return Err(Error::NonFinite {
                    place: Place::memory(),
                    what: format!("a rating of unit {place}"),
                    value,
                });
            }
            ratings.sort_unstable_by(f64::total_cmp);
            // A unit rated once pairs with nothing.
            given.push(if ratings.len() < 2 { Vec::new() } else { ratings });
        }
        let mut values: Vec<f64> = given.iter().flatten().copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let place = |value: &f64| values.partition_point(|known| known < value);
        let tally = |tied: &[f64]| tied.first().map(|value| (place(value), tied.len() as f64));
        let units = given.iter().map(|unit| unit.chunk_by(|a, b| a == b).filter_map(tally).collect()).collect();
        Ok(Self { values, units })
    }

    /// How many units were given, those that do not count included.
    pub fn units(&self) -> usize {
        self.units.len()
    }

    /// Krippendorff's α, at most 1; `None` if nothing can be paired, all values are equal, or
    /// [`Level::Ratio`] meets a negative value.
    pub fn alpha(&self, level: Level) -> Option<f64> {
        self.alpha_weighted(level, &vec![1.0; self.units.len()])
    }

    /// α with each unit counted `weights[unit]` times, as a bootstrap over units needs it; missing weights are 0.
    ///
    /// ```
    /// use prefactor::stats::agreement::{Level, Ratings};
    /// let ratings = Ratings::from_units([[Some(1.0), Some(1.0)], [Some(2.0), Some(3.0)]]).unwrap();
    /// let twice = Ratings::from_units([[Some(1.0), Some(1.0)], [Some(2.0), Some(3.0)], [Some(2.0), Some(3.0)]]).unwrap();
    /// assert_eq!(ratings.alpha_weighted(Level::Interval, &[1.0, 2.0]), twice.alpha(Level::Interval));
    /// ```
    pub fn alpha_weighted(&self, level: Level, weights: &[f64]) -> Option<f64> {
        if level == Level::Ratio && self.values.first().is_some_and(|&lowest| lowest < 0.0) {
            return None;
        }
        let mut marginal = vec![0.0; self.values.len()];
        for (unit, weight) in self.units.iter().zip(weights) {
            for &(place, count) in unit {
                marginal[place] += weight * count;
            }
        }
        // One value only: there is nothing to expect, whatever rounding would say.
        if marginal.iter().filter(|&&count| count > 0.0).count() < 2 {
            return None;
        }
        let pairable: f64 = marginal.iter().sum();
        let scale = Scale::new(level, &self.values, &marginal);
        let mut observed = 0.0;
        for (unit, weight) in self.units.iter().zip(weights) {
            if *weight != 0.0 && unit.len() > 1 {
                let raters: f64 = unit.iter().map(|&(_, count)| count).sum();
                observed += weight * scale.between(unit) / (raters - 1.0);
            }
        }
        let expected = scale.expected(&marginal, pairable);
        (expected > 0.0).then_some(1.0 - (pairable - 1.0) * observed / expected)
    }
}

/// The squared differences of one level of measurement.
enum Scale<'a> {
    Nominal,
    /// Squared differences of a score: the value itself, or its mid-rank for ordinal ratings, since
    /// the ratings between two values, ends counted half, are the difference of their mid-ranks.
    Score(Vec<f64>),
    Ratio(&'a [f64]),
}

impl<'a> Scale<'a> {
    fn new(level: Level, values: &'a [f64], marginal: &[f64]) -> Self {
        match level {
            Level::Nominal => Self::Nominal,
            Level::Ordinal => {
                let mut before = 0.0;
                let mid_rank = |count: &f64| {
                    before += count;
                    before - count / 2.0
                };
                Self::Score(marginal.iter().map(mid_rank).collect())
            }
            Level::Interval => Self::Score(values.to_vec()),
            Level::Ratio => Self::Ratio(values),
        }
    }

    fn squared(&self, a: usize, b: usize) -> f64 {
        match self {
            Self::Nominal => 1.0,
            Self::Score(score) => (score[a] - score[b]).powi(2),
            // Different values of 0 and above: their sum is not 0.
            Self::Ratio(values) => ((values[a] - values[b]) / (values[a] + values[b])).powi(2),
        }
    }

    /// The sum of squared differences over all pairs of different values of a tally.
    fn between(&self, tally: &[(usize, f64)]) -> f64 {
        let mut sum = 0.0;
        for (i, &(a, count_a)) in tally.iter().enumerate() {
            for &(b, count_b) in &tally[..i] {
                sum += count_a * count_b * self.squared(a, b);
            }
        }
        sum
    }

    /// The same over the tally of all ratings, without its O(k²) where the level allows.
    fn expected(&self, marginal: &[f64], total: f64) -> f64 {
        match self {
            Self::Nominal => marginal.iter().map(|count| count * (total - count)).sum::<f64>() / 2.0,
            Self::Score(score) => {
                let mean = score.iter().zip(marginal).map(|(score, count)| score * count).sum::<f64>() / total;
                total * score.iter().zip(marginal).map(|(score, count)| count * (score - mean).powi(2)).sum::<f64>()
            }
            Self::Ratio(_) => {
                let tally: Vec<(usize, f64)> =
                    marginal.iter().copied().enumerate().filter(|&(_, count)| count > 0.0).collect();
                self.between(&tally)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined() {
        let none: [[Option<f64>; 2]; 0] = [];
        assert_eq!(Ratings::from_units(none).unwrap().alpha(Level::Nominal), None);
        let constant = Ratings::from_units([[Some(0.1); 3], [Some(0.1); 3]]).unwrap();
        for level in [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio] {
            assert_eq!(constant.alpha(level), None, "{level:?}");
        }
        let negative = Ratings::from_units([[Some(-1.0), Some(1.0)], [Some(2.0), Some(2.0)]]).unwrap();
        assert_eq!(negative.alpha(Level::Ratio), None);
        assert!(negative.alpha(Level::Interval).is_some());
        assert!(Ratings::from_units([[Some(f64::NAN), None]]).unwrap_err().is_data());
        assert_eq!(negative.alpha_weighted(Level::Nominal, &[]), None);
    }
}
