//! All pairs compared, for short lists: no allocation, no branches, vectorized by the compiler.

use super::kendall::KendallCounts;

/// Counts the pairs of two lists of one length, all finite; O(n²).
pub(super) fn count(x: &[f64], y: &[f64]) -> KendallCounts {
    let (mut signed, mut untied, mut untied_x, mut untied_y) = (0_i64, 0_i64, 0_i64, 0_i64);
    for (i, (&xi, &yi)) in x.iter().zip(y).enumerate() {
        for (&xj, &yj) in x[..i].iter().zip(&y[..i]) {
            let dx = i64::from(xi > xj) - i64::from(xi < xj);
            let dy = i64::from(yi > yj) - i64::from(yi < yj);
            // −1, 0 and 1: a product is the sign of the pair, a square whether it is untied.
            signed += dx * dy;
            untied += (dx * dy) & 1;
            untied_x += dx & 1;
            untied_y += dy & 1;
        }
    }
    let n = x.len() as u64;
    let pairs = n * n.saturating_sub(1) / 2;
    let (untied, untied_x, untied_y) = (untied.unsigned_abs(), untied_x.unsigned_abs(), untied_y.unsigned_abs());
    let concordant = untied.wrapping_add_signed(signed) / 2;
    KendallCounts {
        concordant,
        discordant: untied - concordant,
        tied_x: untied_y - untied,
        tied_y: untied_x - untied,
        tied_xy: pairs + untied - untied_x - untied_y,
    }
}
