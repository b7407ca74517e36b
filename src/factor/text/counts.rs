//! What is counted over the words of a response, for several factors at once.

use super::Tokenizer;
use super::document::Document;
use super::lexicon::{Kind, LANES, Lane, Role};
use super::refusal::Refusals;
use super::sentences::is_terminator;
use super::suffix::SuffixIndex;

/// Counts over the words of a response, from one pass.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TokenCounts {
    lanes: [usize; LANES],
    pub(super) syllables: u64,
    pub(super) numbers: usize,
    pub(super) unsupported_numbers: usize,
    pub(super) entities: usize,
    pub(super) unsupported_entities: usize,
    pub(super) refuses: bool,
}

impl TokenCounts {
    pub(super) fn of(document: &Document<'_>, kind: impl Fn(u32) -> Kind) -> Self {
        let mut counts = Self::default();
        let mut refusals = Refusals::default();
        let bytes = document.text().as_bytes();
        let spans = document.word_bounds();
        // A lane is a byte: it is emptied before it can overflow.
        for (block, ids) in document.token_ids().chunks(255).enumerate() {
            let mut lanes = 0_u64;
            for (offset, &id) in ids.iter().enumerate() {
                let kind = kind(id);
                lanes += kind.lanes;
                counts.syllables += u64::from(kind.syllables);
                if kind.role != Role::None {
                    refusals.push(kind.role);
                } else {
                    refusals.other();
                }
                let (start, end) = spans[255 * block + offset];
                if kind.number && !is_list_marker(bytes, start, end) {
                    counts.numbers += 1;
                    counts.unsupported_numbers += usize::from(!document.in_source(id));
                } else if !bytes[start].is_ascii_lowercase()
                    && !is_function(kind)
                    && starts_upper(document.text(), start)
                    && !starts_sentence(document, 255 * block + offset)
                {
                    counts.entities += 1;
                    counts.unsupported_entities += usize::from(!document.in_source(id));
                }
            }
            for (total, count) in counts.lanes.iter_mut().zip(lanes.to_le_bytes()) {
                *total += usize::from(count);
            }
        }
        counts.refuses = refusals.found();
        counts
    }

    /// How many words are in the class.
    pub(super) fn lane(&self, lane: Lane) -> usize {
        self.lanes[lane as usize]
    }
}

/// `I` and the first word of a quotation are capitals without being names.
fn is_function(kind: Kind) -> bool {
    kind.function
}

fn starts_upper(text: &str, start: usize) -> bool {
    text.get(start..).and_then(|rest| rest.chars().next()).is_some_and(char::is_uppercase)
}

/// Whether the word is the first of its sentence or of its line.
fn starts_sentence(document: &Document<'_>, word: usize) -> bool {
    let spans = document.word_bounds();
    let Some(before) = word.checked_sub(1) else { return true };
    match document.tokenizer() {
        Tokenizer::Unicode => {
            let sentences = document.sentences();
            let at = sentences.partition_point(|sentence| sentence.words().start < word);
            sentences.get(at).is_some_and(|sentence| sentence.words().start == word)
        }
        Tokenizer::AsciiAlnum => document.text().as_bytes()[spans[before].1..spans[word].0]
            .iter()
            .any(|&byte| is_terminator(byte) || byte == b'\n'),
    }
}

/// Whether a number only counts the items of a list: alone at the start of a line, before `.` or `)` and a space.
fn is_list_marker(bytes: &[u8], start: usize, end: usize) -> bool {
    matches!(bytes.get(end), Some(b'.' | b')'))
        && matches!(bytes.get(end + 1), Some(b' ' | b'\t' | b'\r' | b'\n'))
        && bytes[..start].iter().rev().find(|&&byte| !matches!(byte, b' ' | b'\t')).is_none_or(|&byte| byte == b'\n')
}

/// The extractive fragments of a response, summed: Grusky, Naaman and Artzi (2018).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fragments {
    /// The sum of the lengths.
    pub(super) length: u64,
    /// The sum of the squares of the lengths.
    pub(super) squares: u64,
}

impl Fragments {
    /// Greedily, from the left: the longest run of words that the source has, then on after it.
    pub(super) fn of(index: &SuffixIndex, source: &[u32], response: &[u32]) -> Self {
        let mut fragments = Self::default();
        let mut rest = response;
        while !rest.is_empty() {
            let length = index.longest(source, rest);
            fragments.length += length as u64;
            fragments.squares += (length as u64).saturating_mul(length as u64);
            rest = &rest[length.max(1)..];
        }
        fragments
    }
}
