//! What a response shares with its source.

use super::factor;
use crate::factor::{Category, FactorSpec, Needs};

factor! {
    /// `novelty`: words of the response that the source does not have, divided by all words of the response. Unit: share.
    ///
    /// Range: 0 to 1; missing without a source.
    ///
    /// After See, Liu and Manning (2017), "Get To The Point", ACL (novel n-grams).
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Novelty};
    /// let document = Document::new(Tokenizer::Unicode, "The cat slept.", None, Some("The cat sat on the mat."));
    /// assert_eq!(Novelty.measure(&document), Some(1.0 / 3.0));
    /// ```
    Novelty:
    FactorSpec::new("novelty", Category::Faithfulness, "share", "words of the response that the source does not have, divided by all words of the response")
        .group("overlap")
        .needs(Needs::Source)
        .reference("See, Liu and Manning (2017), \"Get To The Point\", ACL (novel n-grams)");
    |document| {
        document.source()?;
        document.share(document.novel_tokens(), document.token_ids().len())
    }
}

factor! {
    /// `coverage`: different words of the source that the response uses, divided by all different words of the source. Unit: share.
    ///
    /// Range: 0 to 1; missing without a source.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Coverage};
    /// let document = Document::new(Tokenizer::Unicode, "The cat slept.", None, Some("The cat sat on the mat."));
    /// assert_eq!(Coverage.measure(&document), Some(2.0 / 5.0));
    /// ```
    Coverage:
    FactorSpec::new("coverage", Category::Content, "share", "different words of the source that the response uses, divided by all different words of the source")
        .group("overlap")
        .needs(Needs::Source);
    |document| {
        document.source()?;
        document.share(document.distinct_shared_tokens(), document.distinct_source_tokens())
    }
}

factor! {
    /// `novel_bigrams`: bigrams of the response that the source does not have, divided by all bigrams of the response. Unit: share.
    ///
    /// Range: 0 to 1; missing without a source.
    ///
    /// After See, Liu and Manning (2017), "Get To The Point", ACL (novel n-grams).
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, NovelBigrams};
    /// let document = Document::new(Tokenizer::Unicode, "The cat slept.", None, Some("The cat sat on the mat."));
    /// assert_eq!(NovelBigrams.measure(&document), Some(0.5));
    /// ```
    NovelBigrams:
    FactorSpec::new("novel_bigrams", Category::Faithfulness, "share", "bigrams of the response that the source does not have, divided by all bigrams of the response")
        .group("overlap")
        .needs(Needs::Source)
        .reference("See, Liu and Manning (2017), \"Get To The Point\", ACL (novel n-grams)");
    |document| {
        document.source()?;
        document.share(document.novel_bigrams(), document.token_ids().len().saturating_sub(1))
    }
}
