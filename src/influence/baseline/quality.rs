//! How well the joint model predicts, on what it has seen and on what it has not.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::influence::logistic::{Covariance, Design, FitStatus, LogisticFit, LogisticParams};
use crate::influence::profile::finite;
use crate::stats::classification::{accuracy, auc, brier, calibration, log_loss, tjur_r2};
use crate::stats::group_folds;

/// How well probabilities predict which side is preferred; each figure absent where it is not defined.
///
/// Without an order effect A and B are exchangeable, so every judgement counts from both sides, half each: the figures
/// do not depend on which response happens to stand first.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quality {
    /// The share of judgements on the side of the larger probability, 0 to 1, even odds counted half.
    pub accuracy: Option<f64>,
    /// The area under the ROC curve, 0 to 1: ½ is chance.
    pub auc: Option<f64>,
    /// The mean squared error of the probabilities, 0 to 1: ¼ is that of even odds.
    pub brier: Option<f64>,
    /// The mean negative log-likelihood in nats: ln 2 ≈ 0.693 is that of even odds.
    pub log_loss: Option<f64>,
    /// The mean probability of what happened minus that of what did not, −1 to 1.
    pub tjur_r2: Option<f64>,
    /// The slope of the log-odds of outcomes on predicted log-odds: below 1 the model is too sure of itself.
    pub calibration_slope: Option<f64>,
    /// The intercept of the same line: above 0 A wins more often than predicted; 0 without an order effect.
    pub calibration_intercept: Option<f64>,
}

/// The quality of a joint model in sample and by cross-validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FitQuality {
    /// Whether the model could be fitted to all judgements.
    pub status: FitStatus,
    /// On the decided judgements it was fitted to.
    pub in_sample: Option<Quality>,
    /// On the same judgements, each predicted by a model that saw no pair of its prompt.
    pub cross_validated: Option<Quality>,
    /// Why a fold could not be fitted, in which case nothing is cross-validated.
    pub refused_fold: Option<FitStatus>,
    /// The folds that prompts were dealt to; 0 where there is only one prompt.
    pub folds: usize,
}

impl FitQuality {
    /// Fits the model to the design, and once without each fold of whole clusters (of single rows where the design
    /// has no clusters).
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for fewer than two folds or a parameter of the model out of range, [`Error::Empty`] for a
    /// model without terms.
    ///
    /// ```
    /// use prefactor::influence::FitQuality;
    /// use prefactor::influence::logistic::{Design, LogisticParams};
    /// let design = Design::builder(["length"])
    ///     .columns(vec![vec![1.0, -0.5, 0.3, -1.2, 0.8, -0.1, 0.6, -0.7]])
    ///     .outcome(vec![1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    ///     .build()?;
    /// let quality = FitQuality::of(&design, &LogisticParams::new(), 4, 0)?;
    /// assert_eq!(quality.in_sample.and_then(|quality| quality.accuracy), Some(0.75));
    /// # Ok::<(), prefactor::Error>(())
    /// ```
    pub fn of(design: &Design, params: &LogisticParams, folds: usize, seed: u64) -> Result<Self> {
        if folds < 2 {
            return Err(Error::Parameter { name: "folds", value: folds.to_string(), expected: "at least 2" });
        }
        // Predictions need no covariance, and the model's own is there for any number of clusters.
        let params = params.clone().covariance(Covariance::Model);
        let two_sided = !params.check_ref()?.order_effect();
        let all: Vec<usize> = (0..design.n_rows()).collect();
        let fit = params.fit_design(design)?;
        let mut predicted = vec![0.0; all.len()];
        let mut quality =
            Self { status: fit.status.clone(), in_sample: None, cross_validated: None, refused_fold: None, folds: 0 };
        if !predict(&fit, design, &all, &mut predicted) {
            return Ok(quality);
        }
        quality.in_sample = Some(Quality::of(design, &predicted, two_sided));
        let (cluster, count) = match design.clusters() {
            Some(clusters) => (clusters.of_row.clone(), clusters.count),
            None => ((0..all.len() as u32).collect(), all.len()),
        };
        if count < 2 {
            return Ok(quality);
        }
        quality.folds = folds.min(count);
        let mut sizes = vec![0; count];
        cluster.iter().for_each(|&cluster| sizes[cluster as usize] += 1);
        let fold_of = group_folds(&sizes, quality.folds, seed)?;
        for fold in 0..quality.folds {
            let (held_out, kept): (Vec<usize>, Vec<usize>) =
                all.iter().partition(|&&row| fold_of[cluster[row] as usize] == fold);
            let fit = params.fit_design(&design.select(&kept))?;
            if !predict(&fit, design, &held_out, &mut predicted) {
                quality.refused_fold = Some(fit.status);
                return Ok(quality);
            }
        }
        quality.cross_validated = Some(Quality::of(design, &predicted, two_sided));
        Ok(quality)
    }
}

/// Writes P(A preferred) of some rows; `false` where the fit has no estimates.
fn predict(fit: &LogisticFit, design: &Design, rows: &[usize], predicted: &mut [f64]) -> bool {
    let mut values = vec![0.0; design.n_factors()];
    for &row in rows {
        for (column, value) in values.iter_mut().enumerate() {
            *value = design.panels().get(row, column);
        }
        match fit.predict(&values) {
            Ok(probability) => predicted[row] = probability,
            Err(_) => return false,
        }
    }
    fit.estimates.is_some()
}

impl Quality {
    /// The quality of one probability a row, over the rows that prefer a side.
    fn of(design: &Design, predicted: &[f64], two_sided: bool) -> Self {
        let (mut p, mut yes, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (&outcome, &probability)) in design.outcome().iter().zip(predicted).enumerate() {
            let preferred = match outcome {
                1.0 => true,
                0.0 => false,
                _ => continue,
            };
            p.push(probability);
            yes.push(preferred);
            weights.push(design.weight(row));
            if two_sided {
                p.push(1.0 - probability);
                yes.push(!preferred);
                weights.push(design.weight(row));
            }
        }
        let line = calibration(&p, &yes, Some(&weights));
        let weights = Some(weights.as_slice());
        Self {
            accuracy: accuracy(&p, &yes, weights),
            auc: auc(&p, &yes, weights),
            brier: brier(&p, &yes, weights),
            log_loss: log_loss(&p, &yes, weights).and_then(finite),
            tjur_r2: tjur_r2(&p, &yes, weights),
            calibration_slope: line.map(|line| line.slope),
            calibration_intercept: line.map(|line| if two_sided { 0.0 } else { line.intercept }),
        }
    }
}
