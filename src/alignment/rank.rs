//! Alignment of factor vectors: do the same factors drive both agents, in the same order, by as much?

use crate::alignment::{AlignmentMetric, Sides};
use crate::stats;

/// Declares a metric that is a function of the two factor vectors.
macro_rules! vector_metric {
    ($(#[$doc:meta])* $name:ident, $id:literal, $function:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name;

        impl AlignmentMetric for $name {
            fn name(&self) -> &str {
                $id
            }

            fn score(&self, sides: &Sides<'_>) -> Option<f64> {
                let function: fn(&[f64], &[f64]) -> Option<f64> = $function;
                function(sides.reference, sides.model)
            }
        }
    };
}

vector_metric!(
    /// Kendall's τ_b of the factor influences: agreement of the order of factors, −1 to 1 (Kendall 1945).
    KendallTauB,
    "kendall_tau_b",
    stats::kendall_tau_b
);

vector_metric!(
    /// Spearman's ρ: the correlation of the ranks of the factors, −1 to 1.
    SpearmanRho,
    "spearman",
    stats::spearman
);

vector_metric!(
    /// Pearson's r of the factor influences, −1 to 1: blind to a common shift and scale.
    PearsonR,
    "pearson",
    stats::pearson
);

vector_metric!(
    /// The cosine of the angle between the two vectors of influence, −1 to 1: blind to scale only.
    Cosine,
    "cosine",
    stats::cosine
);

vector_metric!(
    /// Lin's concordance: 1 only where the influences are equal, not merely proportional (Lin 1989).
    LinConcordance,
    "lin_concordance",
    stats::lin_concordance
);

vector_metric!(
    /// The share of factors that both agents favour or both avoid, 0 to 1; a factor of no influence agrees with none
    /// but another.
    SignAgreement,
    "sign_agreement",
    |reference, model| {
        let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
        let same = reference.iter().zip(model).filter(|&(&a, &b)| sign(a) == sign(b)).count();
        (!reference.is_empty()).then(|| same as f64 / reference.len() as f64)
    }
);
