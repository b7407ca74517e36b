//! The longest run of words of one text that another text holds.

use std::ops::Range;

/// A suffix array over token numbers, built by prefix doubling: O(m log² m) at worst.
#[derive(Debug)]
pub(super) struct SuffixIndex {
    /// Starts of suffixes, in the order of the suffixes.
    order: Vec<u32>,
    /// For each token, where its suffixes start in `order`; one more entry closes the last.
    buckets: Vec<u32>,
}

impl SuffixIndex {
    /// The index of `tokens`, all below `types`.
    pub(super) fn new(tokens: &[u32], types: usize) -> Self {
        let mut buckets = vec![0_u32; types + 1];
        for &token in tokens {
            buckets[token as usize + 1] += 1;
        }
        for token in 0..types {
            buckets[token + 1] += buckets[token];
        }
        let mut next = buckets.clone();
        let mut order = vec![0_u32; tokens.len()];
        for (at, &token) in tokens.iter().enumerate() {
            let slot = &mut next[token as usize];
            order[*slot as usize] = at as u32;
            *slot += 1;
        }
        let mut rank: Vec<u32> = tokens.iter().map(|&token| buckets[token as usize]).collect();
        let mut groups: Vec<Range<usize>> =
            buckets.windows(2).map(|pair| pair[0] as usize..pair[1] as usize).filter(|group| group.len() > 1).collect();
        let mut known = 1;
        let mut keyed: Vec<(u32, u32)> = Vec::new();
        while !groups.is_empty() {
            let mut unsorted = Vec::new();
            for group in groups {
                keyed.clear();
                // A suffix that ends here comes before all that go on.
                keyed.extend(
                    order[group.clone()]
                        .iter()
                        .map(|&at| (rank.get(at as usize + known).map_or(0, |rank| rank + 1), at)),
                );
                keyed.sort_unstable();
                let mut start = group.start;
                for same in keyed.chunk_by(|one, other| one.0 == other.0) {
                    for (offset, &(_, at)) in same.iter().enumerate() {
                        order[start + offset] = at;
                        rank[at as usize] = start as u32;
                    }
                    if same.len() > 1 {
                        unsorted.push(start..start + same.len());
                    }
                    start += same.len();
                }
            }
            groups = unsorted;
            known *= 2;
        }
        Self { order, buckets }
    }

    /// How many tokens at the start of `wanted` stand somewhere in `tokens`, the text of the index.
    pub(super) fn longest(&self, tokens: &[u32], wanted: &[u32]) -> usize {
        let Some(&first) = wanted.first() else { return 0 };
        let Some(bucket) = self.buckets.get(first as usize..first as usize + 2) else { return 0 };
        let mut found = &self.order[bucket[0] as usize..bucket[1] as usize];
        if found.is_empty() {
            return 0;
        }
        let mut depth = 1;
        while found.len() > 1 {
            let Some(&next) = wanted.get(depth) else { return depth };
            // A suffix with no token left sorts first, as `None` does.
            let token = |at: &u32| tokens.get(*at as usize + depth).copied();
            let from = found.partition_point(|at| token(at) < Some(next));
            let rest = &found[from..];
            let narrowed = &rest[..rest.partition_point(|at| token(at) == Some(next))];
            if narrowed.is_empty() {
                return depth;
            }
            found = narrowed;
            depth += 1;
        }
        let Some(rest) = found.first().and_then(|&at| tokens.get(at as usize + depth..)) else { return depth };
        depth + rest.iter().zip(&wanted[depth..]).take_while(|(one, other)| one == other).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(tokens: &[u32], wanted: &[u32]) -> usize {
        (0..tokens.len())
            .map(|at| tokens[at..].iter().zip(wanted).take_while(|(one, other)| one == other).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn one_word_repeated_is_not_quadratic() {
        let tokens = vec![0; 200_000];
        let index = SuffixIndex::new(&tokens, 1);
        assert_eq!(index.longest(&tokens, &tokens), 200_000);
    }

    proptest! {
        #[test]
        fn is_the_naive_longest_match(
            tokens in proptest::collection::vec(0_u32..4, 0..40),
            wanted in proptest::collection::vec(0_u32..6, 0..20),
        ) {
            let index = SuffixIndex::new(&tokens, 4);
            prop_assert_eq!(index.longest(&tokens, &wanted), naive(&tokens, &wanted));
        }
    }
}
