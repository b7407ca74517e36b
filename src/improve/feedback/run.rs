//! Critiques and rewrites, every one of them kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::draft::{Draft, Drafts};
use super::target::Target;
use crate::error::{Error, LlmError, Result};
use crate::id::{AgentId, ResponseId};
use crate::llm::{FinishReason, Identity, LanguageModel, PromptRef, Prompts, Reply, Request, Runner, Usage, Values};
use crate::stats::derive_seed;

/// What the writer is told before it rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Arm {
    /// Nothing: it is asked to rewrite.
    NoFeedback,
    /// A critic's advice; the critic knows of no factor.
    Unnamed,
    /// A critic's advice; the critic knows the misaligned factors and their directions.
    Named,
}

impl Arm {
    /// All arms, the baselines first.
    pub const ALL: [Self; 3] = [Self::NoFeedback, Self::Unnamed, Self::Named];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoFeedback => "no_feedback",
            Self::Unnamed => "unnamed",
            Self::Named => "named",
        }
    }

    /// What it is, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NoFeedback => "no feedback",
            Self::Unnamed => "feedback, no factor named",
            Self::Named => "feedback, factors named",
        }
    }
}

/// One critique and one rewrite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Round {
    /// The advice, where the arm has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critique: Option<String>,
    /// The new text.
    pub text: String,
}

/// Why a chain ended early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepFailure {
    /// In which round, from 1.
    pub round: usize,
    /// `critique` or `rewrite`.
    pub step: String,
    /// Why.
    pub error: LlmError,
}

/// What became of one draft in one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Chain {
    /// The draft.
    pub draft: ResponseId,
    /// What the writer was told.
    pub arm: Arm,
    /// The rounds that were finished.
    pub rounds: Vec<Round>,
    /// Why there are not more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<StepFailure>,
    /// What its calls used, where the models say so.
    pub usage: Usage,
}

/// A whole run: drafts, targets, and every critique and text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedbackRun {
    /// The schema of this version.
    pub schema: String,
    /// The version of this crate.
    pub version: String,
    /// The model that rewrites.
    pub writer_model: Identity,
    /// The model that criticises.
    pub critic_model: Identity,
    /// The prompts of critique and rewrite.
    pub prompts: [PromptRef; 2],
    /// How often each text was rewritten.
    pub rounds: usize,
    /// The temperature, where it was not the backends' own.
    pub temperature: Option<f64>,
    /// The most tokens of a reply.
    pub max_tokens: u32,
    /// The seed of every call.
    pub seed: u64,
    /// The factors that were named.
    pub targets: Vec<Target>,
    /// What was rewritten.
    pub drafts: Drafts,
    /// One entry a draft and arm: by arm, in the order of the drafts.
    pub chains: Vec<Chain>,
}

/// What a run will ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedbackPlan {
    /// Calls of the critic.
    pub critiques: usize,
    /// Calls of the writer.
    pub rewrites: usize,
    /// All calls.
    pub calls: usize,
    /// Bytes of all prompts, if rewrites are as long as the drafts and critiques are four sentences (400 bytes).
    pub prompt_bytes: u64,
    /// The most tokens that replies can have.
    pub most_reply_tokens: u64,
}

/// Runs feedback-driven generation.
///
/// Resuming and paying once is the work of a cache around the models: every request depends on the draft, the arm and the
/// round only, so the same run asks the same. See the [module](crate::improve::feedback) for an example.
#[derive(Clone)]
pub struct Feedback {
    writer: Arc<dyn LanguageModel>,
    critic: Option<Arc<dyn LanguageModel>>,
    targets: Vec<Target>,
    prompts: Prompts,
    arms: Vec<Arm>,
    rounds: usize,
    temperature: Option<f64>,
    max_tokens: u32,
    seed: u64,
    runner: Runner,
}

impl std::fmt::Debug for Feedback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feedback")
            .field("writer", &self.writer.identity())
            .field("targets", &self.targets)
            .field("arms", &self.arms)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

/// The steps of a round.
const CRITIQUE: &str = "critique";
const REWRITE: &str = "rewrite";

impl Feedback {
    /// One round in all three arms; the writer is its own critic.
    pub fn new(writer: Arc<dyn LanguageModel>, targets: Vec<Target>) -> Self {
        Self {
            writer,
            critic: None,
            targets,
            prompts: Prompts::builtin(),
            arms: Arm::ALL.to_vec(),
            rounds: 1,
            temperature: None,
            max_tokens: 1024,
            seed: 0,
            runner: Runner::new(),
        }
    }

    /// Another model as the critic.
    #[must_use]
    pub fn critic(mut self, critic: Arc<dyn LanguageModel>) -> Self {
        self.critic = Some(critic);
        self
    }

    /// So many rounds of critique and rewriting; at least 1.
    #[must_use]
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Only these arms. A gain over a baseline needs the baseline.
    #[must_use]
    pub fn arms(mut self, arms: impl IntoIterator<Item = Arm>) -> Self {
        self.arms = arms.into_iter().collect();
        self.arms.sort();
        self.arms.dedup();
        self
    }

    /// Prompts of your own: those with the identifiers `critique` and `rewrite` are used.
    #[must_use]
    pub fn prompts(mut self, prompts: Prompts) -> Self {
        self.prompts = prompts;
        self
    }

    /// The temperature of all calls.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// The most tokens of a reply; 1024 by default.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// The seed from which every call has its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The runner: concurrency, progress, cancellation. One item is one draft in one arm, with all its rounds.
    #[must_use]
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }

    fn check(&self) -> Result<()> {
        if self.rounds == 0 {
            return Err(Error::Parameter { name: "rounds", value: "0".into(), expected: "at least 1" });
        }
        if self.arms.contains(&Arm::Named) && self.targets.is_empty() {
            return Err(Error::Empty {
                what: "factors to name".into(),
                remedy: "give targets, or leave the arm with named factors out".into(),
            });
        }
        Ok(())
    }

    /// What a run of these drafts will ask, without asking.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] and [`Error::Empty`] as for [`run`](Self::run); an [`LlmError::Prompt`] where a template needs
    /// what there is not.
    pub fn plan(&self, drafts: &Drafts) -> Result<FeedbackPlan> {
        self.check()?;
        let with_critic = self.arms.iter().filter(|arm| **arm != Arm::NoFeedback).count();
        let per_draft = drafts.drafts.len() * self.rounds;
        let (critiques, rewrites) = (per_draft * with_critic, per_draft * self.arms.len());
        let bytes =
            |request: &Request| request.messages.iter().map(|message| message.content.len() as u64).sum::<u64>();
        let advice = "x".repeat(400);
        let mut prompt_bytes = 0;
        for draft in &drafts.drafts {
            for &arm in &self.arms {
                let critique = match arm {
                    Arm::NoFeedback => None,
                    _ => {
                        prompt_bytes += bytes(&self.critique(drafts, draft, &draft.text, arm, 1)?);
                        Some(advice.as_str())
                    }
                };
                prompt_bytes += bytes(&self.rewrite(drafts, draft, &draft.text, critique, arm, 1)?);
            }
        }
        let calls = critiques + rewrites;
        Ok(FeedbackPlan {
            critiques,
            rewrites,
            calls,
            prompt_bytes: prompt_bytes * self.rounds as u64,
            most_reply_tokens: calls as u64 * u64::from(self.max_tokens),
        })
    }

    /// Criticises and rewrites every draft in every arm.
    ///
    /// A call that fails ends its chain, which says why; what was finished stays. An error that no later call can survive
    /// (a refused key, a used-up budget) lets no further chain begin.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for no rounds, [`Error::Empty`] where factors are to be named and there are none,
    /// [`Error::UnknownId`] where the prompts lack one.
    pub async fn run(&self, drafts: &Drafts) -> Result<FeedbackRun> {
        self.check()?;
        let prompts = [self.prompts.get(CRITIQUE)?.reference().clone(), self.prompts.get(REWRITE)?.reference().clone()];
        let items: Vec<(Arm, &Draft)> =
            self.arms.iter().flat_map(|&arm| drafts.drafts.iter().map(move |draft| (arm, draft))).collect();
        let results = self.runner.run(items.iter().copied(), |(arm, draft)| self.chain(drafts, draft, arm)).await;
        let chains = items.iter().zip(results).map(|(&(arm, draft), result)| {
            result.unwrap_or_else(|error| Chain {
                draft: draft.id.clone(),
                arm,
                rounds: Vec::new(),
                failure: Some(StepFailure { round: 1, step: CRITIQUE.into(), error }),
                usage: Usage::default(),
            })
        });
        Ok(FeedbackRun {
            schema: FeedbackRun::SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            writer_model: self.writer.identity(),
            critic_model: self.critic_model().identity(),
            prompts,
            rounds: self.rounds,
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            seed: self.seed,
            targets: self.targets.clone(),
            chains: chains.collect(),
            drafts: drafts.clone(),
        })
    }

    fn critic_model(&self) -> &dyn LanguageModel {
        self.critic.as_deref().unwrap_or(&*self.writer)
    }

    /// All rounds of one draft. An error is one that stops the run.
    async fn chain(&self, drafts: &Drafts, draft: &Draft, arm: Arm) -> Result<Chain, LlmError> {
        let mut chain =
            Chain { draft: draft.id.clone(), arm, rounds: Vec::new(), failure: None, usage: Usage::default() };
        let mut text: String = draft.text.to_string();
        for round in 1..=self.rounds {
            let mut critique = None;
            if arm != Arm::NoFeedback {
                let request = self.critique(drafts, draft, &text, arm, round)?;
                match ask(self.critic_model(), &request, &mut chain.usage).await {
                    Ok(advice) => critique = Some(advice),
                    Err(error) => return ended(chain, round, CRITIQUE, error),
                }
            }
            let request = self.rewrite(drafts, draft, &text, critique.as_deref(), arm, round)?;
            match ask(&*self.writer, &request, &mut chain.usage).await {
                Ok(new) => text = new,
                Err(error) => return ended(chain, round, REWRITE, error),
            }
            chain.rounds.push(Round { critique, text: text.clone() });
        }
        Ok(chain)
    }

    fn critique(
        &self,
        drafts: &Drafts,
        draft: &Draft,
        text: &str,
        arm: Arm,
        round: usize,
    ) -> Result<Request, LlmError> {
        let range = drafts.range();
        let named = self.targets.iter().filter(|_| arm == Arm::Named).filter_map(|target| {
            let direction = target.direction.at(draft.level, range)?;
            Some(json!({ "factor": target.factor, "definition": target.definition, "direction": direction }))
        });
        let values = values(drafts, draft, text).value("targets", named.collect::<Vec<_>>());
        self.request(CRITIQUE, &values, draft, arm, round)
    }

    fn rewrite(
        &self,
        drafts: &Drafts,
        draft: &Draft,
        text: &str,
        critique: Option<&str>,
        arm: Arm,
        round: usize,
    ) -> Result<Request, LlmError> {
        let mut values = values(drafts, draft, text);
        if let Some(critique) = critique {
            values = values.text("critique", critique);
        }
        self.request(REWRITE, &values, draft, arm, round)
    }

    fn request(
        &self,
        step: &'static str,
        values: &Values,
        draft: &Draft,
        arm: Arm,
        round: usize,
    ) -> Result<Request, LlmError> {
        let prompt = self.prompts.get(step);
        let prompt = prompt.map_err(|error| LlmError::Prompt { prompt: step.into(), problem: error.to_string() })?;
        let mut request = prompt.render(values)?.max_tokens(self.max_tokens);
        request.stage = step.to_owned();
        request.sampling.temperature = self.temperature;
        let item = format!("{}|{}|{round}", draft.id, arm.name());
        Ok(request.seed(derive_seed(self.seed, &item, step)))
    }
}

/// What both prompts know.
fn values(drafts: &Drafts, draft: &Draft, text: &str) -> Values {
    let (lowest, highest) = drafts.range();
    let mut values = Values::new()
        .value("level", number(draft.level))
        .value("lowest", number(lowest))
        .value("highest", number(highest))
        .text("response", text);
    if let Some(prompt) = &draft.prompt {
        values = values.text("prompt", &**prompt);
    }
    if let Some(source) = &draft.source {
        values = values.text("source", &**source);
    }
    values
}

/// A level as people write it: `4`, not `4.0`.
fn number(level: f64) -> String {
    format!("{level}")
}

/// The reply's text; a cut-off, a refusal and an empty one are failures.
async fn ask(model: &dyn LanguageModel, request: &Request, usage: &mut Usage) -> Result<String, LlmError> {
    let Reply { text, finish, usage: used, .. } = model.complete(request).await?;
    if let Some(used) = used {
        *usage += used;
    }
    match finish {
        FinishReason::Length => Err(LlmError::Truncated { max_tokens: request.max_tokens, raw: text }),
        FinishReason::Refusal => Err(LlmError::Refused { raw: text }),
        _ if text.trim().is_empty() => Err(LlmError::Malformed { problem: "it is empty".into(), raw: text }),
        _ => Ok(text.trim().to_owned()),
    }
}

/// A chain that ends here, or the error where it ends the run.
fn ended(mut chain: Chain, round: usize, step: &str, error: LlmError) -> Result<Chain, LlmError> {
    if error.stops_run() {
        return Err(error);
    }
    chain.failure = Some(StepFailure { round, step: step.to_owned(), error });
    Ok(chain)
}

impl FeedbackRun {
    /// The schema of this version.
    pub const SCHEMA: &'static str = "prefactor.feedback/1";

    /// The writer, as an agent.
    pub fn writer(&self) -> &AgentId {
        &self.drafts.writer
    }

    /// The arms of the run.
    pub fn arms(&self) -> Vec<Arm> {
        Arm::ALL.into_iter().filter(|arm| self.chains.iter().any(|chain| chain.arm == *arm)).collect()
    }

    /// The text of a draft after so many rounds of an arm, the draft itself after none; `None` where its chain did not get
    /// there.
    pub fn text(&self, draft: &str, arm: Arm, rounds: usize) -> Option<&str> {
        if rounds == 0 {
            return self.drafts.drafts.iter().find(|known| known.id.as_str() == draft).map(|draft| &*draft.text);
        }
        let chain = self.chains.iter().find(|chain| chain.arm == arm && chain.draft.as_str() == draft)?;
        chain.rounds.get(rounds - 1).map(|round| round.text.as_str())
    }

    /// The run as indented JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Serialization`], which no run made by this crate causes.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(Error::serialization("the run cannot be written"))
    }

    /// Reads a run back.
    ///
    /// # Errors
    ///
    /// [`Error::Serialization`] where the text is no run of this schema.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(Error::serialization("the run cannot be read"))
    }
}
