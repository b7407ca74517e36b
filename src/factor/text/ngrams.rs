//! Sets of pairs of numbers, for n-grams.

/// A set of pairs with a fixed room, by open addressing.
#[derive(Debug)]
pub(super) struct PairSet {
    slots: Vec<u64>,
}

/// No pair: numbers stay below `u32::MAX`.
const EMPTY: u64 = u64::MAX;

impl PairSet {
    /// A set for at most this many pairs.
    pub(super) fn with_room(pairs: usize) -> Self {
        Self { slots: vec![EMPTY; (2 * pairs).next_power_of_two().max(2)] }
    }

    /// The bigrams of the tokens.
    pub(super) fn bigrams(tokens: &[u32]) -> Self {
        let mut set = Self::with_room(tokens.len());
        for pair in tokens.windows(2) {
            set.insert(pair[0], pair[1]);
        }
        set
    }

    #[inline]
    fn slot(&self, first: u32, second: u32) -> (usize, u64) {
        let key = u64::from(first) << 32 | u64::from(second);
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mask = self.slots.len() - 1;
        let mut slot = (hash ^ (hash >> 32)) as usize & mask;
        while self.slots[slot] != EMPTY && self.slots[slot] != key {
            slot = (slot + 1) & mask;
        }
        (slot, key)
    }

    /// Puts the pair in: a number for it, and whether it is new.
    #[inline]
    pub(super) fn insert(&mut self, first: u32, second: u32) -> (u32, bool) {
        let (slot, key) = self.slot(first, second);
        let new = self.slots[slot] == EMPTY;
        self.slots[slot] = key;
        (slot as u32, new)
    }

    #[inline]
    pub(super) fn contains(&self, first: u32, second: u32) -> bool {
        let (slot, key) = self.slot(first, second);
        self.slots[slot] == key
    }
}

/// How many bigrams and trigrams of a text occurred before in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeats {
    pub(super) bigrams: usize,
    pub(super) trigrams: usize,
}

impl Repeats {
    pub(super) fn of(tokens: &[u32]) -> Self {
        let mut pairs = PairSet::with_room(tokens.len());
        let mut triples = PairSet::with_room(tokens.len());
        let mut repeats = Self { bigrams: 0, trigrams: 0 };
        let mut before = None;
        for pair in tokens.windows(2) {
            if let Some(bigram) = before {
                // A trigram is the bigram before with this pair's second token.
                let (_, new) = triples.insert(bigram, pair[1]);
                repeats.trigrams += usize::from(!new);
            }
            let (bigram, new) = pairs.insert(pair[0], pair[1]);
            repeats.bigrams += usize::from(!new);
            before = Some(bigram);
        }
        repeats
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn repeats_are_those_of_a_set(tokens in proptest::collection::vec(0_u32..5, 0..60)) {
            let count = |n: usize| {
                let mut seen = HashSet::new();
                tokens.windows(n).filter(|gram| !seen.insert(gram.to_vec())).count()
            };
            prop_assert_eq!(Repeats::of(&tokens), Repeats { bigrams: count(2), trigrams: count(3) });
        }
    }
}
