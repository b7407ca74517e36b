//! Alignment of judgements: do the two agents prefer the same response of the same pair?

use crate::alignment::{AlignmentMetric, JointCounts, Sides};

/// The share of pairs on which both prefer the same side, among those on which both prefer one, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgreementRate;

impl AlignmentMetric for AgreementRate {
    fn name(&self) -> &str {
        "agreement_rate"
    }

    fn score(&self, sides: &Sides<'_>) -> Option<f64> {
        agreement_rate(sides.joint)
    }
}

pub(super) fn agreement_rate(joint: &JointCounts) -> Option<f64> {
    (joint.decided() > 0.0).then(|| joint.agreed() / joint.decided())
}

/// Cohen's κ over A, B and tie: agreement beyond what the two agents' own habits would give by chance
/// (Cohen 1960, doi:10.1177/001316446002000104).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CohenKappa;

impl AlignmentMetric for CohenKappa {
    fn name(&self) -> &str {
        "cohen_kappa"
    }

    fn score(&self, sides: &Sides<'_>) -> Option<f64> {
        let table = sides.joint.table();
        let total = sides.joint.total();
        let mut observed = 0.0;
        let mut expected = 0.0;
        for category in 0..3 {
            observed += table[category][category];
            let row: f64 = table[category].iter().sum();
            let column: f64 = table.iter().map(|row| row[category]).sum();
            expected += row * column / total;
        }
        (total > expected).then(|| (observed - expected) / (total - expected))
    }
}

/// Krippendorff's α over A, B and tie, nominal: 1 is perfect, 0 is chance
/// (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KrippendorffAlpha;

impl AlignmentMetric for KrippendorffAlpha {
    fn name(&self) -> &str {
        "krippendorff_alpha"
    }

    fn score(&self, sides: &Sides<'_>) -> Option<f64> {
        nominal_alpha(&sides.joint.coincidences())
    }
}

/// Nominal α from a coincidence matrix: `1 − (n − 1)·Σ_{c≠k} o_ck / Σ_{c≠k} n_c n_k`.
pub(super) fn nominal_alpha(coincidences: &JointCounts) -> Option<f64> {
    let table = coincidences.table();
    let marginals = table.map(|row| row.iter().sum::<f64>());
    let total: f64 = marginals.iter().sum();
    let disagreement = total - (0..3).map(|category| table[category][category]).sum::<f64>();
    let expected = total * total - marginals.iter().map(|marginal| marginal * marginal).sum::<f64>();
    (expected > 0.0).then(|| 1.0 - (total - 1.0) * disagreement / expected)
}
