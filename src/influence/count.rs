//! Counting how often factors agree with preferences, at the speed of the memory.
//!
//! One pass over the differences: a block of preferences stays in a near cache while the same block of
//! every column goes by, and the loops that count are vector instructions, compiled once for each instruction set and
//! chosen at run time.

use pulp::{Arch, Simd, WithSimd};

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

/// Pairs of a block: few enough for their preferences to stay near, many enough for each column to be read in long stretches.
const BLOCK: usize = 4096;

/// The counts of every column over these runs.
pub(super) fn count_runs(columns: &[FactorColumn], votes: &Votes, runs: &[Run]) -> Vec<CountedRun> {
    Arch::new().dispatch(CountRuns { columns, votes, runs })
}

struct CountRuns<'a> {
    columns: &'a [FactorColumn],
    votes: &'a Votes,
    runs: &'a [Run],
}

impl WithSimd for CountRuns<'_> {
    type Output = Vec<CountedRun>;

    // Plain loops and no closures of iterators, which would be compiled without the wider instructions.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<CountedRun> {
        let Self { columns, votes, runs } = self;
        let mut preferences = [0.0; BLOCK];
        let mut all = Vec::with_capacity(runs.len());
        for run in runs {
            let mut counted = CountedRun { decided: 0, tied: 0, columns: vec![RunCounts::default(); columns.len()] };
            for start in (run.start..run.end).step_by(BLOCK) {
                let block = start..(start + BLOCK).min(run.end);
                let preferences = &mut preferences[..block.len()];
                let (decided, tied) = votes.block(block.clone(), preferences);
                counted.decided += decided;
                counted.tied += tied;
                for (column, counts) in columns.iter().zip(&mut counted.columns) {
                    let differences = &column.raw()[block.clone()];
                    match (column.has_missing(), tied > 0) {
                        (false, false) => count::<S, false, false>(simd, differences, preferences, counts),
                        (false, true) => count::<S, false, true>(simd, differences, preferences, counts),
                        (true, _) => count::<S, true, true>(simd, differences, preferences, counts),
                    }
                }
            }
            all.push(counted);
        }
        all
    }
}

/// No branch; `MISSING` and `TIES` say what has to be looked for at all.
///
/// A factor of ±1 is exact, so the sign of the product is that of the agreement, however small it is; NaN, which stands
/// for a missing difference and for no judgement, is neither above nor below 0.
#[inline(always)]
fn count<S: Simd, const MISSING: bool, const TIES: bool>(
    simd: S,
    differences: &[f64],
    preferences: &[f64],
    counts: &mut RunCounts,
) {
    let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
    let (mut concordant, mut discordant, mut both_ties) = (zero, zero, zero);
    let (mut missing_decided, mut missing_tied) = (zero, zero);
    let add = |sum: &mut S::f64s, mask: S::m64s| *sum = simd.add_f64s(*sum, simd.select_f64s(mask, one, zero));
    let (differences, last_differences) = S::as_simd_f64s(differences);
    let (preferences, last_preferences) = S::as_simd_f64s(preferences);
    for (&difference, &preference) in differences.iter().zip(preferences) {
        let agreement = simd.mul_f64s(difference, preference);
        add(&mut concordant, simd.greater_than_f64s(agreement, zero));
        add(&mut discordant, simd.less_than_f64s(agreement, zero));
        let tied = simd.equal_f64s(preference, zero);
        if TIES {
            add(&mut both_ties, simd.and_m64s(simd.equal_f64s(difference, zero), tied));
        }
        if MISSING {
            let missing = simd.not_m64s(simd.equal_f64s(difference, difference));
            add(&mut missing_tied, simd.and_m64s(missing, tied));
            add(&mut missing_decided, simd.and_m64s(missing, simd.equal_f64s(simd.abs_f64s(preference), one)));
        }
    }
    let total = |sum: S::f64s| simd.reduce_sum_f64s(sum) as u64;
    counts.concordant += total(concordant);
    counts.discordant += total(discordant);
    counts.both_ties += total(both_ties);
    counts.missing_decided += total(missing_decided);
    counts.missing_tied += total(missing_tied);
    for (&difference, &preference) in last_differences.iter().zip(last_preferences) {
        let (agreement, missing) = (difference * preference, difference.is_nan());
        counts.concordant += u64::from(agreement > 0.0);
        counts.discordant += u64::from(agreement < 0.0);
        counts.both_ties += u64::from(difference == 0.0 && preference == 0.0);
        counts.missing_tied += u64::from(missing && preference == 0.0);
        counts.missing_decided += u64::from(missing && preference.abs() == 1.0);
    }
}
