//! How easy a response is to read.

use super::{factor, quotient};
use crate::factor::text::lexicon::Lane;
use crate::factor::{Category, FactorSpec, Tolerance};

factor! {
    /// `readability`: 206.835 − 1.015 · words per sentence − 84.6 · syllables per word. Unit: Flesch score.
    ///
    /// Higher is easier; 60 to 70 is plain English. English only: missing without words and where most words are not in the Latin alphabet.
    ///
    /// Syllables are counted by spelling: the groups of vowels (`a e i o u y` and their accented forms), less a silent final `e` (not `-le` after a consonant), a silent `-es` (not after a sibilant) and a silent `-ed` (not after `t` or `d`), at least one a word. A number counts as one syllable.
    ///
    /// After Flesch (1948), "A new readability yardstick", Journal of Applied Psychology 32(3).
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Readability};
    /// let document = Document::new(Tokenizer::Unicode, "The cat sat.", None, None);
    /// let value = Readability.measure(&document).unwrap_or_default();
    /// assert!((value - (206.835 - 1.015 * 3.0 - 84.6)).abs() < 1e-9);
    /// ```
    Readability:
    FactorSpec::new("readability", Category::Language, "Flesch score", "206.835 − 1.015 · words per sentence − 84.6 · syllables per word")
        .group("readability")
        .tolerance(Tolerance::NINE_DECIMALS)
        .reference("Flesch (1948), \"A new readability yardstick\", Journal of Applied Psychology 32(3)");
    |document| {
        let counts = document.counts();
        let words = document.token_ids().len();
        if 2 * counts.lane(Lane::Latin) < words {
            return None;
        }
        let per_sentence = quotient(words as f64, document.sentence_count() as f64)?;
        let per_word = quotient(counts.syllables as f64, words as f64)?;
        Some(206.835 - 1.015 * per_sentence - 84.6 * per_word)
    }
}
