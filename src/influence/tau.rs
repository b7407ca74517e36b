//! τ14: influence factor by factor.

use crate::error::{Error, Result};
use crate::id::AgentId;
use crate::influence::{Estimate, FactorInfluence, FactorStatus, InfluenceMeasure, InfluenceProfile, PromptSums};
use crate::stats::{Correction, Interval, derive_seed, sign_flip_test, t_quantile};
use crate::table::ComparisonTable;

/// τ14 = (C − D)/(C + D + T): the mean agreement between preference and factor over the decided pairs.
///
/// It equals what Feedback Forensics calls *strength* (balanced κ × relevance).
/// Standard error: clustered by prompt, `√(G/(G−1) · Σ_g (S_g − τ·N_g)²)/N` with `S_g`
/// the sum of `Pref·M` and `N_g` the number of decided judgements of prompt `g`; interval: Student's t
/// with `G − 1` degrees of freedom, cut at ±1. Test of τ14 = 0: the sign-flip permutation test over prompts,
/// exact where that is feasible (with one pair a prompt it is the exact sign test); q-values by
/// [`Correction`] over the factors.
///
/// ```
/// use prefactor::influence::{InfluenceMeasure, Tau14};
/// use prefactor::preference::{Dataset, Judgement, Pair, Preference, Response};
/// use prefactor::table::{ComparisonTable, FactorTable};
///
/// let pair = |i: usize, preference| {
///     let a = Response::new(format!("a{i}")).factor("facts", 2.0);
///     let b = Response::new(format!("b{i}")).factor("facts", 1.0);
///     Pair::new(i.to_string(), format!("p{i}"), a, b).judgement(Judgement::new("human", preference))
/// };
/// let dataset = Dataset::from_pairs([
///     pair(1, Preference::A),
///     pair(2, Preference::A),
///     pair(3, Preference::B),
///     pair(4, Preference::A),
/// ])?;
/// let table = ComparisonTable::new(&dataset, &FactorTable::given(&dataset)?, Vec::new())?;
/// let profile = Tau14::default().fit(&table, &"human".into())?;
/// assert_eq!(profile.factors[0].estimate.estimate, Some(0.5));
/// assert_eq!(profile.factors[0].estimate.p_value, Some(0.625));
/// # Ok::<(), prefactor::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tau14 {
    /// The level of intervals, 0 to 1; 0.95 by default.
    pub level: f64,
    /// The correction for the number of factors; Benjamini–Hochberg by default.
    pub correction: Correction,
    /// Sign flips where the exact test is not feasible; 9,999 by default.
    pub permutations: usize,
    /// The seed of those flips.
    pub seed: u64,
}

impl Default for Tau14 {
    fn default() -> Self {
        Self { level: 0.95, correction: Correction::default(), permutations: 9_999, seed: 0 }
    }
}

impl Tau14 {
    /// The profile from sums that are there already.
    pub(crate) fn profile_of(
        &self,
        table: &ComparisonTable,
        agent: &AgentId,
        sums: &PromptSums,
    ) -> Result<InfluenceProfile> {
        if !(self.level > 0.0 && self.level < 1.0) {
            let value = self.level.to_string();
            return Err(Error::Parameter { name: "level", value, expected: "between 0 and 1" });
        }
        let mut factors: Vec<FactorInfluence> = Vec::with_capacity(table.columns().len());
        for (k, (spec, &tau)) in table.specs().zip(&sums.tau14()).enumerate() {
            let counts = sums.counts()[k];
            let cells: Vec<(f64, f64)> =
                (0..sums.prompts()).map(|g| sums.cell(g, k)).filter(|&(_, total)| total > 0.0).collect();
            let mut estimate = Estimate::new(tau);
            let status = if cells.is_empty() {
                FactorStatus::NoPairs
            } else if counts.concordant + counts.discordant == 0 {
                FactorStatus::NeverDiffers
            } else if cells.len() == 1 {
                FactorStatus::OnePrompt
            } else {
                let std_error = clustered_std_error(tau, &cells);
                let margin = t_quantile(0.5 + self.level / 2.0, (cells.len() - 1) as f64) * std_error;
                let interval = Interval { low: (tau - margin).max(-1.0), high: (tau + margin).min(1.0) };
                estimate = estimate.std_error(std_error).interval(Some(interval));
                FactorStatus::Estimated
            };
            if status == FactorStatus::Estimated {
                let flips: Vec<f64> = cells.iter().map(|&(signed, _)| signed).collect();
                let seed = derive_seed(self.seed, spec.id.as_str(), agent.as_str());
                let test = sign_flip_test(&flips, self.permutations, seed);
                estimate = estimate
                    .p_value(Some(test.map_or(1.0, |test| test.p_value)))
                    .p_monte_carlo_error(test.map_or(0.0, |test| test.monte_carlo_error));
            }
            factors.push(FactorInfluence { factor: spec.id.clone(), status, estimate, counts: Some(counts) });
        }
        let p_values: Vec<Option<f64>> = factors.iter().map(|factor| factor.estimate.p_value).collect();
        for (factor, q_value) in factors.iter_mut().zip(self.correction.adjust(&p_values)) {
            factor.estimate.q_value = q_value;
        }
        Ok(InfluenceProfile::new(agent.clone(), self.name(), table.counts(agent)?, factors))
    }
}

/// The standard error of a ratio of sums over prompts, with the G/(G−1) correction.
pub(super) fn clustered_std_error(ratio: f64, cells: &[(f64, f64)]) -> f64 {
    let clusters = cells.len() as f64;
    let weight: f64 = cells.iter().map(|&(_, total)| total).sum();
    let squares: f64 = cells.iter().map(|&(signed, total)| (signed - ratio * total).powi(2)).sum();
    (clusters / (clusters - 1.0) * squares).sqrt() / weight
}

impl InfluenceMeasure for Tau14 {
    fn name(&self) -> &str {
        "tau14"
    }

    fn fit(&self, table: &ComparisonTable, agent: &AgentId) -> Result<InfluenceProfile> {
        self.profile_of(table, agent, &PromptSums::new(table, agent)?)
    }
}
