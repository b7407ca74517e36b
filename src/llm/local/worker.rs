//! Long work off the caller's executor.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::error::LlmError;

/// Runs one piece of work at a time, each on a thread of its own, so that an executor is never held up.
#[derive(Debug, Clone)]
pub(super) struct Worker(Arc<Semaphore>);

impl Default for Worker {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Worker {
    /// Does the work when its turn comes. `stopped()` tells the work that nobody waits for it any more.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, LlmError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Fn() -> bool) -> Result<T, LlmError> + Send + 'static,
    {
        let gone = |what: &str| LlmError::Invalid { message: format!("running the model: {what}") };
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| gone("the worker is closed"))?;
        let (sender, receiver) = oneshot::channel();
        let thread = std::thread::Builder::new().name("prefactor-local".to_owned());
        let started = thread.spawn(move || {
            let result = work(&|| sender.is_closed());
            // Nobody may wait any more: then nobody misses the result.
            let _ = sender.send(result);
            drop(permit);
        });
        started.map_err(|error| gone(&error.to_string()))?;
        receiver.await.map_err(|_| gone("the engine broke off"))?
    }
}
