//! The agents and extractors that a task brings: its words and prompts, put to a model.

use std::sync::Arc;

use super::{Grounding, Task};
use crate::error::Result;
use crate::factor::Level;
use crate::factor::llm::{AtomicFacts, PairwiseFactors, RatedFactors};
use crate::id::AgentId;
use crate::llm::{LanguageModel, Prompts};
use crate::preference::generation::Generator;
use crate::preference::judge::{Judge, JudgeSettings};

impl Task {
    /// A judge of this task: its words, its prompt, and the reference shown where the task holds answers against one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use prefactor::llm::{Prompts, Scripted};
    /// use prefactor::preference::{Pair, Response};
    /// use prefactor::task::Task;
    ///
    /// let model = Arc::new(Scripted::rule("m", |_| "{}"));
    /// let judge = Task::summarization().judge("m/evaluation", model, &Prompts::builtin())?;
    /// let pair = Pair::new("1", "p", Response::new("a"), Response::new("b")).source("A long article.");
    /// let requests = judge.requests(&pair)?;
    /// assert!(requests.len() == 2 && requests[0].messages[1].content.contains("each given as the summary"));
    /// # Ok::<(), prefactor::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`](crate::Error::UnknownId) where the collection does not have the task's prompt.
    pub fn judge(&self, agent: impl Into<AgentId>, model: Arc<dyn LanguageModel>, prompts: &Prompts) -> Result<Judge> {
        let prompt = prompts.get(&self.prompts.judge)?.clone();
        Ok(Judge::new(agent, model).prompt(prompt).settings(self.judge_settings()))
    }

    /// A generator of this task.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`](crate::Error::UnknownId) where the collection does not have the task's prompt.
    pub fn generator(
        &self,
        agent: impl Into<AgentId>,
        model: Arc<dyn LanguageModel>,
        prompts: &Prompts,
    ) -> Result<Generator> {
        let prompt = prompts.get(&self.prompts.generate)?.clone();
        Ok(Generator::new(agent, model).prompt(prompt).wording(self.wording.clone()))
    }

    /// Those of the task's factors that follow from atomic facts; `None` where it has none.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`](crate::Error::UnknownId) where the collection does not have the prompts.
    pub fn atomic_facts(&self, model: Arc<dyn LanguageModel>, prompts: &Prompts) -> Result<Option<AtomicFacts>> {
        let factors = self.fact_factors();
        if factors.is_empty() {
            return Ok(None);
        }
        let facts = AtomicFacts::new(model).prompts(prompts)?.wording(self.wording.clone());
        facts.select(&factors).map(Some)
    }

    /// Those of the task's factors that are rated; `None` where it has none.
    ///
    /// # Errors
    ///
    /// What [`Task::questions_at`] says of the factors, or where the collection does not have the prompt.
    pub fn rated_factors(&self, model: Arc<dyn LanguageModel>, prompts: &Prompts) -> Result<Option<RatedFactors>> {
        let questions = self.questions_at(Level::Response)?;
        if questions.is_empty() {
            return Ok(None);
        }
        let prompt = prompts.get("rate")?.clone();
        Ok(Some(RatedFactors::new(model, questions)?.prompt(prompt).wording(self.wording.clone())))
    }

    /// Those of the task's factors that are judged on pairs; `None` where it has none.
    ///
    /// # Errors
    ///
    /// What [`Task::questions_at`] says of the factors, or where the collection does not have the prompt.
    pub fn pairwise_factors(
        &self,
        model: Arc<dyn LanguageModel>,
        prompts: &Prompts,
    ) -> Result<Option<PairwiseFactors>> {
        let questions = self.questions_at(Level::Pair)?;
        if questions.is_empty() {
            return Ok(None);
        }
        PairwiseFactors::new(model, questions, self.judge_settings(), prompts).map(Some)
    }

    fn judge_settings(&self) -> JudgeSettings {
        JudgeSettings {
            wording: self.wording.clone(),
            reference: self.grounding == Grounding::SourceOrReference,
            ..JudgeSettings::default()
        }
    }
}
