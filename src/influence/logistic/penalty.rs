//! Penalties on the coefficients.

use serde::{Deserialize, Serialize};

use super::params::refused;
use crate::error::Result;

/// A penalty on the coefficients of the factors; the order effect is never penalised.
///
/// The objective is the sum (not the mean) of the rows' log-losses plus the penalty, so λ here is
/// n times that of glmnet and 1/C of scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Penalty {
    /// None: maximum likelihood.
    #[default]
    None,
    /// λ/2 · Σ β²: shrinks, and makes every fit finite.
    Ridge {
        /// λ ≥ 0.
        lambda: f64,
    },
}

impl Penalty {
    /// Checks that the penalty's numbers are in their ranges.
    pub(crate) fn check(&self) -> Result<()> {
        match *self {
            Self::None => Ok(()),
            Self::Ridge { lambda } => check_lambda(lambda),
        }
    }
}

fn check_lambda(lambda: f64) -> Result<()> {
    if lambda >= 0.0 && lambda.is_finite() { Ok(()) } else { Err(refused("lambda", lambda, "a finite number ≥ 0")) }
}
