//! Pairs of long lists counted in O(n log n), or O(n) if both hold few distinct values.
//!
//! With many values the steps are Knight's (1966, <https://doi.org/10.1080/01621459.1966.10480879>):
//! order by x, then count the inversions of y.

use super::inversions::inversions;
use super::kendall::KendallCounts;
use super::order::Ordered;
use crate::parallel::join;

/// Lists with at most this many distinct values each are counted through a table.
const LEVELS: usize = 64;

/// Shorter lists are not worth a second thread.
const TASK: usize = 1 << 15;

/// Counts the pairs of two lists of one length, all finite.
pub(super) fn count(x: &[f64], y: &[f64]) -> KendallCounts {
    by_table(x, y).unwrap_or_else(|| by_sorting(x, y))
}

/// Pairs within a group of equal values.
fn pairs(size: u64) -> u64 {
    size * size.saturating_sub(1) / 2
}

fn by_sorting(x: &[f64], y: &[f64]) -> KendallCounts {
    let (ordered_x, (ranks_y, ties_y)) =
        if x.len() < TASK { (Ordered::new(x), dense_ranks(y)) } else { join(|| Ordered::new(x), || dense_ranks(y)) };
    let mut along_x: Vec<u32> = Vec::with_capacity(x.len());
    let (mut ties_x, mut tied_xy) = (0, 0);
    ordered_x.for_each_group(|places| {
        let from = along_x.len();
        along_x.extend(places.iter().map(|&place| ranks_y[place as usize]));
        if places.len() > 1 {
            ties_x += pairs(places.len() as u64);
            // In ascending order a tie in x holds no inversion.
            along_x[from..].sort_unstable();
            tied_xy += along_x[from..].chunk_by(|a, b| a == b).map(|both| pairs(both.len() as u64)).sum::<u64>();
        }
    });
    let discordant = inversions(along_x);
    let all = pairs(x.len() as u64);
    let (tied_x, tied_y) = (ties_x - tied_xy, ties_y - tied_xy);
    KendallCounts { concordant: all - discordant - tied_x - tied_y - tied_xy, discordant, tied_x, tied_y, tied_xy }
}

/// The place of each value among the distinct ones, from 0, and the number of tied pairs.
fn dense_ranks(values: &[f64]) -> (Vec<u32>, u64) {
    let mut ranks = vec![0; values.len()];
    let (mut rank, mut ties) = (0, 0);
    Ordered::new(values).for_each_group(|places| {
        for &place in places {
            ranks[place as usize] = rank;
        }
        rank += 1;
        ties += pairs(places.len() as u64);
    });
    (ranks, ties)
}

/// Counts through a table of both lists' distinct values; `None` if there are too many.
fn by_table(x: &[f64], y: &[f64]) -> Option<KendallCounts> {
    let (mut codes_x, mut codes_y) = (Codes::new(), Codes::new());
    let mut table = vec![0_u64; LEVELS * LEVELS];
    for (&x, &y) in x.iter().zip(y) {
        table[codes_x.of(x)? * LEVELS + codes_y.of(y)?] += 1;
    }
    let (levels_x, levels_y) = (codes_x.ascending(), codes_y.ascending());
    let (mut concordant, mut discordant, mut ties_x, mut tied_xy) = (0, 0, 0, 0);
    // How many values so far, at lower x, lie at each level of y.
    let mut column = vec![0_u64; levels_y.len()];
    let mut seen = 0;
    for level_x in levels_x {
        let row: Vec<u64> = levels_y.iter().map(|&level_y| table[level_x * LEVELS + level_y]).collect();
        let mut below = 0;
        for (count, earlier) in row.iter().zip(&column) {
            concordant += count * below;
            discordant += count * (seen - below - earlier);
            tied_xy += pairs(*count);
            below += earlier;
        }
        let size: u64 = row.iter().sum();
        ties_x += pairs(size);
        seen += size;
        column.iter_mut().zip(&row).for_each(|(total, count)| *total += count);
    }
    let ties_y: u64 = column.iter().map(|&size| pairs(size)).sum();
    let (tied_x, tied_y) = (ties_x - tied_xy, ties_y - tied_xy);
    Some(KendallCounts { concordant, discordant, tied_x, tied_y, tied_xy })
}

/// Numbers for the distinct values of a list, in the order they appear: a small hash table.
struct Codes {
    /// The bits of a value and its number; `LEVELS` marks an empty slot.
    slots: [(u64, u8); Self::SLOTS],
    values: Vec<f64>,
}

impl Codes {
    /// Four times the values it may hold: probes end soon.
    const SLOTS: usize = 4 * LEVELS;

    fn new() -> Self {
        Self { slots: [(0, LEVELS as u8); Self::SLOTS], values: Vec::with_capacity(LEVELS) }
    }

    /// The number of a value; `None` if it would be one too many.
    #[inline]
    fn of(&mut self, value: f64) -> Option<usize> {
        // Adding zero makes −0 the 0 that it equals.
        let bits = (value + 0.0).to_bits();
        // Multiplicative hashing (Knuth): the leading bits of the product depend on all others,
        // also for the whole numbers and halves of which all but the leading bits are zero.
        let mut slot = (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - Self::SLOTS.ilog2())) as usize;
        loop {
            let (known, code) = self.slots[slot];
            if usize::from(code) == LEVELS {
                return self.enter(slot, bits);
            }
            if known == bits {
                return Some(usize::from(code));
            }
            slot = (slot + 1) % Self::SLOTS;
        }
    }

    #[cold]
    fn enter(&mut self, slot: usize, bits: u64) -> Option<usize> {
        let code = self.values.len();
        if code == LEVELS {
            return None;
        }
        self.slots[slot] = (bits, code as u8);
        self.values.push(f64::from_bits(bits));
        Some(code)
    }

    /// The numbers in the order of their values.
    fn ascending(&self) -> Vec<usize> {
        let mut codes: Vec<usize> = (0..self.values.len()).collect();
        codes.sort_unstable_by(|&a, &b| self.values[a].total_cmp(&self.values[b]));
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::seed::{index_below, rng};
    use super::*;

    // Long enough for several threads.
    const N: u32 = 100_003;

    #[test]
    fn table_and_sorting_agree() {
        let mut rng = rng(5);
        let mut level = |levels| -f64::from(index_below(&mut rng, levels));
        let (x, y): (Vec<f64>, Vec<f64>) = (0..N).map(|_| (level(64), level(7))).unzip();
        assert_eq!(by_table(&x, &y), Some(by_sorting(&x, &y)));
        let (x, y): (Vec<f64>, Vec<f64>) = (0..N).map(|_| (level(65), level(7))).unzip();
        assert_eq!(by_table(&x, &y), None);
    }

    #[test]
    fn a_rotated_list() {
        let shift = 30_000;
        let x: Vec<f64> = (0..N).map(f64::from).collect();
        let y: Vec<f64> = (0..N).map(|i| f64::from((i + shift) % N).sqrt()).collect();
        let discordant = u64::from(shift) * u64::from(N - shift);
        let all = pairs(u64::from(N));
        let expected = KendallCounts { concordant: all - discordant, discordant, ..KendallCounts::default() };
        assert_eq!(count(&x, &y), expected);
    }
}
