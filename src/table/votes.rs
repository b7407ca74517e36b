//! The judgements of an agent in their densest form: a byte a pair.

use std::ops::Range;

use crate::table::{ComparedPair, JudgementRow};

/// +1, −1 or 0 for each pair, where no pair has two judgements and each counts 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Votes(Vec<i8>);

/// No judgement, an abstention or a failure.
const NONE: i8 = i8::MIN;

impl Votes {
    /// The votes of these rows; `None` where a pair has two, or one that counts more or less than 1.
    pub(super) fn new(rows: &[JudgementRow], pairs: usize) -> Option<Self> {
        let mut votes = vec![NONE; pairs];
        let mut next = 0;
        for row in rows {
            let pair = row.pair as usize;
            if pair < next || row.weight != 1.0 {
                return None;
            }
            next = pair + 1;
            votes[pair] = row.choice.sign().unwrap_or(NONE);
        }
        Some(Self(votes))
    }

    /// The preferences of a block as numbers, NaN for none, with how many are decided and tied.
    #[inline(always)]
    pub(crate) fn block(&self, pairs: Range<usize>, preferences: &mut [f64]) -> (u64, u64) {
        let (mut decided, mut tied) = (0u64, 0u64);
        for (&vote, preference) in self.0[pairs].iter().zip(preferences) {
            *preference = if vote == NONE { f64::NAN } else { f64::from(vote) };
            tied += u64::from(vote == 0);
            decided += u64::from(vote == 1) + u64::from(vote == -1);
        }
        (decided, tied)
    }
}

/// Pairs of one prompt that stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) prompt: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The pairs of a table in runs of one prompt, none longer than `longest`.
pub(super) fn runs_of_prompts(pairs: &[ComparedPair], longest: usize) -> Vec<Run> {
    let mut start = 0;
    let chunks = pairs.chunk_by(|a, b| a.prompt == b.prompt).flat_map(|pairs| pairs.chunks(longest));
    let runs = chunks.map(|pairs| {
        let run = Run { prompt: pairs[0].prompt as usize, start, end: start + pairs.len() };
        start = run.end;
        run
    });
    runs.collect()
}
