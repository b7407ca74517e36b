//! How a writer stands to what is written.

use super::factor;
use crate::factor::text::lexicon::Lane;
use crate::factor::{Category, FactorSpec, TaskKind};

factor! {
    /// `hedges`: words that weaken a claim (may, perhaps, seems, …), divided by all words. Unit: share.
    ///
    /// English, from a list. Range: 0 to 1.
    ///
    /// After Hyland (1998), Hedging in Scientific Research Articles.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Hedges};
    /// let document = Document::new(Tokenizer::Unicode, "It may perhaps work.", None, None);
    /// assert_eq!(Hedges.measure(&document), Some(0.5));
    /// ```
    Hedges:
    FactorSpec::new("hedges", Category::Language, "share", "words that weaken a claim (may, perhaps, seems, …), divided by all words")
        .group("stance")
        .reference("after Hyland (1998), Hedging in Scientific Research Articles");
    |document| {
        document.share(document.counts().lane(Lane::Hedge), document.token_ids().len())
    }
}

factor! {
    /// `first_person`: pronouns of the first person (I, me, my, we, our, …), divided by all words. Unit: share.
    ///
    /// English, from a list. Range: 0 to 1.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, FirstPerson};
    /// let document = Document::new(Tokenizer::Unicode, "I like my cat.", None, None);
    /// assert_eq!(FirstPerson.measure(&document), Some(0.5));
    /// ```
    FirstPerson:
    FactorSpec::new("first_person", Category::Language, "share", "pronouns of the first person (I, me, my, we, our, …), divided by all words")
        .group("stance");
    |document| {
        document.share(document.counts().lane(Lane::FirstPerson), document.token_ids().len())
    }
}

factor! {
    /// `refusal`: 1 where the response has a phrase that refuses, otherwise 0. Unit: indicator.
    ///
    /// English phrases: “I cannot / will not” with a verb of helping or producing, “I am unable / not able”, “I am sorry, but”, “as an AI”. Range: 0 or 1.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Refusal};
    /// let document = Document::new(Tokenizer::Unicode, "I'm sorry, but I can't help with that.", None, None);
    /// assert_eq!(Refusal.measure(&document), Some(1.0));
    /// ```
    Refusal:
    FactorSpec::new("refusal", Category::Intent, "indicator", "1 where the response has a phrase that refuses, otherwise 0")
        .group("refusal")
        .tasks(&[TaskKind::HelpfulResponse, TaskKind::DocumentQa]);
    |document| {
        Some(f64::from(u8::from(document.counts().refuses)))
    }
}
