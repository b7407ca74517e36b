//! The covariance of the coefficients: from the model, or robust against what it leaves out.

use serde::{Deserialize, Serialize};

use super::design::{Design, Grouping};
use super::gram;
use super::kernel::Problem;
use super::panels::Panels;
use super::parallel::ordered_map;
use super::status::FitStatus;
use crate::error::{Error, Result};
use crate::stats::linalg::{SquareMatrix, SymmetricEigen};

/// Which covariance of the coefficients.
///
/// With H the information matrix and uᵢ the score of a row (weight × residual × factor values),
/// all but the first are H⁻¹ M H⁻¹. n is the number of observations, k that of the coefficients and
/// G that of the clusters. Names differ between programs; what R's sandwich and clubSandwich call
/// HC1, CR1 and CR1S is meant here. (`HC1` of statsmodels' logistic models is HC0, and its cluster
/// default is CR1S.)
///
/// A robust covariance does not make a misspecified model right: it is the covariance of the
/// coefficients that come closest to the truth (White 1982,
/// [doi:10.2307/1912526](https://doi.org/10.2307/1912526)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Covariance {
    /// H⁻¹: right where the model is, and the rows are independent.
    Model,
    /// M = Σ uᵢuᵢᵀ, without a correction. For frequency weights a row counts as so many rows.
    Hc0,
    /// HC0 × n/(n − k).
    Hc1,
    /// M = Σ over clusters of the outer product of the cluster's summed scores, without a
    /// correction (Liang and Zeger 1986,
    /// [doi:10.1093/biomet/73.1.13](https://doi.org/10.1093/biomet/73.1.13)).
    Cr0,
    /// CR0 × G/(G − 1). The default where clusters repeat.
    Cr1,
    /// CR1 × (n − 1)/(n − k), Stata's and statsmodels' default.
    Cr1s,
    /// CR1 by prompt + CR1 by annotator − CR1 by their intersection, each with its own G (Cameron,
    /// Gelbach and Miller 2011,
    /// [doi:10.1198/jbes.2010.07136](https://doi.org/10.1198/jbes.2010.07136)). Where the
    /// difference is not positive semi-definite its negative eigenvalues are set to 0, as they
    /// propose.
    TwoWay,
}

impl Covariance {
    /// Whether it needs clusters in the design.
    pub fn is_clustered(self) -> bool {
        matches!(self, Self::Cr0 | Self::Cr1 | Self::Cr1s | Self::TwoWay)
    }

    /// The default for a design: [`Cr1`](Self::Cr1) where clusters repeat, else [`Model`](Self::Model).
    pub fn default_for(design: &Design) -> Self {
        if design.repeats_clusters() { Self::Cr1 } else { Self::Model }
    }

    /// Checks that the design has the clusters that are asked for.
    pub(crate) fn check(self, design: &Design) -> Result<()> {
        let missing = |what: &str| Error::Empty {
            what: format!("{what} in the design"),
            remedy: "give every row one, or ask for a covariance without them".into(),
        };
        if self.is_clustered() && design.clusters().is_none() {
            return Err(missing("clusters"));
        }
        if self == Self::TwoWay && design.annotators().is_none() {
            return Err(missing("annotators"));
        }
        Ok(())
    }

    /// Why the design cannot have this covariance although its clusters are there.
    pub(crate) fn refusal(self, design: &Design) -> Option<FitStatus> {
        let two_way = if self == Self::TwoWay { design.annotators() } else { None };
        let one_way = if self.is_clustered() { design.clusters() } else { None };
        let found = [one_way, two_way].into_iter().flatten().map(|grouping| grouping.count).min()?;
        (found < 2).then_some(FitStatus::TooFewClusters { found, needed: 2 })
    }

    /// The covariance at `theta`, in the problem's own coordinates.
    ///
    /// `bread` is the inverse of the (penalised) information; `information` stands in for M in the
    /// model's covariance, which is then H⁻¹ without a penalty.
    pub(crate) fn compute(
        self,
        problem: &Problem<'_>,
        theta: &[f64],
        bread: &SquareMatrix,
        information: Option<&SquareMatrix>,
    ) -> SquareMatrix {
        let design = problem.design;
        let n = design.n_observations();
        let corrected = n / (n - problem.terms() as f64).max(f64::MIN_POSITIVE);
        match self {
            Self::Model => information.map_or_else(|| bread.clone(), |information| bread.sandwich(information)),
            Self::Hc0 => bread.sandwich(&problem.score_products(theta)),
            Self::Hc1 => bread.sandwich(&problem.score_products(theta)).scaled(corrected),
            Self::Cr0 | Self::Cr1 | Self::Cr1s | Self::TwoWay => {
                let scores = weighted_residuals(problem, theta);
                let meat = |grouping: &Grouping| {
                    bread.sandwich(&cluster_products(problem, &scores, grouping)).scaled(match self {
                        Self::Cr0 => 1.0,
                        Self::Cr1s => correction(grouping) * corrected * (n - 1.0) / n,
                        _ => correction(grouping),
                    })
                };
                let Some(clusters) = design.clusters() else { return bread.clone() };
                match design.annotators() {
                    Some(annotators) if self == Self::TwoWay => {
                        let mut sum = meat(clusters);
                        sum.add_scaled(&meat(annotators), 1.0);
                        sum.add_scaled(&meat(&clusters.intersection(annotators)), -1.0);
                        without_negative_eigenvalues(sum)
                    }
                    _ => meat(clusters),
                }
            }
        }
    }
}

/// G/(G − 1).
fn correction(grouping: &Grouping) -> f64 {
    let groups = grouping.count as f64;
    groups / (groups - 1.0)
}

/// w(y − p) of every row.
fn weighted_residuals(problem: &Problem<'_>, theta: &[f64]) -> Vec<f64> {
    let mut scores = problem.residuals(theta);
    if let Some(weights) = problem.design.weights() {
        scores.iter_mut().zip(weights.values()).for_each(|(score, weight)| *score *= weight);
    }
    scores
}

/// Σ over groups of the outer product of the group's summed scores.
fn cluster_products(problem: &Problem<'_>, scores: &[f64], grouping: &Grouping) -> SquareMatrix {
    let sums = if problem.whitening.is_some() {
        whitened_group_sums(problem, scores, grouping)
    } else {
        group_sums(problem, scores, grouping)
    };
    gram::products(&Panels::from_columns(grouping.count, &sums))
}

/// The sum of score × column in every group, one vector a term.
///
/// The terms are shared out among the threads, each of which goes through all rows in order; so the
/// sums do not depend on the number of threads, and no thread needs a table of its own.
fn group_sums(problem: &Problem<'_>, scores: &[f64], grouping: &Grouping) -> Vec<Vec<f64>> {
    let panels = problem.design.panels();
    let first = usize::from(problem.intercept);
    let threads = scores.len() * problem.terms() > 1_000_000;
    ordered_map(problem.terms(), threads, |term| {
        let mut sums = vec![0.0; grouping.count];
        let groups = grouping.of_row.chunks(super::panels::PANEL);
        for (panel, (groups, scores)) in groups.zip(scores.chunks(super::panels::PANEL)).enumerate() {
            if term < first {
                groups.iter().zip(scores).for_each(|(&group, score)| sums[group as usize] += score);
            } else {
                let column = &panels.panel(panel)[term - first];
                for ((&group, score), value) in groups.iter().zip(scores).zip(&column.0) {
                    sums[group as usize] += score * value;
                }
            }
        }
        sums
    })
}

/// The same in whitened coordinates, whose columns exist one panel at a time.
fn whitened_group_sums(problem: &Problem<'_>, scores: &[f64], grouping: &Grouping) -> Vec<Vec<f64>> {
    let mut sums = vec![vec![0.0; grouping.count]; problem.terms()];
    let mut rows = grouping.of_row.iter().zip(scores);
    problem.for_each_panel(|_, count, columns| {
        for (i, (&group, score)) in rows.by_ref().take(count).enumerate() {
            for (sums, column) in sums.iter_mut().zip(columns) {
                sums[group as usize] += score * column.0[i];
            }
        }
    });
    sums
}

/// The nearest positive semi-definite matrix of the same eigenvectors.
fn without_negative_eigenvalues(matrix: SquareMatrix) -> SquareMatrix {
    let eigen = SymmetricEigen::new(&matrix);
    if eigen.values.iter().all(|value| *value >= 0.0) {
        return matrix;
    }
    let n = matrix.size();
    let mut result = SquareMatrix::zeros(n);
    for (value, vector) in eigen.values.iter().zip(&eigen.vectors).filter(|(value, _)| **value > 0.0) {
        for i in 0..n {
            for j in 0..n {
                result[(i, j)] += value * vector[i] * vector[j];
            }
        }
    }
    result
}
