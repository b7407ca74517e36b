//! Whether a response speaks of what was asked.

use super::factor;
use crate::factor::{Category, FactorSpec, Needs, TaskKind};

factor! {
    /// `question_overlap`: different content words of the prompt that the response uses, divided by all of them. Unit: share.
    ///
    /// Content words are those that are not English function words. Range: 0 to 1; missing without a prompt.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, QuestionOverlap};
    /// let document = Document::new(Tokenizer::Unicode, "It rains in spring.", Some("When does it rain in spring?"), None);
    /// assert_eq!(QuestionOverlap.measure(&document), Some(0.5));
    /// ```
    QuestionOverlap:
    FactorSpec::new("question_overlap", Category::Intent, "share", "different content words of the prompt that the response uses, divided by all of them")
        .group("overlap")
        .needs(Needs::Prompt)
        .tasks(&[TaskKind::HelpfulResponse, TaskKind::DocumentQa]);
    |document| {
        document.prompt()?;
        let (used, all) = document.prompt_overlap();
        document.share(used, all)
    }
}
