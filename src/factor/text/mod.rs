//! Factors measured from the text alone, with no model.
//!
//! A response is tokenized once into a [`Document`], against a [`Context`] that
//! its source and prompt were tokenized into once; every factor reads from it.
//! [`TextFactors`] measures a choice of factors over many responses.
//!
//! Ratios are quotients of counts, so equal fractions compare equal. Where a
//! factor is not defined the value is missing (`None`): no source where one is
//! needed, or a share of nothing. Only [`Tokenizer::AsciiAlnum`] makes a share
//! of nothing 0.
//!
//! ```
//! use prefactor::factor::Factor;
//! use prefactor::factor::text::{Context, Coverage, Length, Tokenizer};
//!
//! let context = Context::new(Tokenizer::Unicode, None, Some("Rain fell on the hills all night."));
//! for (summary, words, coverage) in [("Rain fell.", 2.0, 2.0 / 7.0), ("It rained all night.", 4.0, 2.0 / 7.0)] {
//!     let document = context.document(summary);
//!     assert_eq!(Length.measure(&document), Some(words));
//!     assert_eq!(Coverage.measure(&document), Some(coverage));
//! }
//! ```

mod context;
mod counts;
mod document;
mod factors;
mod layout;
mod lexicon;
pub(super) mod measure;
mod ngrams;
mod refusal;
mod registry;
mod sentences;
mod suffix;
mod syllables;
#[cfg(test)]
mod tests;
mod tokenizer;
mod vocabulary;
mod words;

pub use context::Context;
pub use document::{Document, Sentence};
pub use factors::{
    Characters, Citations, Compression, Coverage, Entities, FirstPerson, Formality, FragmentCoverage, FragmentDensity,
    Hedges, Length, Lists, Markdown, NovelBigrams, Novelty, Numbers, QuestionOverlap, Questions, Readability, Refusal,
    Repetition2, Repetition3, SentenceLength, Sentences, TypeTokenRatio, UnsupportedEntities, UnsupportedNumbers,
};
pub use registry::TextFactors;
pub use tokenizer::Tokenizer;
