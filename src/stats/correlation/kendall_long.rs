//! Pairs counted by sorting, after Knight 1966 (<https://doi.org/10.1080/01621459.1966.10480879>).

use super::kendall::KendallCounts;

/// Counts the pairs of two lists of one length, all finite; O(n log n).
pub(super) fn count(x: &[f64], y: &[f64]) -> KendallCounts {
    let mut pairs: Vec<(f64, f64)> = x.iter().zip(y).map(|(x, y)| (x + 0.0, y + 0.0)).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied = |size: usize| size as u64 * (size as u64 - 1) / 2;
    let ties_x: u64 = pairs.chunk_by(|a, b| a.0 == b.0).map(|tie| tied(tie.len())).sum();
    let tied_xy: u64 = pairs.chunk_by(|a, b| a == b).map(|tie| tied(tie.len())).sum();
    let mut y: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = sort_counting(&mut y);
    let ties_y: u64 = y.chunk_by(|a, b| a == b).map(|tie| tied(tie.len())).sum();
    let all = tied(y.len());
    let (tied_x, tied_y) = (ties_x - tied_xy, ties_y - tied_xy);
    KendallCounts { concordant: all - discordant - tied_x - tied_y - tied_xy, discordant, tied_x, tied_y, tied_xy }
}

/// Sorts by merging and counts the pairs that were in descending order.
fn sort_counting(values: &mut Vec<f64>) -> u64 {
    let mut buffer = values.clone();
    let mut inversions = 0;
    let mut width = 1;
    while width < values.len() {
        for (from, to) in values.chunks(2 * width).zip(buffer.chunks_mut(2 * width)) {
            let (left, right) = from.split_at(width.min(from.len()));
            let (mut i, mut j) = (0, 0);
            for slot in to {
                let take_right = j < right.len() && (i == left.len() || right[j] < left[i]);
                if take_right {
                    *slot = right[j];
                    j += 1;
                    inversions += (left.len() - i) as u64;
                } else {
                    *slot = left[i];
                    i += 1;
                }
            }
        }
        std::mem::swap(values, &mut buffer);
        width *= 2;
    }
    inversions
}
