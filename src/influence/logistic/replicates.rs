//! The coefficients of a model on resampled clusters.

use super::covariance::Covariance;
use super::design::Design;
use super::params::LogisticParams;
use crate::error::Result;
use crate::stats::{Replicates, Resampling};

impl LogisticParams {
    /// The coefficients of the model, in the order of the fit, on clusters drawn with replacement (rows where the design has
    /// no clusters); `None` where the model of all rows has no estimates. A replicate whose rows do not determine the
    /// coefficients is undefined.
    pub(crate) fn coefficient_replicates(
        &self,
        design: &Design,
        resampling: &Resampling,
    ) -> Result<Option<Replicates>> {
        resampling.check()?;
        let params = self.clone().covariance(Covariance::Model);
        let fit = params.fit_design(design)?;
        if fit.estimates.is_none() {
            return Ok(None);
        }
        let units = design.n_clusters().unwrap_or(design.n_rows());
        let unit = |row: usize| design.clusters().map_or(row, |clusters| clusters.of_row[row] as usize);
        Ok(Some(resampling.clusters(units, fit.coefficients().len(), |times, out| {
            let drawn = |row: usize| std::iter::repeat_n(row, times[unit(row)] as usize);
            let rows: Vec<usize> = (0..design.n_rows()).flat_map(drawn).collect();
            out.fill(f64::NAN);
            if let Some(estimates) = params.fit_design(&design.select(&rows)).ok().and_then(|fit| fit.estimates) {
                out.copy_from_slice(&estimates.values());
            }
        })))
    }
}
