//! A model that answers from a script: for documentation and tests, without a network.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::LlmError;
use crate::llm::{Capabilities, Identity, LanguageModel, Reply, Request};

type Answer = dyn Fn(&Request) -> Result<Reply, LlmError> + Send + Sync;

enum Script {
    Rule(Box<Answer>),
    Lines(Mutex<VecDeque<Result<Reply, LlmError>>>),
}

/// A deterministic model: it answers by a rule, or says its lines one after the other.
///
/// ```
/// use prefactor::llm::{LanguageModel, Request, Scripted};
/// # let wait = tokio::runtime::Builder::new_current_thread().build()?;
/// # wait.block_on(async {
/// let model = Scripted::rule("judge", |request| {
///     if request.messages[0].content.contains("Paris") { "A" } else { "B" }
/// });
/// assert_eq!(model.complete(&Request::user("Paris or Rome?")).await?.text, "A");
/// assert_eq!(model.calls(), 1);
/// # Ok::<(), prefactor::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scripted {
    identity: Identity,
    capabilities: Capabilities,
    script: Script,
    latency: Option<Duration>,
    asked: Mutex<Vec<Request>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("identity", &self.identity)
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl Scripted {
    /// A model that answers each request with the text that the rule gives.
    pub fn rule<T: Into<String>>(
        model: impl Into<String>,
        rule: impl Fn(&Request) -> T + Send + Sync + 'static,
    ) -> Self {
        let model = model.into();
        let name = model.clone();
        Self::fallible_rule(model, move |request| Ok(Reply::new(rule(request)).model(name.clone())))
    }

    /// A model that answers each request with the reply, or the failure, that the rule gives.
    pub fn fallible_rule(
        model: impl Into<String>,
        rule: impl Fn(&Request) -> Result<Reply, LlmError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(model.into(), Script::Rule(Box::new(rule)))
    }

    /// A model that says these lines, one a call, and is not to be reached after the last.
    pub fn lines(model: impl Into<String>, lines: impl IntoIterator<Item = Result<Reply, LlmError>>) -> Self {
        Self::new(model.into(), Script::Lines(Mutex::new(lines.into_iter().collect())))
    }

    fn new(model: String, script: Script) -> Self {
        Self {
            identity: Identity::new("scripted", model),
            capabilities: Capabilities::default(),
            script,
            latency: None,
            asked: Mutex::default(),
        }
    }

    /// The same with these capabilities; it has none otherwise.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The same, taking this long for every answer; needs tokio's clock.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.log().len()
    }

    /// What it was asked, in the order of the calls.
    pub fn requests(&self) -> Vec<Request> {
        self.log().clone()
    }

    fn log(&self) -> MutexGuard<'_, Vec<Request>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LanguageModel for Scripted {
    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn complete(&self, request: &Request) -> Result<Reply, LlmError> {
        self.capabilities.check(request, &self.identity.model)?;
        self.log().push(request.clone());
        if let Some(latency) = self.latency {
            tokio::time::sleep(latency).await;
        }
        match &self.script {
            Script::Rule(rule) => rule(request),
            Script::Lines(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_else(|| {
                    Err(LlmError::Transient { message: "the script has ended".into(), status: None })
                })
            }
        }
    }
}
