//! Work in pieces, on several threads where that is on; the results are the same for any number of them.

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

/// Calls `work(chunk, values)` for each chunk of at most `size` values; nothing for a size of 0.
///
/// What is written must depend on the chunk alone: then it is the same for any number of threads.
pub(crate) fn for_each_chunk(values: &mut [f64], size: usize, work: impl Fn(usize, &mut [f64]) + Sync) {
    if size == 0 {
        return;
    }
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        values.par_chunks_mut(size).enumerate().for_each(|(chunk, values)| work(chunk, values));
    }
    #[cfg(not(feature = "rayon"))]
    for (chunk, values) in values.chunks_mut(size).enumerate() {
        work(chunk, values);
    }
}

/// Does two pieces of work, at once where that is on.
pub(crate) fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    #[cfg(feature = "rayon")]
    {
        rayon::join(a, b)
    }
    #[cfg(not(feature = "rayon"))]
    {
        (a(), b())
    }
}
