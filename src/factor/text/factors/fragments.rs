//! How a response is put together from pieces of its source.

use super::{factor, quotient};
use crate::factor::{Category, FactorSpec, Needs, TaskKind};

factor! {
    /// `fragment_coverage`: words of the response inside extractive fragments of the source, divided by all its words. Unit: share.
    ///
    /// Range: 0 to 1; missing without a source. Fragments are found greedily from the left, the longest shared run of words first.
    ///
    /// After Grusky, Naaman and Artzi (2018), "Newsroom", NAACL.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, FragmentCoverage};
    /// let document = Document::new(Tokenizer::Unicode, "The cat sat up.", None, Some("The cat sat on the mat."));
    /// assert_eq!(FragmentCoverage.measure(&document), Some(0.75));
    /// ```
    FragmentCoverage:
    FactorSpec::new("fragment_coverage", Category::Faithfulness, "share", "words of the response inside extractive fragments of the source, divided by all its words")
        .group("extraction")
        .needs(Needs::Source)
        .tasks(&[TaskKind::Summarization, TaskKind::DocumentQa])
        .reference("Grusky, Naaman and Artzi (2018), \"Newsroom\", NAACL");
    |document| {
        let fragments = document.fragments()?;
        document.share(usize::try_from(fragments.length).ok()?, document.token_ids().len())
    }
}

factor! {
    /// `fragment_density`: squared lengths of the extractive fragments, summed and divided by the words of the response. Unit: tokens.
    ///
    /// The length of the fragment that an average word is in. Range: 0 to the length of the response; missing without a source or without words.
    ///
    /// After Grusky, Naaman and Artzi (2018), "Newsroom", NAACL.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, FragmentDensity};
    /// let document = Document::new(Tokenizer::Unicode, "The cat sat up.", None, Some("The cat sat on the mat."));
    /// assert_eq!(FragmentDensity.measure(&document), Some(2.25));
    /// ```
    FragmentDensity:
    FactorSpec::new("fragment_density", Category::Faithfulness, "tokens", "squared lengths of the extractive fragments, summed and divided by the words of the response")
        .group("extraction")
        .needs(Needs::Source)
        .tasks(&[TaskKind::Summarization, TaskKind::DocumentQa])
        .reference("Grusky, Naaman and Artzi (2018), \"Newsroom\", NAACL");
    |document| {
        quotient(document.fragments()?.squares as f64, document.token_ids().len() as f64)
    }
}

factor! {
    /// `compression`: words of the source divided by the words of the response. Unit: ratio.
    ///
    /// Range: 0 and up, higher for a shorter response; missing without a source or without words.
    ///
    /// After Grusky, Naaman and Artzi (2018), "Newsroom", NAACL.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Compression};
    /// let document = Document::new(Tokenizer::Unicode, "The cat sat.", None, Some("The cat sat on the mat."));
    /// assert_eq!(Compression.measure(&document), Some(2.0));
    /// ```
    Compression:
    FactorSpec::new("compression", Category::Content, "ratio", "words of the source divided by the words of the response")
        .group("size")
        .needs(Needs::Source)
        .tasks(&[TaskKind::Summarization])
        .reference("Grusky, Naaman and Artzi (2018), \"Newsroom\", NAACL");
    |document| {
        quotient(document.source_token_ids()?.len() as f64, document.token_ids().len() as f64)
    }
}
