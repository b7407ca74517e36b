//! The factors, one family a file.

mod builtin;
mod define;
mod entities;
mod form;
mod formality;
mod fragments;
mod numbers;
mod overlap;
mod question;
mod readability;
mod size;
mod stance;
mod variety;

pub(super) use builtin::builtin;
pub(crate) use define::{factor, quotient};
pub use entities::{Entities, UnsupportedEntities};
pub use form::{Citations, Lists, Markdown, Questions};
pub use formality::Formality;
pub use fragments::{Compression, FragmentCoverage, FragmentDensity};
pub use numbers::{Numbers, UnsupportedNumbers};
pub use overlap::{Coverage, NovelBigrams, Novelty};
pub use question::QuestionOverlap;
pub use readability::Readability;
pub use size::{Characters, Length, SentenceLength, Sentences};
pub use stance::{FirstPerson, Hedges, Refusal};
pub use variety::{Repetition2, Repetition3, TypeTokenRatio};
