//! What a model can do that is not answering: scoring a given text, and placing texts in a space.

use async_trait::async_trait;

use crate::error::LlmError;
use crate::llm::Identity;

/// The log-probability of one token of a scored text.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TokenScore {
    /// Where the token begins in the text, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
    /// Its natural log-probability given all before it; finite, at most 0.
    pub logprob: f64,
}

impl TokenScore {
    /// A token of these bytes of the text.
    pub fn new(start: usize, end: usize, logprob: f64) -> Self {
        Self { start, end, logprob }
    }
}

/// The log-probabilities of all tokens of a text, in their order.
///
/// ```
/// use prefactor::llm::{ContinuationScore, TokenScore};
/// let score = ContinuationScore::new(vec![TokenScore::new(0, 2, -1.0), TokenScore::new(2, 5, -2.0)]);
/// assert_eq!((score.total(), score.mean()), (-3.0, Some(-1.5)));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ContinuationScore {
    /// One entry a token.
    pub tokens: Vec<TokenScore>,
}

impl ContinuationScore {
    /// From the scores of the tokens.
    pub fn new(tokens: Vec<TokenScore>) -> Self {
        Self { tokens }
    }

    /// The log-probability of the whole text; 0 for an empty one.
    pub fn total(&self) -> f64 {
        self.tokens.iter().map(|token| token.logprob).sum()
    }

    /// The mean log-probability of a token; `None` for an empty text.
    pub fn mean(&self) -> Option<f64> {
        (!self.tokens.is_empty()).then(|| self.total() / self.tokens.len() as f64)
    }
}

/// A model that says how probable a given text is after a prefix. Object-safe.
///
/// HTTP interfaces rarely offer it; a model in this process does.
#[async_trait]
pub trait ContinuationScorer: Send + Sync {
    /// Which model this is.
    fn identity(&self) -> Identity;

    /// log P(token | prefix, tokens before) for every token of `text`.
    ///
    /// `prefix` and `text` are taken as they are, without a chat template.
    ///
    /// # Errors
    ///
    /// [`LlmError::Overflow`] where both together are longer than the model reads; otherwise what the backend says.
    async fn score_continuation(&self, prefix: &str, text: &str) -> Result<ContinuationScore, LlmError>;
}

/// A model that gives each text a vector. Object-safe.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Which model this is.
    fn identity(&self) -> Identity;

    /// The length of every vector.
    fn dimensions(&self) -> usize;

    /// One vector of length [`dimensions`](Self::dimensions) for each text, in the order of the texts, each of
    /// Euclidean length 1, so that a dot product is a cosine similarity.
    ///
    /// # Errors
    ///
    /// [`LlmError::Overflow`] where a text is longer than the model reads and the backend does not cut; otherwise
    /// what the backend says.
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError>;
}
