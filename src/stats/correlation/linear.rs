//! Pearson's r, the cosine and Lin's concordance.

use super::usable;

/// Pearson's product-moment correlation, −1 to 1.
///
/// ```
/// use prefactor::stats::pearson;
/// assert!((pearson(&[1.0, 2.0, 3.0], &[2.0, 4.0, 7.0]).unwrap() - 0.9933992677987828).abs() < 1e-14);
/// assert_eq!(pearson(&[1.0, 1.0], &[2.0, 4.0]), None);
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let Moments { sxx, syy, sxy, .. } = Moments::of(x, y)?;
    let r = sxy / (sxx.sqrt() * syy.sqrt());
    r.is_finite().then_some(r.clamp(-1.0, 1.0))
}

/// The cosine of the angle between two vectors, −1 to 1; `None` if one has no length.
///
/// Unlike the correlations it takes note of where zero is, and is defined for constant vectors.
///
/// ```
/// use prefactor::stats::cosine;
/// assert!((cosine(&[1.0, 0.0], &[1.0, 1.0]).unwrap() - 0.5_f64.sqrt()).abs() < 1e-15);
/// assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), None);
/// ```
pub fn cosine(x: &[f64], y: &[f64]) -> Option<f64> {
    usable(x, y, 2)?;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(x, y) / (dot(x, x).sqrt() * dot(y, y).sqrt());
    cosine.is_finite().then_some(cosine.clamp(-1.0, 1.0))
}

/// Lin's concordance correlation coefficient, −1 to 1: Pearson's r lowered by any difference
/// in mean or spread (Lin 1989, <https://doi.org/10.2307/2532051>).
///
/// 2·s_xy/(s_x² + s_y² + (x̄ − ȳ)²) with divisor n in variances and covariance, as Lin
/// defines it. Defined if at least one side varies or the means differ.
///
/// ```
/// use prefactor::stats::lin_concordance;
/// assert!((lin_concordance(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).unwrap() - 4.0 / 7.0).abs() < 1e-14);
/// ```
pub fn lin_concordance(x: &[f64], y: &[f64]) -> Option<f64> {
    let Moments { n, mean_x, mean_y, sxx, syy, sxy } = Moments::of(x, y)?;
    let concordance = 2.0 * sxy / (sxx + syy + n * (mean_x - mean_y).powi(2));
    concordance.is_finite().then_some(concordance.clamp(-1.0, 1.0))
}

/// Means and sums of squared and multiplied deviations from them.
struct Moments {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    sxx: f64,
    syy: f64,
    sxy: f64,
}

impl Moments {
    fn of(x: &[f64], y: &[f64]) -> Option<Self> {
        let n = usable(x, y, 2)? as f64;
        let centre = |values: &[f64]| {
            // A constant list must give deviations of exactly zero, which its rounded mean need not.
            let (first, constant) = values.first().map_or((0.0, true), |&v| (v, values.iter().all(|&w| w == v)));
            if constant { first } else { values.iter().sum::<f64>() / n }
        };
        let (mean_x, mean_y) = (centre(x), centre(y));
        let mut moments = Self { n, mean_x, mean_y, sxx: 0.0, syy: 0.0, sxy: 0.0 };
        for (x, y) in x.iter().zip(y) {
            let (dx, dy) = (x - mean_x, y - mean_y);
            moments.sxx += dx * dx;
            moments.syy += dy * dy;
            moments.sxy += dx * dy;
        }
        Some(moments)
    }
}
