//! The blocked storage of the design matrix.

use prefetch_index::prefetch_index;

/// Rows of one panel: a multiple of every vector width, and small enough that a panel of some
/// thirty columns stays in the second-level cache, one of fourteen in the first.
pub(crate) const PANEL: usize = 128;

/// One number a row, for the rows of one panel.
///
/// Aligned to a cache line, so that no vector load is split between two.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lane(pub(crate) [f64; PANEL]);

impl Lane {
    pub(crate) const ZERO: Self = Self([0.0; PANEL]);

    /// The part of a vector of row values that belongs to a panel, filled up with zeros.
    pub(crate) fn of(values: &[f64], panel: usize) -> Self {
        let mut lane = Self::ZERO;
        let start = (panel * PANEL).min(values.len());
        let part = &values[start..(start + PANEL).min(values.len())];
        lane.0[..part.len()].copy_from_slice(part);
        lane
    }

    /// The same without a copy, but for the last panel, which is filled up in `scratch`.
    #[inline(always)]
    pub(crate) fn part<'v>(values: &'v [f64], panel: usize, scratch: &'v mut Self) -> &'v [f64; PANEL] {
        let whole = values.get(panel * PANEL..).and_then(|rest| rest.first_chunk());
        whole.unwrap_or_else(|| {
            *scratch = Self::of(values, panel);
            &scratch.0
        })
    }

    /// Ones for the first rows, zeros for the filling.
    pub(crate) fn ones(rows: usize) -> Self {
        let mut lane = Self::ZERO;
        lane.0[..rows.min(PANEL)].fill(1.0);
        lane
    }
}

/// The number of numbers in a line of the cache.
pub(crate) const LINE: usize = 8;

/// Lanes that will be read soon, brought into the cache a few lines at a time between other work.
///
/// A pass works on a panel for longer than memory needs to deliver the next one, but reads it in bursts that are too
/// short for the processor to look ahead by itself.
#[derive(Debug, Default)]
pub(crate) struct Ahead<'a> {
    first: &'a [f64],
    next: usize,
    end: usize,
}

impl<'a> Ahead<'a> {
    pub(crate) fn of(lanes: &'a [Lane]) -> Self {
        let first = lanes.first().map_or(&[][..], |lane| &lane.0);
        Self { first, next: 0, end: lanes.len() * PANEL }
    }

    /// Asks for the next `count` lines, and does not wait for them.
    #[inline(always)]
    pub(crate) fn fetch(&mut self, count: usize) {
        if self.next < self.end {
            for line in 0..count {
                // The lanes follow each other in memory. A line past the last is a hint like any other, and no access.
                prefetch_index(self.first, self.next + line * LINE);
            }
            self.next += count * LINE;
        }
    }

    /// Asks for all that is left.
    #[inline(always)]
    pub(crate) fn finish(&mut self) {
        self.fetch(self.end.saturating_sub(self.next) / LINE);
    }
}

/// Panels that are allocated together: a matrix that grows is never copied as a whole.
const BLOCK: usize = 256;

/// A matrix in panels of [`PANEL`] rows, stored one after the other, column by column inside.
///
/// Reading a panel is reading one contiguous stretch of memory, and a column of a panel is
/// contiguous too. The last panel is filled up with zero rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panels {
    rows: usize,
    columns: usize,
    /// [`BLOCK`] panels each, but for the last.
    blocks: Vec<Vec<Lane>>,
}

impl Panels {
    pub(crate) fn new(columns: usize) -> Self {
        Self { rows: 0, columns, blocks: Vec::new() }
    }

    /// From whole columns, all `rows` long.
    pub(crate) fn from_columns(rows: usize, columns: &[Vec<f64>]) -> Self {
        let blocks = (0..rows.div_ceil(BLOCK * PANEL)).map(|index| block(index, rows, columns)).collect();
        Self { rows, columns: columns.len(), blocks }
    }

    /// The same, giving the memory of the columns back while the panels take it.
    pub(crate) fn replacing_columns(rows: usize, mut columns: Vec<Vec<f64>>) -> Self {
        let count = columns.len();
        let last_first = (0..rows.div_ceil(BLOCK * PANEL)).rev().map(|index| {
            let block = block(index, rows, &columns);
            for column in &mut columns {
                column.truncate(index * BLOCK * PANEL);
                column.shrink_to_fit();
            }
            block
        });
        let mut blocks: Vec<Vec<Lane>> = last_first.collect();
        blocks.reverse();
        Self { rows, columns: count, blocks }
    }

    /// Appends one row, which must have one value a column.
    pub(crate) fn push(&mut self, row: &[f64]) {
        let (panel, place) = (self.rows / PANEL, self.rows % PANEL);
        if place == 0 && panel.is_multiple_of(BLOCK) {
            // The first one grows with the rows, so that few rows take little room.
            self.blocks.push(if panel == 0 { Vec::new() } else { Vec::with_capacity(BLOCK * self.columns) });
        }
        let base = panel % BLOCK * self.columns;
        if let Some(block) = self.blocks.last_mut() {
            if place == 0 {
                block.resize(base + self.columns, Lane::ZERO);
            }
            for (lane, &value) in block[base..].iter_mut().zip(row) {
                lane.0[place] = value;
            }
        }
        self.rows += 1;
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// How many panels there are.
    pub(crate) fn count(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    /// The rows of a panel that are data and not filling.
    pub(crate) fn rows_of(&self, panel: usize) -> usize {
        self.rows.saturating_sub(panel * PANEL).min(PANEL)
    }

    /// The columns of one panel.
    pub(crate) fn panel(&self, panel: usize) -> &[Lane] {
        &self.blocks[panel / BLOCK][panel % BLOCK * self.columns..][..self.columns]
    }

    /// One entry.
    pub(crate) fn get(&self, row: usize, column: usize) -> f64 {
        self.panel(row / PANEL)[column].0[row % PANEL]
    }
}

/// One block of panels.
fn block(index: usize, rows: usize, columns: &[Vec<f64>]) -> Vec<Lane> {
    let panels = index * BLOCK..((index + 1) * BLOCK).min(rows.div_ceil(PANEL));
    let mut lanes = Vec::with_capacity(panels.len() * columns.len());
    for panel in panels {
        lanes.extend(columns.iter().map(|column| Lane::of(column, panel)));
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_give_the_same_panels() {
        let rows = 300;
        let columns: Vec<Vec<f64>> = (0..3).map(|j| (0..rows).map(|i| (i * 7 + j) as f64).collect()).collect();
        let from_columns = Panels::from_columns(rows, &columns);
        let mut pushed = Panels::new(3);
        for row in 0..rows {
            pushed.push(&columns.iter().map(|column| column[row]).collect::<Vec<_>>());
        }
        let same = |a: &Panels, b: &Panels| {
            (0..a.count()).all(|panel| a.panel(panel).iter().zip(b.panel(panel)).all(|(a, b)| a.0 == b.0))
        };
        assert!(same(&from_columns, &pushed));
        assert!(same(&Panels::replacing_columns(rows, columns.clone()), &pushed));
        assert_eq!(pushed.count(), 3);
        assert_eq!(pushed.rows_of(2), 44);
        assert_eq!(pushed.get(299, 2), columns[2][299]);
        assert_eq!(Lane::of(&columns[0], 2).0[43..45], [columns[0][299], 0.0]);
        assert_eq!(Lane::ones(44).0[43..45], [1.0, 0.0]);
    }

    #[test]
    fn more_rows_than_a_block() {
        let rows = 2 * BLOCK * PANEL + 5;
        let columns: Vec<Vec<f64>> = (0..2).map(|j| (0..rows).map(|i| (2 * i + j) as f64).collect()).collect();
        let mut pushed = Panels::new(2);
        (0..rows).for_each(|i| pushed.push(&[columns[0][i], columns[1][i]]));
        for panels in [&pushed, &Panels::replacing_columns(rows, columns.clone())] {
            assert_eq!((panels.rows(), panels.count()), (rows, 2 * BLOCK + 1));
            assert!((0..rows).all(|i| panels.get(i, 1) == columns[1][i]));
        }
    }
}
