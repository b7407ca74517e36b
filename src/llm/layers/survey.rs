//! Finding out what a run would ask.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::LlmError;
use crate::llm::{Identity, LanguageModel, Reply, Request, RequestKey};

/// A model that gives kept replies and only notes every other request, which fails with [`LlmError::NotRecorded`].
///
/// Run the work with it to see what it would ask: for a [`Plan`](crate::llm::Plan), or for a batch file. Where later
/// requests depend on earlier replies, one pass shows one step.
///
/// ```
/// use prefactor::llm::{Plan, Request, Runner, Scripted, layers::Survey};
/// # let wait = tokio::runtime::Builder::new_current_thread().build()?;
/// # wait.block_on(async {
/// let survey = Survey::new(Scripted::rule("m", |_| "never asked"));
/// Runner::new().complete(&survey, &[Request::user("a"), Request::user("b")]).await;
/// let plan = Plan::new(&survey, &survey.requests()).await?;
/// assert_eq!(plan.total().calls, 2);
/// # Ok::<(), prefactor::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Survey<M> {
    inner: M,
    missing: Mutex<Vec<Request>>,
}

impl<M: LanguageModel> Survey<M> {
    /// A model that is not asked.
    pub fn new(inner: M) -> Self {
        Self { inner, missing: Mutex::default() }
    }

    /// The requests whose replies are not kept, in the order in which they were made.
    pub fn requests(&self) -> Vec<Request> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl<M: LanguageModel> LanguageModel for Survey<M> {
    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    fn inner(&self) -> Option<&dyn LanguageModel> {
        Some(&self.inner)
    }

    async fn complete(&self, request: &Request) -> Result<Reply, LlmError> {
        if self.inner.has_reply(request).await? {
            return self.inner.complete(request).await;
        }
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Err(LlmError::NotRecorded { key: RequestKey::new(&self.inner.identity(), request).to_string() })
    }
}
