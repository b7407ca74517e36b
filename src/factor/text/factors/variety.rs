//! How varied the words of a response are.

use super::factor;
use crate::factor::{Category, FactorSpec};

factor! {
    /// `ttr`: different words of the response divided by all its words. Unit: share.
    ///
    /// Range: 0 to 1. It falls with length by itself: compare texts of similar length, or hold `length` equal.
    ///
    /// After Templin (1957), Certain Language Skills in Children.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, TypeTokenRatio};
    /// let document = Document::new(Tokenizer::Unicode, "the cat and the dog", None, None);
    /// assert_eq!(TypeTokenRatio.measure(&document), Some(0.8));
    /// ```
    TypeTokenRatio:
    FactorSpec::new("ttr", Category::Language, "share", "different words of the response divided by all its words")
        .group("variety")
        .reference("Templin (1957), Certain Language Skills in Children");
    |document| {
        document.share(document.distinct_tokens(), document.token_ids().len())
    }
}

factor! {
    /// `repetition_2`: bigrams of the response that occurred before in it, divided by all its bigrams. Unit: share.
    ///
    /// Range: 0 to 1; 1 less distinct-2. Bigrams run across sentences; a single word repeats none.
    ///
    /// After Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models", NAACL (distinct-n).
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Repetition2};
    /// let document = Document::new(Tokenizer::Unicode, "a b a b", None, None);
    /// assert_eq!(Repetition2.measure(&document), Some(1.0 / 3.0));
    /// ```
    Repetition2:
    FactorSpec::new("repetition_2", Category::Language, "share", "bigrams of the response that occurred before in it, divided by all its bigrams")
        .group("repetition")
        .reference("Li et al. (2016), \"A Diversity-Promoting Objective Function for Neural Conversation Models\", NAACL (distinct-n)");
    |document| {
        // A text too short to have one repeats none.
        let bigrams = document.token_ids().len().saturating_sub(1).max(document.token_ids().len().min(1));
        document.share(document.repeats().bigrams, bigrams)
    }
}

factor! {
    /// `repetition_3`: trigrams of the response that occurred before in it, divided by all its trigrams. Unit: share.
    ///
    /// Range: 0 to 1; 1 less distinct-3. Trigrams run across sentences; one word or two repeat none.
    ///
    /// After Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models", NAACL (distinct-n).
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Repetition3};
    /// let document = Document::new(Tokenizer::Unicode, "a b c a b c", None, None);
    /// assert_eq!(Repetition3.measure(&document), Some(0.25));
    /// ```
    Repetition3:
    FactorSpec::new("repetition_3", Category::Language, "share", "trigrams of the response that occurred before in it, divided by all its trigrams")
        .group("repetition")
        .reference("Li et al. (2016), \"A Diversity-Promoting Objective Function for Neural Conversation Models\", NAACL (distinct-n)");
    |document| {
        // A text too short to have one repeats none.
        let trigrams = document.token_ids().len().saturating_sub(2).max(document.token_ids().len().min(1));
        document.share(document.repeats().trigrams, trigrams)
    }
}
