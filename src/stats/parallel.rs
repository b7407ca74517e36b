//! Work in chunks, on several threads where that is on.

/// Replicates that one task computes with one buffer. No figure depends on it.
pub(super) const CHUNK: usize = 32;

/// Calls `work(chunk, values)` for each chunk of at most `size` values; nothing for a size of 0.
///
/// What is written must depend on the chunk alone: then it is the same for any number of threads.
pub(super) fn for_each_chunk(values: &mut [f64], size: usize, work: impl Fn(usize, &mut [f64]) + Sync) {
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
pub(super) fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    #[cfg(feature = "rayon")]
    {
        rayon::join(a, b)
    }
    #[cfg(not(feature = "rayon"))]
    {
        (a(), b())
    }
}
