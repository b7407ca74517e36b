//! How far annotators agree with each other: the ceiling of what a model can be expected to reach.

use serde::{Deserialize, Serialize};

use crate::alignment::agreement::{agreement_rate, nominal_alpha};
use crate::alignment::{JointCounts, Score};
use crate::error::Result;
use crate::id::AgentId;
use crate::preference::{Aggregation, Choice, Vote};
use crate::stats::Resampling;
use crate::table::{ComparisonTable, JudgementRow};

/// Agreement among the annotators of one agent, over pairs that at least two of them judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AnnotatorAgreement {
    /// Whose annotators.
    pub agent: AgentId,
    /// How many there are.
    pub annotators: usize,
    /// Pairs that at least two of them judged.
    pub pairs: usize,
    /// How often two of them prefer the same side where both prefer one.
    pub agreement_rate: Score,
    /// Krippendorff's α over A, B and tie, nominal.
    pub krippendorff_alpha: Score,
    /// How often one of them prefers the same side as the majority of the others, where both prefer one:
    /// what a model that is as good as one annotator would reach.
    pub leave_one_out: Score,
}

impl AnnotatorAgreement {
    /// The agreement among an agent's annotators; `None` where no pair has two of them.
    ///
    /// # Errors
    ///
    /// Where the agent is not in the table, or the resampling is out of range.
    pub fn of(table: &ComparisonTable, agent: &AgentId, resampling: &Resampling) -> Result<Option<Self>> {
        resampling.check()?;
        let judgements = table.judgements(agent)?;
        let mut coincidences = vec![JointCounts::default(); table.prompts().len()];
        let mut left_out = coincidences.clone();
        let mut pairs = 0;
        for rows in judgements.rows().chunk_by(|a, b| a.pair == b.pair) {
            let votes: Vec<&JudgementRow> = rows.iter().filter(|row| row.choice.sign().is_some()).collect();
            if votes.len() < 2 {
                continue;
            }
            pairs += 1;
            let prompt = table.pairs()[rows[0].pair as usize].prompt as usize;
            add_coincidences(&votes, &mut coincidences[prompt]);
            for (place, row) in votes.iter().enumerate() {
                let others = votes.iter().enumerate().filter(|&(other, _)| other != place);
                let others = others.map(|(_, row)| Vote { choice: row.choice, strength: None, weight: row.weight });
                if let (Some(one), Some(rest)) = (row.choice.sign(), Aggregation::Majority.combine(others).sign()) {
                    left_out[prompt].add(rest, one, 1.0);
                }
            }
        }
        if pairs == 0 {
            return Ok(None);
        }
        // Prompts without such pairs would only add empty clusters.
        let used: Vec<(JointCounts, JointCounts)> =
            coincidences.into_iter().zip(left_out).filter(|(coincidences, _)| coincidences.total() > 0.0).collect();
        let replicates = resampling.clusters(used.len(), 3, |multiplicity, out| {
            let (mut among, mut against) = (JointCounts::default(), JointCounts::default());
            for (&times, (coincidences, left_out)) in multiplicity.iter().zip(&used) {
                among.merge(coincidences, times);
                against.merge(left_out, times);
            }
            out[0] = agreement_rate(&among).unwrap_or(f64::NAN);
            out[1] = nominal_alpha(&among).unwrap_or(f64::NAN);
            out[2] = agreement_rate(&against).unwrap_or(f64::NAN);
        });
        Ok(Some(Self {
            agent: agent.clone(),
            annotators: judgements.annotators().len().max(2),
            pairs,
            agreement_rate: Score::from_replicates(&replicates, 0),
            krippendorff_alpha: Score::from_replicates(&replicates, 1),
            leave_one_out: Score::from_replicates(&replicates, 2),
        }))
    }
}

/// Every ordered pair of votes on a pair, each counted 1/(m − 1), as Krippendorff's α wants it.
fn add_coincidences(votes: &[&JudgementRow], into: &mut JointCounts) {
    let weight = 1.0 / (votes.len() - 1) as f64;
    let sign = |choice: Choice| choice.sign().unwrap_or(0);
    for (i, first) in votes.iter().enumerate() {
        for (j, second) in votes.iter().enumerate() {
            if i != j {
                into.add(sign(first.choice), sign(second.choice), weight);
            }
        }
    }
}
