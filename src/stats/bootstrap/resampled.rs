//! A figure with the uncertainty that its replicates show.

use serde::{Deserialize, Serialize};

use super::Replicates;

/// A figure with its interval over resamples of clusters; absent where it is not defined.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resampled {
    /// The value.
    pub estimate: Option<f64>,
    /// The standard deviation over resamples.
    pub std_error: Option<f64>,
    /// The lower end of its interval.
    pub ci_low: Option<f64>,
    /// The upper end of its interval.
    pub ci_high: Option<f64>,
}

impl Resampled {
    /// The value and interval of one output of a bootstrap.
    ///
    /// ```
    /// use prefactor::stats::{Resampling, Resampled};
    /// let sums = [3.0, 1.0, 4.0, 2.0];
    /// let total = |weights: &[f64], out: &mut [f64]| out[0] = sums.iter().zip(weights).map(|(sum, w)| sum * w).sum();
    /// let score = Resampled::from_replicates(&Resampling::default().clusters(4, 1, total), 0);
    /// assert_eq!(score.estimate, Some(10.0));
    /// assert!(score.ci_low < score.estimate && score.estimate < score.ci_high);
    /// ```
    pub fn from_replicates(replicates: &Replicates, output: usize) -> Self {
        let interval = replicates.interval(output);
        Self {
            estimate: replicates.point(output),
            std_error: interval.and_then(|_| replicates.std_error(output)),
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
        }
    }
}
