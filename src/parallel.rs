//! Work in pieces whose results come back in order.

/// The results of `work` for 0, 1, …, `pieces` − 1, in that order.
///
/// With the feature `rayon` and `threads`, the pieces run on rayon's threads; the results are the
/// same.
pub(crate) fn ordered_map<T: Send>(pieces: usize, threads: bool, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    #[cfg(feature = "rayon")]
    if threads && pieces > 1 && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        return (0..pieces).into_par_iter().map(&work).collect();
    }
    let _ = threads;
    (0..pieces).map(work).collect()
}
