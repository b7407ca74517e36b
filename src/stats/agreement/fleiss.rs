//! Several raters and unordered categories: Fleiss' κ.

use super::beyond_chance;

/// The sums that Fleiss' κ needs (Fleiss 1971, <https://doi.org/10.1037/h0031619>).
///
/// Units may differ in their number of raters: the agreement of a unit is the share of its
/// pairs of raters that agree, chance comes from all ratings pooled. With equally many
/// raters everywhere this is Fleiss' κ as published.
///
/// ```
/// use prefactor::stats::agreement::FleissTotals;
/// let mut totals = FleissTotals::new(2);
/// totals.add(&[3.0, 0.0], 1.0);
/// totals.add(&[1.0, 2.0], 1.0);
/// // Observed (1 + 1/3)/2, expected (2/3)² + (1/3)².
/// assert!((totals.kappa().unwrap() - (2.0 / 3.0 - 5.0 / 9.0) / (4.0 / 9.0)).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FleissTotals {
    units: f64,
    agreement: f64,
    counts: Vec<f64>,
}

impl FleissTotals {
    /// No units yet, for ratings in this number of categories.
    pub fn new(categories: usize) -> Self {
        Self { units: 0.0, agreement: 0.0, counts: vec![0.0; categories] }
    }

    /// Adds a unit, `weight` times: how many of its raters chose each category.
    ///
    /// A unit with fewer than two ratings says nothing about agreement and is left out, as are
    /// ratings in categories beyond those of [`FleissTotals::new`].
    pub fn add(&mut self, ratings: &[f64], weight: f64) {
        let ratings = &ratings[..ratings.len().min(self.counts.len())];
        let raters: f64 = ratings.iter().sum();
        if !(raters >= 2.0 && raters.is_finite()) {
            return;
        }
        let agreeing: f64 = ratings.iter().map(|count| count * (count - 1.0)).sum();
        self.units += weight;
        self.agreement += weight * agreeing / (raters * (raters - 1.0));
        for (total, count) in self.counts.iter_mut().zip(ratings) {
            *total += weight * count;
        }
    }

    /// The share of pairs of raters that agree, averaged over units, 0 to 1; `None` without units.
    pub fn observed_agreement(&self) -> Option<f64> {
        (self.units > 0.0).then_some(self.agreement / self.units)
    }

    /// Fleiss' κ, at most 1; `None` without units or if all ratings are in one category.
    pub fn kappa(&self) -> Option<f64> {
        let ratings: f64 = self.counts.iter().sum();
        beyond_chance(self.observed_agreement()?, self.counts.iter().map(|count| (count / ratings).powi(2)).sum())
    }

    /// Randolph's free-marginal κ, with chance 1/k; `None` without units or fewer than two categories.
    pub fn kappa_free_marginal(&self) -> Option<f64> {
        beyond_chance(self.observed_agreement()?, 1.0 / self.counts.len() as f64)
    }
}
