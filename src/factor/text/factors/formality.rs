//! How formal a response is.

use super::{factor, quotient};
use crate::factor::text::lexicon::Lane;
use crate::factor::{Category, FactorSpec};

factor! {
    /// `formality`: 50 · (1 + (articles and prepositions − pronouns, auxiliary verbs, listed adverbs and interjections) / words). Unit: score.
    ///
    /// **A proxy** of Heylighen and Dewaele's F-score, which needs part-of-speech tags for nouns, adjectives, verbs and adverbs: this one counts only English words of closed classes, from lists. Range: 0 to 100, higher is more formal; missing without words and where most words are not in the Latin alphabet.
    ///
    /// After Heylighen and Dewaele (2002), "Variation in the contextuality of language", Foundations of Science 7.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Formality};
    /// let document = Document::new(Tokenizer::Unicode, "The end of the road.", None, None);
    /// assert_eq!(Formality.measure(&document), Some(80.0));
    /// ```
    Formality:
    FactorSpec::new("formality", Category::Language, "score", "50 · (1 + (articles and prepositions − pronouns, auxiliary verbs, listed adverbs and interjections) / words)")
        .group("formality")
        .reference("after Heylighen and Dewaele (2002), \"Variation in the contextuality of language\", Foundations of Science 7");
    |document| {
        let counts = document.counts();
        let words = document.token_ids().len();
        if 2 * counts.lane(Lane::Latin) < words {
            return None;
        }
        let formal = words as f64 + counts.lane(Lane::Formal) as f64 - counts.lane(Lane::Deictic) as f64;
        quotient(50.0 * formal, words as f64)
    }
}
