//! An interval of real numbers.

use serde::{Deserialize, Serialize};

/// A closed interval, such as a confidence interval; `low <= high` in every interval of this crate.
///
/// ```
/// use prefactor::stats::Interval;
/// let interval = Interval { low: -0.1, high: 0.3 };
/// assert!(interval.contains(0.0));
/// assert!((interval.width() - 0.4).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies in the interval, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// The distance between the ends.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }
}
