//! How many pairs of a list are in descending order.

use crate::parallel::join;

/// Nodes with a range of at most 2⁶ and this many values are counted pair by pair, in bytes.
const LEAF: usize = 128;
const LEAF_BITS: u32 = 6;
/// Larger nodes are worth a task of their own.
const TASK: usize = 1 << 15;

/// Counts pairs `i < j` with `ranks[i] > ranks[j]`.
///
/// The list is split by its leading bit, stably, and so on down; each split counts the pairs
/// in different halves. O(n log m) for ranks up to m.
pub(super) fn inversions(mut ranks: Vec<u32>) -> u64 {
    let bits = u32::BITS - ranks.iter().copied().max().unwrap_or(0).leading_zeros();
    let mut buffer = vec![0; ranks.len()];
    node(&mut ranks, &mut buffer, bits)
}

/// The inversions of values that differ in their last `bits` only; `buffer` has their length.
fn node(ranks: &mut [u32], buffer: &mut [u32], bits: u32) -> u64 {
    if bits == 0 || ranks.len() < 2 {
        return 0;
    }
    if bits <= LEAF_BITS && ranks.len() <= LEAF {
        return leaf(ranks);
    }
    // Values without the bit move together in place, those with it to the buffer. Both are
    // written always and kept by moving on only one end: no branch depends on the data.
    let (mut without, mut with) = (0, 0);
    let mut across = 0;
    for place in 0..ranks.len() {
        let rank = ranks[place];
        let bit = (rank >> (bits - 1) & 1) as usize;
        ranks[without] = rank;
        buffer[with] = rank;
        // A value without the bit is below all that came before and have it.
        across += (with & bit.wrapping_sub(1)) as u64;
        without += 1 - bit;
        with += bit;
    }
    ranks[without..].copy_from_slice(&buffer[..with]);
    let parallel = ranks.len() >= TASK;
    let (low, high) = ranks.split_at_mut(without);
    let (low_buffer, high_buffer) = buffer.split_at_mut(without);
    let (low, high) = if parallel {
        join(|| node(low, low_buffer, bits - 1), || node(high, high_buffer, bits - 1))
    } else {
        (node(low, low_buffer, bits - 1), node(high, high_buffer, bits - 1))
    };
    across + low + high
}

/// Pair by pair: the last bits fit into bytes, of which the compiler compares many at once.
fn leaf(ranks: &[u32]) -> u64 {
    let mut bytes = [0_i8; LEAF];
    for (byte, rank) in bytes.iter_mut().zip(ranks) {
        *byte = (rank & ((1 << LEAF_BITS) - 1)) as i8;
    }
    let mut total = 0;
    for (end, &last) in bytes.iter().enumerate().take(ranks.len()) {
        // At most 127 values come before: a byte holds their number.
        let greater = bytes[..end].iter().fold(0_u8, |greater, &byte| greater + u8::from(byte > last));
        total += u64::from(greater);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_defined(highest in prop_oneof![Just(1_u32), Just(3), Just(60), Just(1000), Just(u32::MAX)], seed in prop::collection::vec(any::<u32>(), 0..600)) {
            let ranks: Vec<u32> = seed.into_iter().map(|value| value % highest).collect();
            let later = |i: usize| ranks[i..].iter().filter(|&&rank| rank < ranks[i]).count() as u64;
            let expected: u64 = (0..ranks.len()).map(later).sum();
            prop_assert_eq!(inversions(ranks), expected);
        }
    }
}
