//! The numbers of a response.

use super::factor;
use crate::factor::{Category, FactorSpec, Needs};

factor! {
    /// `numbers`: words that begin with a digit. Unit: tokens.
    ///
    /// Numbers that only count the items of a list are left out. Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Numbers};
    /// let document = Document::new(Tokenizer::Unicode, "1. In 1990 it cost 3.50 euros.", None, None);
    /// assert_eq!(Numbers.measure(&document), Some(2.0));
    /// ```
    Numbers:
    FactorSpec::new("numbers", Category::Content, "tokens", "words that begin with a digit")
        .group("facts");
    |document| {
        Some(document.counts().numbers as f64)
    }
}

factor! {
    /// `unsupported_numbers`: numbers of the response that the source does not have, divided by its words. Unit: share of tokens.
    ///
    /// A number is supported where the source has the same word: `1,000` is not `1000`. Per word and not
    /// per number, so that a response without numbers has none that is unsupported. Range: 0 to 1; missing without a
    /// source.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, UnsupportedNumbers};
    /// let document = Document::new(Tokenizer::Unicode, "From 1990 to 1995.", None, Some("It began in 1990."));
    /// assert_eq!(UnsupportedNumbers.measure(&document), Some(0.25));
    /// ```
    UnsupportedNumbers:
    FactorSpec::new("unsupported_numbers", Category::Faithfulness, "share", "numbers of the response that the source does not have, divided by its words")
        .group("support")
        .needs(Needs::Source);
    |document| {
        document.source()?;
        let counts = document.counts();
        document.share(counts.unsupported_numbers, document.token_ids().len())
    }
}
