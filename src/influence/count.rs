//! Counting how often factors agree with preferences, at the speed of the memory.
//!
//! One pass over the differences: a block of preferences stays in the first cache while the same block of
//! every column goes by, and the loops that count are plain enough for the compiler to turn into vector instructions,
//! compiled once for each instruction set and chosen at run time.

use pulp::Arch;

use crate::table::{FactorColumn, Run, Votes};

/// Judgements of one run by preference and factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RunCounts {
    pub(super) concordant: u64,
    pub(super) discordant: u64,
    pub(super) both_ties: u64,
    /// A side is preferred and the factor is missing.
    pub(super) missing_decided: u64,
    /// The preference is a tie and the factor is missing.
    pub(super) missing_tied: u64,
}

/// The counts of one run: what its judgements are, and how each column goes with them.
#[derive(Debug, Clone)]
pub(super) struct CountedRun {
    pub(super) decided: u64,
    pub(super) tied: u64,
    pub(super) columns: Vec<RunCounts>,
}

/// Pairs whose preferences fit into the first cache beside a block of differences.
const BLOCK: usize = 1024;

/// The counts of every column over these runs.
pub(super) fn count_runs(columns: &[FactorColumn], votes: &Votes, runs: &[Run]) -> Vec<CountedRun> {
    Arch::new().dispatch(|| {
        let mut preferences = [0.0; BLOCK];
        let count = |run: &Run| {
            let mut counted = CountedRun { decided: 0, tied: 0, columns: vec![RunCounts::default(); columns.len()] };
            for start in (run.start..run.end).step_by(BLOCK) {
                let block = start..(start + BLOCK).min(run.end);
                let preferences = &mut preferences[..block.len()];
                let (decided, tied) = votes.block(block.clone(), preferences);
                counted.decided += decided;
                counted.tied += tied;
                for (column, counts) in columns.iter().zip(&mut counted.columns) {
                    let differences = &column.raw()[block.clone()];
                    count_sides(differences, preferences, counts);
                    if column.has_missing() {
                        count_rest(differences, preferences, counts);
                    } else if tied > 0 {
                        counts.both_ties += both_ties(differences, preferences);
                    }
                }
            }
            counted
        };
        runs.iter().map(count).collect()
    })
}

/// Pairs that one vector step takes; what is left over at the end of a run goes one by one.
const LANES: usize = 8;

/// No branch, so that it becomes vector instructions.
#[inline(always)]
fn count_sides(differences: &[f64], preferences: &[f64], counts: &mut RunCounts) {
    // A factor of ±1 is exact, so the sign of the product is that of the agreement, however small it is; NaN,
    // which stands for a missing difference and for no judgement, is neither above nor below 0.
    let (mut concordant, mut discordant) = ([0u64; LANES], [0u64; LANES]);
    let (differences, last_differences) = differences.as_chunks::<LANES>();
    let (preferences, last_preferences) = preferences.as_chunks::<LANES>();
    for (differences, preferences) in differences.iter().zip(preferences) {
        for lane in 0..LANES {
            let agreement = differences[lane] * preferences[lane];
            concordant[lane] += u64::from(agreement > 0.0);
            discordant[lane] += u64::from(agreement < 0.0);
        }
    }
    for (lane, (&difference, &preference)) in last_differences.iter().zip(last_preferences).enumerate() {
        let agreement = difference * preference;
        concordant[lane] += u64::from(agreement > 0.0);
        discordant[lane] += u64::from(agreement < 0.0);
    }
    counts.concordant += concordant.iter().sum::<u64>();
    counts.discordant += discordant.iter().sum::<u64>();
}

/// What only ties and missing values need.
#[inline(always)]
fn count_rest(differences: &[f64], preferences: &[f64], counts: &mut RunCounts) {
    let (mut both_ties, mut missing_decided, mut missing_tied) = (0u64, 0u64, 0u64);
    for (&difference, &preference) in differences.iter().zip(preferences) {
        let (missing, tied) = (difference.is_nan(), preference == 0.0);
        both_ties += u64::from((difference == 0.0) & tied);
        missing_decided += u64::from(missing & (preference.abs() == 1.0));
        missing_tied += u64::from(missing & tied);
    }
    counts.both_ties += both_ties;
    counts.missing_decided += missing_decided;
    counts.missing_tied += missing_tied;
}

/// Ties on both sides, where no difference is missing.
#[inline(always)]
fn both_ties(differences: &[f64], preferences: &[f64]) -> u64 {
    let pairs = differences.iter().zip(preferences);
    pairs.map(|(&difference, &preference)| u64::from((difference == 0.0) & (preference == 0.0))).sum()
}
