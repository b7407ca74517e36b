//! How probable a response is given its source, and the source given the response.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{LlmError, Result};
use crate::factor::{Category, Extraction, FactorExtractor, FactorSpec, Item, Needs, TaskKind, Tolerance};
use crate::llm::ContinuationScorer;

const BARTSCORE: &str = "Yuan, Neubig and Liu (2021), \"BARTScore\", NeurIPS, and Fu et al. (2024), \"GPTScore\", NAACL, \
                         https://doi.org/10.18653/v1/2024.naacl-long.365 (the idea; the model and the wording are the user's)";

/// What stands between what is given and what is scored.
///
/// The texts themselves go in as they are. Figures of different wordings, and of different models, are not comparable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LikelihoodWording {
    /// Between the source (and the prompt) and the response.
    pub before_response: String,
    /// Between the response and the source.
    pub before_source: String,
}

impl LikelihoodWording {
    /// A wording of your own.
    pub fn new(before_response: impl Into<String>, before_source: impl Into<String>) -> Self {
        Self { before_response: before_response.into(), before_source: before_source.into() }
    }

    /// The wording for a task.
    ///
    /// ```
    /// use prefactor::factor::TaskKind;
    /// use prefactor::factor::llm::LikelihoodWording;
    /// assert_eq!(LikelihoodWording::for_task(TaskKind::Summarization).before_response, "\n\nSummary:\n");
    /// ```
    pub fn for_task(task: TaskKind) -> Self {
        match task {
            TaskKind::Summarization => Self::new("\n\nSummary:\n", "\n\nThe whole text:\n"),
            TaskKind::HelpfulResponse => Self::new("\n\nResponse:\n", "\n\nThe instruction:\n"),
            TaskKind::DocumentQa => Self::new("\n\nAnswer:\n", "\n\nThe passages:\n"),
        }
    }
}

/// Three factors from the log-probabilities that a model gives to texts; nobody is asked for a verdict.
///
/// Writing r for the response, s for its source (followed by the prompt, where the source does not begin with it)
/// and |·| for the number of the model's tokens, in natural logarithms:
///
/// * `response_likelihood` = log P(r | s) / |r|: how expected the response is, hence fluent and close to the source;
/// * `response_pmi` = (log P(r | s) − log P(r)) / |r|, pointwise mutual information: how much the source helps to
///   expect it, with plain fluency taken off;
/// * `source_likelihood` = log P(s | r) / |s|: how much of the source the response gives away.
///
/// All are at most 0 but the second, and all are averages over tokens, so that none grows with length by
/// itself. Where there is no source, or a text has no tokens, the value is missing; so it is where source and response
/// together are longer than the model reads. Any other failure of the model fails the extraction.
///
/// The cost is three passes a response: |s| + |r|, |r| and |r| + |s| tokens, of which the source is read once for all
/// responses to it where the scorer remembers a prefix, as a `LocalModel` (feature `local`) does.
///
/// ```
/// # use std::sync::Arc;
/// # use prefactor::error::LlmError;
/// # use prefactor::llm::{ContinuationScore, ContinuationScorer, Identity, TokenScore};
/// use prefactor::factor::llm::{LikelihoodFactors, LikelihoodWording};
/// use prefactor::factor::{FactorExtractor, Item, TaskKind};
///
/// /// Expects a text by −1 a byte, and by half of that after a prefix that contains it.
/// # struct Copycat;
/// # #[async_trait::async_trait]
/// # impl ContinuationScorer for Copycat {
/// #     fn identity(&self) -> Identity { Identity::new("example", "copycat") }
/// #     async fn score_continuation(&self, prefix: &str, text: &str) -> Result<ContinuationScore, LlmError> {
/// #         let each = if prefix.contains(text) { -0.5 } else { -1.0 };
/// #         Ok(ContinuationScore::new((0..text.len()).map(|at| TokenScore::new(at, at + 1, each)).collect()))
/// #     }
/// # }
/// # let wait = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let factors = LikelihoodFactors::new(Arc::new(Copycat), LikelihoodWording::for_task(TaskKind::Summarization));
/// let id = "r1".into();
/// let item = Item { id: &id, text: "rain", prompt: None, source: Some("It will rain all day.") };
/// let extraction = wait.block_on(factors.extract(&[item]))?;
/// assert_eq!(extraction.values, [[Some(-0.5)], [Some(0.5)], [Some(-1.0)]]);
/// # Ok::<(), prefactor::Error>(())
/// ```
#[derive(Clone)]
pub struct LikelihoodFactors {
    scorer: Arc<dyn ContinuationScorer>,
    wording: LikelihoodWording,
}

impl LikelihoodFactors {
    /// Factors measured by this model in this wording.
    pub fn new(scorer: Arc<dyn ContinuationScorer>, wording: LikelihoodWording) -> Self {
        Self { scorer, wording }
    }

    /// What is measured, whatever the model.
    pub fn all_specs() -> Vec<FactorSpec> {
        let spec = |id: &str, category, definition: &str| {
            FactorSpec::new(id, category, "nats per token", definition)
                .group("likelihood")
                .needs(Needs::Source)
                .tolerance(Tolerance::NINE_DECIMALS)
                .reference(BARTSCORE)
        };
        vec![
            spec(
                "response_likelihood",
                Category::Faithfulness,
                "the model's log-probability of the response after its source, divided by its tokens",
            ),
            spec(
                "response_pmi",
                Category::Faithfulness,
                "the model's log-probability of the response after its source, less that without, divided by its tokens",
            ),
            spec(
                "source_likelihood",
                Category::Content,
                "the model's log-probability of the source after the response, divided by the source's tokens",
            ),
        ]
    }

    /// The mean log-probability of a token; `None` where there is none, or where the texts are too long.
    async fn mean(&self, prefix: &str, text: &str) -> Result<Option<f64>, LlmError> {
        match self.scorer.score_continuation(prefix, text).await {
            Ok(score) => Ok(score.mean()),
            Err(LlmError::Overflow { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for LikelihoodFactors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LikelihoodFactors")
            .field("scorer", &self.scorer.identity())
            .field("wording", &self.wording)
            .finish()
    }
}

/// What a response is conditioned on: the source, and the prompt where the source does not begin with it.
fn condition(item: &Item<'_>) -> Option<String> {
    let source = item.source?;
    match item.prompt {
        Some(prompt) if !source.starts_with(prompt) => Some(format!("{source}\n\n{prompt}")),
        _ => Some(source.to_owned()),
    }
}

#[async_trait]
impl FactorExtractor for LikelihoodFactors {
    fn specs(&self) -> Vec<FactorSpec> {
        Self::all_specs()
    }

    async fn extract(&self, items: &[Item<'_>]) -> Result<Extraction> {
        let specs = self.specs();
        let mut values = vec![vec![None; items.len()]; specs.len()];
        // By source, so that a scorer that remembers its last prefix reads each source once.
        let mut by_condition: Vec<(String, Vec<usize>)> = Vec::new();
        let mut places: HashMap<(Option<&str>, Option<&str>), usize> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            let Some(condition) = condition(item) else { continue };
            let place = *places.entry((item.prompt, item.source)).or_insert(by_condition.len());
            if place == by_condition.len() {
                by_condition.push((condition, Vec::new()));
            }
            by_condition[place].1.push(at);
        }
        let without = self.wording.before_response.trim_start();
        for (condition, members) in by_condition {
            let prefix = format!("{condition}{}", self.wording.before_response);
            for &at in &members {
                values[0][at] = self.mean(&prefix, items[at].text).await?;
            }
            for &at in &members {
                let alone = self.mean(without, items[at].text).await?;
                values[1][at] = values[0][at].zip(alone).map(|(given, alone)| given - alone);
            }
            for &at in &members {
                // A response without tokens says nothing of its source.
                if let (Some(source), Some(_)) = (items[at].source, values[0][at]) {
                    let prefix = format!("{}{}", items[at].text, self.wording.before_source);
                    values[2][at] = self.mean(&prefix, source).await?;
                }
            }
        }
        Ok(Extraction { specs, values })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::id::ResponseId;
    use crate::llm::{ContinuationScore, Identity, TokenScore};

    /// Scores a text by −1 a byte, refuses what says so, and notes what it was asked.
    #[derive(Default)]
    struct Noting(Mutex<Vec<(String, String)>>);

    #[async_trait]
    impl ContinuationScorer for Noting {
        fn identity(&self) -> Identity {
            Identity::new("test", "noting")
        }

        async fn score_continuation(&self, prefix: &str, text: &str) -> Result<ContinuationScore, LlmError> {
            self.0.lock().unwrap().push((prefix.to_owned(), text.to_owned()));
            match (prefix.contains("too long"), text.contains("broken")) {
                (true, _) => Err(LlmError::Overflow { message: "too long".into() }),
                (_, true) => Err(LlmError::Transient { message: "broken".into(), status: None }),
                _ => Ok(ContinuationScore::new((0..text.len()).map(|at| TokenScore::new(at, at + 1, -1.0)).collect())),
            }
        }
    }

    async fn extract(items: &[(&str, Option<&str>, Option<&str>)]) -> (Result<Extraction>, Vec<(String, String)>) {
        let ids: Vec<ResponseId> = (0..items.len()).map(|at| ResponseId::from(at.to_string())).collect();
        let items: Vec<Item<'_>> =
            ids.iter().zip(items).map(|(id, &(text, prompt, source))| Item { id, text, prompt, source }).collect();
        let scorer = Arc::new(Noting::default());
        let factors = LikelihoodFactors::new(scorer.clone(), LikelihoodWording::new(" => ", " <= "));
        let extraction = factors.extract(&items).await;
        let asked = scorer.0.lock().unwrap().clone();
        (extraction, asked)
    }

    #[tokio::test]
    async fn each_source_is_a_prefix_in_one_run() {
        let items = [("a1", None, Some("A")), ("b1", Some("q?"), Some("B")), ("a2", None, Some("A"))];
        let (extraction, asked) = extract(&items).await;
        assert_eq!(extraction.unwrap().values, [[Some(-1.0); 3], [Some(0.0); 3], [Some(-1.0); 3]]);
        let asked: Vec<(&str, &str)> = asked.iter().map(|(prefix, text)| (prefix.as_str(), text.as_str())).collect();
        let of_a = [("A => ", "a1"), ("A => ", "a2"), ("=> ", "a1"), ("=> ", "a2"), ("a1 <= ", "A"), ("a2 <= ", "A")];
        assert_eq!(asked[..6], of_a);
        assert_eq!(asked[6..], [("B\n\nq? => ", "b1"), ("=> ", "b1"), ("b1 <= ", "B")]);
    }

    #[tokio::test]
    async fn a_prompt_that_begins_the_source_is_not_said_twice() {
        let (_, asked) = extract(&[("a", Some("Do it:"), Some("Do it: now"))]).await;
        assert_eq!(asked[0].0, "Do it: now => ");
    }

    #[tokio::test]
    async fn what_cannot_be_measured_is_missing_and_what_fails_fails() {
        let items =
            [("a", None, None), ("a", None, Some("far too long")), ("", None, Some("A")), ("a", None, Some("A"))];
        let (extraction, _) = extract(&items).await;
        let values = extraction.unwrap().values;
        assert_eq!(values[0], [None, None, None, Some(-1.0)]);
        assert_eq!(values[1], [None, None, None, Some(0.0)]);
        assert_eq!(values[2], [None, None, None, Some(-1.0)]);
        let (failed, _) = extract(&[("broken", None, Some("A"))]).await;
        assert!(failed.unwrap_err().is_llm());
    }
}
