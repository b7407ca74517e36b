//! The sums that τ14 is made of, prompt by prompt.

use serde::{Deserialize, Serialize};

use super::count::count_runs;
use crate::error::Result;
use crate::id::AgentId;
use crate::parallel::ordered_map;
use crate::table::{ComparisonTable, JudgementRow, Run, Votes};

/// How often a factor agrees with an agent's preferences, in judgements.
///
/// ```
/// use prefactor::influence::SignCounts;
/// let mut counts = SignCounts::default();
/// (counts.concordant, counts.discordant, counts.factor_ties) = (579, 255, 60);
/// assert!((counts.tau14().unwrap() - 0.3624161).abs() < 1e-7);
/// assert!((counts.coverage().unwrap() * counts.tau13().unwrap() - counts.tau14().unwrap()).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignCounts {
    /// C: the preferred response has more of the factor.
    pub concordant: u64,
    /// D: the preferred response has less of it.
    pub discordant: u64,
    /// T: a side is preferred and the factor does not differ.
    pub factor_ties: u64,
    /// The preference is a tie and the factor differs.
    pub preference_ties: u64,
    /// Both are ties.
    pub both_ties: u64,
    /// A side is preferred, or it is a tie, and the factor is missing.
    pub missing: u64,
}

impl SignCounts {
    /// `C + D + T`: judgements that prefer a side and have the factor.
    pub fn decided(&self) -> u64 {
        self.concordant + self.discordant + self.factor_ties
    }

    /// `(C − D)/(C + D + T)`, the default influence, −1 to 1; `None` where nothing was decided.
    pub fn tau14(&self) -> Option<f64> {
        ratio(self.balance(), self.decided() as f64)
    }

    /// `(C − D)/(C + D)`: how decisive the factor is where it differs.
    pub fn tau13(&self) -> Option<f64> {
        ratio(self.balance(), (self.concordant + self.discordant) as f64)
    }

    /// `(C + D)/(C + D + T)`: how often the factor differs at all.
    pub fn coverage(&self) -> Option<f64> {
        ratio((self.concordant + self.discordant) as f64, self.decided() as f64)
    }

    /// `(C − D)` over all judgements, ties included (Kendall's a).
    pub fn tau_a(&self) -> Option<f64> {
        ratio(self.balance(), (self.decided() + self.preference_ties + self.both_ties) as f64)
    }

    /// `(C − D)/√((C + D + Tx)(C + D + Ty))` (Kendall's b).
    pub fn tau_b(&self) -> Option<f64> {
        let untied = (self.concordant + self.discordant) as f64;
        let product = (untied + self.preference_ties as f64) * (untied + self.factor_ties as f64);
        ratio(self.balance(), product.sqrt())
    }

    /// `(C − D − Ty)/(C + D + Ty)`: a factor that does not differ counts against it.
    pub fn tau10(&self) -> Option<f64> {
        ratio(self.balance() - self.factor_ties as f64, self.decided() as f64)
    }

    /// `(C + Txy)` over all judgements: pairwise accuracy that rewards predicted ties.
    pub fn acc_eq(&self) -> Option<f64> {
        let all = self.decided() + self.preference_ties + self.both_ties;
        ratio((self.concordant + self.both_ties) as f64, all as f64)
    }

    fn balance(&self) -> f64 {
        self.concordant as f64 - self.discordant as f64
    }
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Pairs a task should have at least, so that handing it out costs nothing beside it.
const TASK: usize = 1 << 15;

/// For each prompt and factor the sum of `Pref·M` and of the weights, over decided judgements:
/// all that τ14 needs, for any resampling of prompts, without touching pairs again.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptSums {
    factors: usize,
    /// `[prompt][factor]`: Σ w·Pref·M.
    signed: Vec<f64>,
    /// `[prompt][factor]`: Σ w.
    total: Vec<f64>,
    counts: Vec<SignCounts>,
}

impl PromptSums {
    /// The sums of one agent.
    ///
    /// # Errors
    ///
    /// Where the agent is not in the table.
    pub fn new(table: &ComparisonTable, agent: &AgentId) -> Result<Self> {
        let rows = table.judgements(agent)?.rows();
        let (factors, prompts) = (table.columns().len(), table.prompts().len());
        let mut sums = Self {
            factors,
            signed: vec![0.0; prompts * factors],
            total: vec![0.0; prompts * factors],
            counts: vec![SignCounts::default(); factors],
        };
        match table.judgements(agent)?.votes() {
            Some(votes) => sums.add_votes(table, votes),
            None => sums.add_rows(table, rows),
        }
        Ok(sums)
    }

    /// Adds judgements, at most one a pair and each counting 1: the common case, and the fast one.
    fn add_votes(&mut self, table: &ComparisonTable, votes: &Votes) {
        let (runs, pairs) = (table.runs(), table.pairs().len());
        // Groups of runs that are worth a task each.
        let groups: Vec<&[Run]> = runs.chunks((runs.len() * TASK).checked_div(pairs).unwrap_or(0).max(1)).collect();
        let counted =
            ordered_map(groups.len(), pairs > 2 * TASK, |group| count_runs(table.columns(), votes, groups[group]));
        for (run, counted) in runs.iter().zip(counted.into_iter().flatten()) {
            for (k, column) in counted.columns.iter().enumerate() {
                let (concordant, discordant) = (column.concordant, column.discordant);
                let known = counted.decided - column.missing_decided;
                let counts = &mut self.counts[k];
                counts.concordant += concordant;
                counts.discordant += discordant;
                counts.factor_ties += known - concordant - discordant;
                counts.both_ties += column.both_ties;
                counts.preference_ties += counted.tied - column.missing_tied - column.both_ties;
                counts.missing += column.missing_decided + column.missing_tied;
                let cell = run.prompt * self.factors + k;
                self.signed[cell] += concordant as f64 - discordant as f64;
                self.total[cell] += known as f64;
            }
        }
    }

    /// Adds judgements one by one: weighted, or several on a pair.
    fn add_rows(&mut self, table: &ComparisonTable, rows: &[JudgementRow]) {
        for (k, (column, counts)) in table.columns().iter().zip(&mut self.counts).enumerate() {
            for row in rows {
                let Some(preference) = row.choice.sign() else { continue };
                let difference = column.raw()[row.pair as usize];
                let agreement = difference * f64::from(preference);
                match (preference == 0, difference == 0.0) {
                    _ if difference.is_nan() => counts.missing += 1,
                    (true, true) => counts.both_ties += 1,
                    (true, false) => counts.preference_ties += 1,
                    (false, true) => counts.factor_ties += 1,
                    (false, false) if agreement > 0.0 => counts.concordant += 1,
                    (false, false) => counts.discordant += 1,
                }
                if preference != 0 && !difference.is_nan() {
                    let cell = table.pairs()[row.pair as usize].prompt as usize * self.factors + k;
                    self.signed[cell] += if agreement == 0.0 { 0.0 } else { row.weight * agreement.signum() };
                    self.total[cell] += row.weight;
                }
            }
        }
    }

    /// The number of prompts of the table, with or without judgements.
    pub fn prompts(&self) -> usize {
        self.signed.len().checked_div(self.factors).unwrap_or(0)
    }

    /// The counts of each factor.
    pub fn counts(&self) -> &[SignCounts] {
        &self.counts
    }

    /// The signed sum and the weight of one prompt for one factor.
    pub(crate) fn cell(&self, prompt: usize, factor: usize) -> (f64, f64) {
        let place = prompt * self.factors + factor;
        (self.signed[place], self.total[place])
    }

    /// τ14 of every factor with each prompt counted `multiplicity` times, into `out`; NaN where undefined.
    pub(crate) fn tau14_into(&self, multiplicity: &[f64], scratch: &mut Vec<f64>, out: &mut [f64]) {
        scratch.clear();
        scratch.resize(self.factors, 0.0);
        out.fill(0.0);
        let rows = self.signed.chunks_exact(self.factors.max(1)).zip(self.total.chunks_exact(self.factors.max(1)));
        for (&times, (signed, total)) in multiplicity.iter().zip(rows) {
            if times == 0.0 {
                continue;
            }
            for k in 0..self.factors {
                out[k] += times * signed[k];
                scratch[k] += times * total[k];
            }
        }
        for (sum, weight) in out.iter_mut().zip(scratch) {
            *sum = if *weight > 0.0 { *sum / *weight } else { f64::NAN };
        }
    }

    /// τ14 of every factor; NaN where undefined.
    pub(crate) fn tau14(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.factors];
        self.tau14_into(&vec![1.0; self.prompts()], &mut Vec::new(), &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preference::{Dataset, Failure, FailureKind, Judgement, Pair, Preference, Response};
    use crate::stats::{index_below, rng};
    use crate::table::FactorTable;

    /// Pairs with every kind of outcome, ties and missing values of factors, and prompts that come back later.
    fn table(pairs: usize, weighted: bool) -> ComparisonTable {
        let mut rng = rng(1);
        let mut draw = |n: u32| index_below(&mut rng, n);
        let pairs = (0..pairs).map(|i| {
            let mut response = |side: &str| {
                let mut response = Response::without_text().id(format!("{side}{i}"));
                for factor in ["f", "g", "h"] {
                    if draw(10) > 0 {
                        response = response.factor(factor, f64::from(draw(4)) * 1e-310);
                    }
                }
                response
            };
            let (a, b) = (response("a"), response("b"));
            let failed = Preference::Failed(Failure::new(FailureKind::Refused));
            let outcomes = [Preference::A, Preference::B, Preference::A, Preference::B, Preference::Tie, failed];
            let mut judgement = Judgement::new("human", outcomes[draw(6) as usize].clone());
            if weighted {
                judgement = judgement.weight(1.0 + f64::from(draw(2)));
            }
            let pair = Pair::new(i.to_string(), format!("p{}", draw(9) / 3 + (i / 50) as u32), a, b);
            if draw(8) == 0 { pair } else { pair.judgement(judgement) }
        });
        let dataset = Dataset::from_pairs(pairs).unwrap();
        ComparisonTable::new(&dataset, &FactorTable::given(&dataset).unwrap(), Vec::new()).unwrap()
    }

    #[test]
    fn the_fast_count_equals_the_plain_one() {
        let table = table(2000, false);
        let human = AgentId::from("human");
        let rows = table.judgements(&human).unwrap().rows();
        let fast = PromptSums::new(&table, &human).unwrap();
        let mut plain = PromptSums { counts: vec![SignCounts::default(); 3], ..fast.clone() };
        plain.signed.fill(0.0);
        plain.total.fill(0.0);
        plain.add_rows(&table, rows);
        assert!(
            table.judgements(&human).unwrap().votes().is_some()
                && fast.counts[0].missing > 0
                && fast.counts[0].both_ties > 0
        );
        assert_eq!(fast, plain);
    }

    #[test]
    fn weights_weigh_estimates_and_not_counts() {
        let table = table(500, true);
        let human = AgentId::from("human");
        let sums = PromptSums::new(&table, &human).unwrap();
        let decided: u64 = sums.counts()[0].decided();
        let weight: f64 = (0..sums.prompts()).map(|prompt| sums.cell(prompt, 0).1).sum();
        assert!(weight > decided as f64 * 1.2 && weight < decided as f64 * 1.8);
    }
}
