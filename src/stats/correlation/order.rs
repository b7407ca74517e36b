//! The positions of a list in the order of their values, by radix sort.
//!
//! Sorting words that hold the leading bits of a value and its position moves half the
//! memory of sorting both; the few values that these bits do not tell apart are compared in full.

/// Bits sorted in one pass.
const DIGIT: u32 = 8;
/// Passes; what their bits leave undecided is sorted by comparison.
const PASSES: u32 = 4;
/// Below this length one comparison sort is faster.
const SHORT: usize = 512;

/// A list in ascending order, as positions; `-0.0` equals `0.0`.
pub(super) struct Ordered<'a> {
    values: &'a [f64],
    /// The leading bits of a value's key, with its position in the last `place_bits`; ascending.
    words: Vec<u64>,
    place_bits: u32,
}

impl<'a> Ordered<'a> {
    /// Orders a list of fewer than 2³² finite values; of a longer one the rest is cut off.
    pub(super) fn new(values: &'a [f64]) -> Self {
        let n = u32::try_from(values.len()).unwrap_or(u32::MAX);
        // The keys are moved and stretched to fill all bits, so that values that lie close
        // together keep their differences in the leading ones.
        let (least, greatest) = values.iter().fold((u64::MAX, 0), |(least, greatest), &value| {
            let key = key(value);
            (least.min(key), greatest.max(key))
        });
        let stretch = greatest.saturating_sub(least).leading_zeros().min(63);
        let place_bits = u32::BITS - n.leading_zeros();
        let word = |(value, place): (&f64, u32)| {
            let leading = (key(*value) - least) << stretch;
            (leading >> place_bits << place_bits) | u64::from(place)
        };
        let mut words: Vec<u64> = values.iter().zip(0..n).map(word).collect();
        if words.len() < SHORT {
            words.sort_unstable();
        } else {
            words = radix_sort(words);
            let undecided = |&a: &u64, &b: &u64| a >> (u64::BITS - PASSES * DIGIT) == b >> (u64::BITS - PASSES * DIGIT);
            words.chunk_by_mut(undecided).filter(|run| run.len() > 1).for_each(<[u64]>::sort_unstable);
        }
        Self { values, words, place_bits }
    }

    /// Calls `each` with the positions of every group of equal values, in ascending order of
    /// value; positions ascend within a group.
    pub(super) fn for_each_group(&self, mut each: impl FnMut(&[u32])) {
        let place = |word: u64| (word & ((1 << self.place_bits) - 1)) as u32;
        let full_key = |place: u32| key(self.values[place as usize]);
        let mut run: Vec<u32> = Vec::new();
        for undecided in self.words.chunk_by(|&a, &b| a >> self.place_bits == b >> self.place_bits) {
            if let [word] = undecided {
                // Alone with its leading bits: the value itself need not be fetched.
                each(&[place(*word)]);
                continue;
            }
            run.clear();
            run.extend(undecided.iter().map(|&word| place(word)));
            run.sort_unstable_by_key(|&place| (full_key(place), place));
            run.chunk_by(|&a, &b| full_key(a) == full_key(b)).for_each(&mut each);
        }
    }
}

/// A whole number in the order of the values.
#[inline]
fn key(value: f64) -> u64 {
    // Adding zero makes −0 the 0 that it equals.
    let bits = (value + 0.0).to_bits();
    // Negative numbers: all bits flipped, so that larger magnitudes come first; others: above them.
    bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
}

/// Sorts words by their leading `PASSES · DIGIT` bits, least significant digit first.
fn radix_sort(mut words: Vec<u64>) -> Vec<u64> {
    const BUCKETS: usize = 1 << DIGIT;
    let digit = |word: u64, pass: u32| (word >> (64 - (PASSES - pass) * DIGIT)) as usize % BUCKETS;
    let mut counts = [[0_usize; BUCKETS]; PASSES as usize];
    for &word in &words {
        for (count, pass) in counts.iter_mut().zip(0..) {
            count[digit(word, pass)] += 1;
        }
    }
    let mut sorted = vec![0; words.len()];
    for (starts, pass) in counts.iter_mut().zip(0..) {
        let mut start = 0;
        for slot in starts.iter_mut() {
            start += std::mem::replace(slot, start);
        }
        for &word in &words {
            let next = &mut starts[digit(word, pass)];
            sorted[*next] = word;
            *next += 1;
        }
        std::mem::swap(&mut words, &mut sorted);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[f64]) {
        let mut expected: Vec<u32> = (0..values.len() as u32).collect();
        expected.sort_by(|&a, &b| (values[a as usize] + 0.0).total_cmp(&(values[b as usize] + 0.0)));
        let mut found = Vec::new();
        Ordered::new(values).for_each_group(|group| {
            assert!(group.iter().all(|&place| values[place as usize] == values[group[0] as usize]));
            assert!(found.last().is_none_or(|&last: &u32| values[last as usize] < values[group[0] as usize]));
            found.extend_from_slice(group);
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn lists_that_differ_in_their_last_bits() {
        check(&(0..5000_u64).map(|i| f64::from_bits(1e9_f64.to_bits() + i * 7919 % 3001)).collect::<Vec<_>>());
        check(
            &(0..5000_u64).map(|i| 1.0 + (i * 7919 % 5000) as f64 * 1e-16 + (i % 2) as f64 * 1e300).collect::<Vec<_>>(),
        );
        check(&vec![-0.0; 2000]);
    }

    proptest! {
        #[test]
        fn positions_are_sorted(values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 0..1500)) {
            check(&values);
        }
    }
}
