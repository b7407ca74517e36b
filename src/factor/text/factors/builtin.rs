//! All factors of this crate.

use super::*;
use crate::factor::Factor;

/// Every text factor, in the order of the documentation.
pub(in crate::factor::text) fn builtin() -> Vec<Box<dyn Factor>> {
    vec![
        Box::new(Length),
        Box::new(Sentences),
        Box::new(Characters),
        Box::new(SentenceLength),
        Box::new(TypeTokenRatio),
        Box::new(Repetition2),
        Box::new(Repetition3),
        Box::new(Novelty),
        Box::new(Coverage),
        Box::new(NovelBigrams),
        Box::new(FragmentCoverage),
        Box::new(FragmentDensity),
        Box::new(Compression),
        Box::new(Readability),
        Box::new(Formality),
        Box::new(Markdown),
        Box::new(Lists),
        Box::new(Citations),
        Box::new(Questions),
        Box::new(Numbers),
        Box::new(UnsupportedNumbers),
        Box::new(Entities),
        Box::new(UnsupportedEntities),
        Box::new(Hedges),
        Box::new(FirstPerson),
        Box::new(Refusal),
        Box::new(QuestionOverlap),
    ]
}
