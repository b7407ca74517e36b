//! How much a response says.

use super::{factor, quotient};
use crate::factor::{Category, FactorSpec};

factor! {
    /// `length`: words of the response. Unit: tokens.
    ///
    /// Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Length};
    /// let document = Document::new(Tokenizer::Unicode, "Two words.", None, None);
    /// assert_eq!(Length.measure(&document), Some(2.0));
    /// ```
    Length:
    FactorSpec::new("length", Category::Content, "tokens", "words of the response")
        .group("size");
    |document| {
        Some(document.token_ids().len() as f64)
    }
}

factor! {
    /// `sentences`: sentences of the response. Unit: sentences.
    ///
    /// Range: 0 and up; at least 1 under [`Tokenizer::AsciiAlnum`](crate::factor::text::Tokenizer::AsciiAlnum).
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Sentences};
    /// let document = Document::new(Tokenizer::Unicode, "One. Two!", None, None);
    /// assert_eq!(Sentences.measure(&document), Some(2.0));
    /// ```
    Sentences:
    FactorSpec::new("sentences", Category::Content, "sentences", "sentences of the response")
        .group("size");
    |document| {
        Some(document.sentence_count() as f64)
    }
}

factor! {
    /// `characters`: Unicode scalar values of the response, white space included. Unit: characters.
    ///
    /// Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Characters};
    /// let document = Document::new(Tokenizer::Unicode, "naïve", None, None);
    /// assert_eq!(Characters.measure(&document), Some(5.0));
    /// ```
    Characters:
    FactorSpec::new("characters", Category::Content, "characters", "Unicode scalar values of the response, white space included")
        .group("size");
    |document| {
        Some(document.text().chars().count() as f64)
    }
}

factor! {
    /// `sentence_length`: words of the response divided by its sentences. Unit: tokens per sentence.
    ///
    /// Range: 0 and up; missing where there is no sentence.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, SentenceLength};
    /// let document = Document::new(Tokenizer::Unicode, "One two. Three four five six.", None, None);
    /// assert_eq!(SentenceLength.measure(&document), Some(3.0));
    /// ```
    SentenceLength:
    FactorSpec::new("sentence_length", Category::Language, "tokens per sentence", "words of the response divided by its sentences")
        .group("readability");
    |document| {
        quotient(document.token_ids().len() as f64, document.sentence_count() as f64)
    }
}
