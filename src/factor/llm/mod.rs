//! Factors that a model measures.
//!
//! [`LikelihoodFactors`] and [`EmbeddingFactors`] ask no model for a verdict: they use how probable it finds a text, and
//! where it places a text among others. With the models of [`local`](crate::llm) they work offline.

mod embedding;
mod likelihood;

pub use embedding::EmbeddingFactors;
pub use likelihood::{LikelihoodFactors, LikelihoodWording};
