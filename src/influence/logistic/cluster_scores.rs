//! The scores of the rows, summed over each cluster.

use pulp::{Arch, Simd, WithSimd};

use super::design::Grouping;
use super::kernel::{PARALLEL_WORK, Problem};
use super::panels::{Ahead, Lane, PANEL};
use crate::parallel::ordered_map;

impl Problem<'_> {
    /// The sum of the scores w(y − p)x over each cluster's rows: one row of sums a cluster.
    pub(crate) fn cluster_scores(&self, theta: &[f64], clusters: &Grouping) -> Vec<f64> {
        let Grouping { of_row: groups, count } = clusters;
        let count = *count;
        let panels = self.panel_count();
        // Each piece of the rows has a table of its own, so they are few; their number depends on the data only.
        let pieces = (panels * PANEL / (32 * count).max(1)).clamp(1, 16);
        let arch = Arch::new();
        let piece = |index: usize| {
            let panels = panels * index / pieces..panels * (index + 1) / pieces;
            arch.dispatch(ClusterPass { problem: self, theta, groups, count, panels })
        };
        let threads = panels * PANEL * self.terms() >= PARALLEL_WORK / 8;
        let mut partial = ordered_map(pieces, threads, piece).into_iter();
        let mut total = partial.next().unwrap_or_default();
        for part in partial {
            for (total, part) in total.iter_mut().zip(&part) {
                total.0.iter_mut().zip(&part.0).for_each(|(total, part)| *total += part);
            }
        }
        let terms = self.terms();
        let mut scores = Vec::with_capacity(count * terms);
        for cluster in total.chunks_exact(terms.div_ceil(TERMS).max(1)) {
            let end = scores.len() + terms;
            cluster.iter().for_each(|sums| scores.extend_from_slice(&sums.0));
            scores.truncate(end);
        }
        scores
    }
}

/// Columns whose sums of a cluster are added to at once.
const TERMS: usize = 8;

/// Their sums, in one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct TermSums([f64; TERMS]);

/// η and then the score w(y − p) of every row, summed over the rows of each cluster.
struct ClusterPass<'a> {
    problem: &'a Problem<'a>,
    theta: &'a [f64],
    groups: &'a [u32],
    count: usize,
    panels: std::ops::Range<usize>,
}

impl WithSimd for ClusterPass<'_> {
    /// The sums of each cluster, its last ones filled up.
    type Output = Vec<TermSums>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<TermSums> {
        let Self { problem, theta, groups, count, panels } = self;
        let design = problem.design;
        let (terms, constants) = (problem.terms(), problem.constants());
        let groups_of_terms = terms.div_ceil(TERMS);
        let mut sums = vec![TermSums([0.0; TERMS]); count * groups_of_terms];
        let (mut buffer, mut scratch, mut ones) = (Vec::new(), Lane::ZERO, Lane::ones(PANEL));
        for panel in panels {
            let score = problem.scores_of_rows(simd, panel, theta, &mut buffer, &mut scratch);
            let rows = design.panels().rows_of(panel);
            if rows < PANEL {
                ones = Lane::ones(rows);
            }
            let columns = problem.columns(panel, &buffer);
            let term = |j: usize| match j.checked_sub(constants) {
                None => &ones,
                Some(j) => columns.get(j).unwrap_or(&Lane::ZERO),
            };
            let groups = groups.get(panel * PANEL..).unwrap_or_default();
            let groups = &groups[..groups.len().min(PANEL)];
            let together = groups.windows(2).filter(|pair| pair[0] == pair[1]).count() > MOSTLY_TOGETHER;
            let mut ahead = problem.ahead(panel + 1);
            for part in 0..groups_of_terms {
                let rows = Rows {
                    columns: std::array::from_fn(|k| term(part * TERMS + k)),
                    score: &score,
                    groups,
                    place: |group| group as usize * groups_of_terms + part,
                };
                if together {
                    rows.add_runs(simd, &mut sums, &mut ahead);
                } else {
                    rows.add_each(simd, &mut sums, &mut ahead);
                }
            }
        }
        sums
    }
}

/// Neighbours of one cluster in a panel above which its rows are summed before they are added to their cluster.
const MOSTLY_TOGETHER: usize = PANEL / 2;

/// Some terms of a panel's rows, to be added to the sums of their clusters.
struct Rows<'a, P> {
    columns: [&'a Lane; TERMS],
    score: &'a Lane,
    groups: &'a [u32],
    /// Where the sums of a cluster are.
    place: P,
}

impl<P: Fn(u32) -> usize> Rows<'_, P> {
    /// `to` + score × values of a row.
    #[inline(always)]
    fn add_row<S: Simd>(&self, simd: S, row: usize, to: &mut TermSums) {
        let values: [f64; TERMS] = std::array::from_fn(|k| self.columns[k].0[row]);
        let score = simd.splat_f64s(self.score.0[row]);
        let (values, _) = S::as_simd_f64s(&values);
        for (sum, value) in S::as_mut_simd_f64s(&mut to.0).0.iter_mut().zip(values) {
            *sum = simd.mul_add_e_f64s(score, *value, *sum);
        }
    }

    /// Row by row, for clusters in no order.
    #[inline(always)]
    fn add_each<S: Simd>(&self, simd: S, sums: &mut [TermSums], ahead: &mut Ahead<'_>) {
        for (row, &group) in (0..PANEL).zip(self.groups) {
            ahead.fetch(1);
            if let Some(sums) = sums.get_mut((self.place)(group)) {
                self.add_row(simd, row, sums);
            }
        }
    }

    /// The rows of a cluster that follow each other summed in registers, for files that keep prompts together.
    #[inline(always)]
    fn add_runs<S: Simd>(&self, simd: S, sums: &mut [TermSums], ahead: &mut Ahead<'_>) {
        let mut close = |group: u32, run: &TermSums| {
            if let Some(sums) = sums.get_mut((self.place)(group)) {
                for (sum, run) in S::as_mut_simd_f64s(&mut sums.0).0.iter_mut().zip(S::as_simd_f64s(&run.0).0) {
                    *sum = simd.add_f64s(*sum, *run);
                }
            }
        };
        let (mut run, mut current) = (TermSums([0.0; TERMS]), None);
        for (row, &group) in (0..PANEL).zip(self.groups) {
            ahead.fetch(1);
            if current != Some(group) {
                if let Some(last) = current.replace(group) {
                    close(last, &run);
                }
                run = TermSums([0.0; TERMS]);
            }
            self.add_row(simd, row, &mut run);
        }
        if let Some(last) = current {
            close(last, &run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Design, sigmoid};
    use super::*;

    #[test]
    fn rows_in_any_order_give_the_sums_of_their_cluster() {
        let (rows, factors) = (5_000, 11);
        let value = |row: usize, factor: usize| ((row * 31 + factor * 17 + row * factor) % 41) as f64 / 20.0 - 1.0;
        let columns = (0..factors).map(|factor| (0..rows).map(|row| value(row, factor)).collect()).collect();
        let outcome: Vec<f64> = (0..rows).map(|row| f64::from(u8::from(row % 3 == 0))).collect();
        let theta: Vec<f64> = (0..=factors).map(|term| 0.2 - 0.05 * term as f64).collect();
        let orders: [fn(usize) -> u32; 3] =
            [|row| (row * 7 % 13) as u32, |row| (row / 400) as u32, |row| (row / 2) as u32];
        let design = Design::builder((0..factors).map(|factor| format!("f{factor}")));
        let design = design.columns(columns).outcome(outcome.clone()).build().unwrap();
        let problem = Problem::new(&design, true);
        for of_row in orders {
            let of_row: Vec<u32> = (0..rows).map(of_row).collect();
            let count = of_row.iter().max().map_or(0, |last| *last as usize + 1);
            let mut expected = vec![0.0; count * theta.len()];
            for (row, &cluster) in of_row.iter().enumerate() {
                let terms: Vec<f64> = std::iter::once(1.0).chain((0..factors).map(|f| value(row, f))).collect();
                let eta: f64 = terms.iter().zip(&theta).map(|(x, theta)| x * theta).sum();
                let sums = &mut expected[cluster as usize * theta.len()..];
                for (sum, x) in sums.iter_mut().zip(&terms) {
                    *sum += (outcome[row] - sigmoid(eta)) * x;
                }
            }
            let found = problem.cluster_scores(&theta, &Grouping { of_row, count });
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-11), "{count} clusters");
        }
    }
}
