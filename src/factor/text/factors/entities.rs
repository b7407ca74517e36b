//! The names of a response.

use super::factor;
use crate::factor::{Category, FactorSpec, Needs};

factor! {
    /// `entities`: capitalised words that neither begin a sentence nor are function words. Unit: tokens.
    ///
    /// A stand-in for named entities, for languages that write names with capitals. Under [`Tokenizer::AsciiAlnum`](crate::factor::text::Tokenizer::AsciiAlnum) a sentence also begins after a line feed. Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Entities};
    /// let document = Document::new(Tokenizer::Unicode, "Yesterday Ada met Charles Babbage.", None, None);
    /// assert_eq!(Entities.measure(&document), Some(3.0));
    /// ```
    Entities:
    FactorSpec::new("entities", Category::Content, "tokens", "capitalised words that neither begin a sentence nor are function words")
        .group("facts");
    |document| {
        Some(document.counts().entities as f64)
    }
}

factor! {
    /// `unsupported_entities`: entity-like words of the response that the source does not have, divided by its words. Unit: share of tokens.
    ///
    /// See [`Entities`]; per word for the reason given at [`UnsupportedNumbers`](super::UnsupportedNumbers). Range: 0 to 1;
    /// missing without a source.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, UnsupportedEntities};
    /// let document = Document::new(Tokenizer::Unicode, "Yesterday Ada met Charles.", None, Some("Ada Lovelace wrote a note."));
    /// assert_eq!(UnsupportedEntities.measure(&document), Some(0.25));
    /// ```
    UnsupportedEntities:
    FactorSpec::new("unsupported_entities", Category::Faithfulness, "share", "entity-like words of the response that the source does not have, divided by its words")
        .group("support")
        .needs(Needs::Source);
    |document| {
        document.source()?;
        let counts = document.counts();
        document.share(counts.unsupported_entities, document.token_ids().len())
    }
}
