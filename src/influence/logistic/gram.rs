//! The lower triangle of a Gram matrix, accumulated panel by panel in vector registers.
//!
//! The triangle is cut into blocks of [`Tile::COLUMNS`] columns. The rows below a block's diagonal
//! are taken four at a time; what is left of them joins the diagonal triangle. So nothing above the
//! diagonal is computed, and each tile's sums stay in registers over a whole panel.

use pulp::{Arch, Simd, WithSimd};

use super::panels::{Lane, PANEL, Panels};
use crate::stats::linalg::SquareMatrix;

/// The place of entry (i, j), j ≤ i, in the packed lower triangle.
#[inline(always)]
pub(crate) fn packed(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// One column of a panel as vectors.
#[inline(always)]
fn vectors<S: Simd>(lane: &Lane) -> &[S::f64s] {
    &S::as_simd_f64s(&lane.0).0[..PANEL / S::F64_LANES]
}

/// Adds the products of all pairs of columns to `sums`, the packed lower triangle.
#[inline(always)]
pub(crate) fn add_products<S: Simd>(simd: S, columns: &[Lane], sums: &mut [S::f64s]) {
    // Tiles of 4 × 4 need more than the 16 registers of AVX2; 4 × 3 just fit.
    if S::REGISTER_COUNT >= 32 {
        let (blocks, rest) = columns.as_chunks::<4>();
        for index in 0..blocks.len() {
            let from = 4 * index;
            let below = columns.len() - from - 4;
            match below % 4 {
                0 => triangle::<S, 4, 0>(simd, columns, from, sums),
                1 => triangle::<S, 4, 1>(simd, columns, from, sums),
                2 => triangle::<S, 4, 2>(simd, columns, from, sums),
                _ => triangle::<S, 4, 3>(simd, columns, from, sums),
            }
            for row in (from + 4 + below % 4..columns.len()).step_by(4) {
                rectangle::<S, 4, 4>(simd, columns, from, row, sums);
            }
        }
        last_triangle(simd, columns, columns.len() - rest.len(), sums);
    } else {
        let (blocks, rest) = columns.as_chunks::<3>();
        for index in 0..blocks.len() {
            let from = 3 * index;
            let below = columns.len() - from - 3;
            match below % 4 {
                0 => triangle::<S, 3, 0>(simd, columns, from, sums),
                1 => triangle::<S, 3, 1>(simd, columns, from, sums),
                2 => triangle::<S, 3, 2>(simd, columns, from, sums),
                _ => {
                    triangle::<S, 3, 0>(simd, columns, from, sums);
                    rectangle::<S, 3, 3>(simd, columns, from, from + 3, sums);
                }
            }
            for row in (from + 3 + below % 4..columns.len()).step_by(4) {
                rectangle::<S, 3, 4>(simd, columns, from, row, sums);
            }
        }
        last_triangle(simd, columns, columns.len() - rest.len(), sums);
    }
}

#[inline(always)]
fn last_triangle<S: Simd>(simd: S, columns: &[Lane], from: usize, sums: &mut [S::f64s]) {
    match columns.len() - from {
        1 => triangle::<S, 1, 0>(simd, columns, from, sums),
        2 => triangle::<S, 2, 0>(simd, columns, from, sums),
        3 => triangle::<S, 3, 0>(simd, columns, from, sums),
        _ => {}
    }
}

/// The triangle of columns `from..from + C`, and the `R` rows below it.
#[inline(always)]
fn triangle<S: Simd, const C: usize, const R: usize>(simd: S, columns: &[Lane], from: usize, sums: &mut [S::f64s]) {
    let left: [&[S::f64s]; C] = std::array::from_fn(|j| vectors::<S>(&columns[from + j]));
    let below: [&[S::f64s]; R] = std::array::from_fn(|i| vectors::<S>(&columns[from + C + i]));
    let zero = simd.splat_f64s(0.0);
    let mut corner = [[zero; C]; C];
    let mut tile = [[zero; C]; R];
    for v in 0..PANEL / S::F64_LANES {
        let x: [S::f64s; C] = std::array::from_fn(|j| left[j][v]);
        for i in 0..C {
            for j in 0..=i {
                corner[i][j] = simd.mul_add_e_f64s(x[i], x[j], corner[i][j]);
            }
        }
        for i in 0..R {
            let y = below[i][v];
            for j in 0..C {
                tile[i][j] = simd.mul_add_e_f64s(y, x[j], tile[i][j]);
            }
        }
    }
    for i in 0..C {
        for j in 0..=i {
            let sum = &mut sums[packed(from + i, from + j)];
            *sum = simd.add_f64s(*sum, corner[i][j]);
        }
    }
    store(simd, tile, from, from + C, sums);
}

/// The products of columns `from..from + C` with columns `row..row + R` below them.
#[inline(always)]
fn rectangle<S: Simd, const C: usize, const R: usize>(
    simd: S,
    columns: &[Lane],
    from: usize,
    row: usize,
    sums: &mut [S::f64s],
) {
    let left: [&[S::f64s]; C] = std::array::from_fn(|j| vectors::<S>(&columns[from + j]));
    let below: [&[S::f64s]; R] = std::array::from_fn(|i| vectors::<S>(&columns[row + i]));
    let mut tile = [[simd.splat_f64s(0.0); C]; R];
    for v in 0..PANEL / S::F64_LANES {
        let x: [S::f64s; C] = std::array::from_fn(|j| left[j][v]);
        for i in 0..R {
            let y = below[i][v];
            for j in 0..C {
                tile[i][j] = simd.mul_add_e_f64s(y, x[j], tile[i][j]);
            }
        }
    }
    store(simd, tile, from, row, sums);
}

#[inline(always)]
fn store<S: Simd, const C: usize, const R: usize>(
    simd: S,
    tile: [[S::f64s; C]; R],
    from: usize,
    row: usize,
    sums: &mut [S::f64s],
) {
    for (i, sums_of_row) in tile.iter().enumerate() {
        for (j, value) in sums_of_row.iter().enumerate() {
            let sum = &mut sums[packed(row + i, from + j)];
            *sum = simd.add_f64s(*sum, *value);
        }
    }
}

/// The packed lower triangle as a symmetric matrix; entries past its size are left out.
pub(crate) fn symmetric(size: usize, triangle: &[f64]) -> SquareMatrix {
    let mut matrix = SquareMatrix::zeros(size);
    for i in 0..size {
        for j in 0..=i {
            matrix[(i, j)] = triangle[packed(i, j)];
            matrix[(j, i)] = triangle[packed(i, j)];
        }
    }
    matrix
}

/// XᵀX of a matrix in panels.
pub(crate) fn products(panels: &Panels) -> SquareMatrix {
    symmetric(panels.columns(), &Arch::new().dispatch(Products(panels)))
}

struct Products<'a>(&'a Panels);

impl WithSimd for Products<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f64> {
        let mut sums = vec![simd.splat_f64s(0.0); packed(self.0.columns(), 0)];
        for panel in 0..self.0.count() {
            add_products(simd, self.0.panel(panel), &mut sums);
        }
        sums.iter().map(|sum| simd.reduce_sum_f64s(*sum)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_gives_every_pair_once() {
        for width in 1..40 {
            let columns: Vec<Vec<f64>> =
                (0..width).map(|j| (0..200).map(|i| ((i * 31 + j * 17) % 23) as f64 - 11.0).collect()).collect();
            let panels = Panels::from_columns(200, &columns);
            for sums in [Arch::new().dispatch(Products(&panels)), pulp::Scalar.vectorize(Products(&panels))] {
                for i in 0..width {
                    for j in 0..=i {
                        let expected: f64 = columns[i].iter().zip(&columns[j]).map(|(a, b)| a * b).sum();
                        assert_eq!(sums[packed(i, j)], expected, "{width} columns, entry {i}, {j}");
                    }
                }
            }
        }
    }
}
