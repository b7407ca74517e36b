//! Where the sentences of a text end.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::Tokenizer;

/// Characters in a row without letter or digit after which a sentence of non-ASCII text ends.
///
/// The look-ahead of rule SB8 would be quadratic in the length of such a run.
const LONGEST_GAP: usize = 256;

/// Calls `emit(end)` for each sentence of the text, in order; the last end is the text's.
pub(super) fn scan(tokenizer: Tokenizer, text: &str, mut emit: impl FnMut(usize)) {
    match tokenizer {
        Tokenizer::AsciiAlnum => terminator_runs(text.as_bytes(), &mut emit),
        Tokenizer::Unicode if text.is_ascii() => ascii_sentences(text.as_bytes(), 0, &mut emit),
        Tokenizer::Unicode => mixed_sentences(text, &mut emit),
    }
}

/// The number of maximal runs of `.`, `!` and `?`, at least 1.
pub(super) fn count_terminator_runs(text: &str) -> usize {
    let bytes = text.as_bytes();
    let Some((&first, rest)) = bytes.split_first() else { return 1 };
    // Blocks whose count fits a byte, so that this is a vector loop.
    let blocks = rest.chunks(255).zip(bytes.chunks(255));
    let starts = blocks.map(|(now, before)| {
        let starts =
            now.iter().zip(before).map(|(&now, &before)| u8::from(is_terminator(now) & !is_terminator(before)));
        usize::from(starts.sum::<u8>())
    });
    let later: usize = starts.sum();
    let first = usize::from(is_terminator(first));
    (first + later).max(1)
}

pub(super) fn is_terminator(byte: u8) -> bool {
    matches!(byte, b'.' | b'!' | b'?')
}

/// Each run of terminators ends a sentence; what follows the last run belongs to the last sentence.
fn terminator_runs(bytes: &[u8], emit: &mut impl FnMut(usize)) {
    let mut pending = None;
    let mut at = 0;
    while at < bytes.len() {
        if !is_terminator(bytes[at]) {
            at += 1;
            continue;
        }
        if let Some(end) = pending {
            emit(end);
        }
        while at < bytes.len() && is_terminator(bytes[at]) {
            at += 1;
        }
        pending = Some(at);
    }
    emit(bytes.len());
}

/// Sentence_Break property values of ASCII, as far as the rules tell them apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    Other,
    Separator,
    Space,
    Lower,
    Upper,
    Numeric,
    FullStop,
    Terminator,
    Continue,
    Close,
}

const BREAK: [Break; 256] = {
    let mut table = [Break::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'\r' | b'\n' => Break::Separator,
            b' ' | b'\t' | 0x0b | 0x0c => Break::Space,
            b'a'..=b'z' => Break::Lower,
            b'A'..=b'Z' => Break::Upper,
            b'0'..=b'9' => Break::Numeric,
            b'.' => Break::FullStop,
            b'!' | b'?' => Break::Terminator,
            b',' | b'-' | b':' | b';' => Break::Continue,
            b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}' => Break::Close,
            _ => Break::Other,
        };
        byte += 1;
    }
    table
};

const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(BREAK[byte], Break::Separator | Break::FullStop | Break::Terminator);
        byte += 1;
    }
    table
};

/// The sentences of UAX 29 where every byte is ASCII; `base` is added to the ends.
fn ascii_sentences(bytes: &[u8], base: usize, emit: &mut impl FnMut(usize)) {
    let class = |at: usize| bytes.get(at).map(|&byte| BREAK[byte as usize]);
    let mut at = 0;
    let mut last = 0;
    while at < bytes.len() {
        if !STOPS[bytes[at] as usize] {
            at += 1;
            continue;
        }
        let here = class(at);
        if here == Some(Break::Separator) {
            at += if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
            emit(base + at);
            last = at;
            continue;
        }
        let full_stop = here == Some(Break::FullStop);
        let before = if at == 0 { None } else { class(at - 1) };
        at += 1;
        // SB6 and SB7: inside numbers and abbreviations.
        let inside = match class(at) {
            Some(Break::Numeric) => true,
            Some(Break::Upper) => matches!(before, Some(Break::Upper | Break::Lower)),
            _ => false,
        };
        if full_stop && inside {
            continue;
        }
        while class(at) == Some(Break::Close) {
            at += 1;
        }
        while class(at) == Some(Break::Space) {
            at += 1;
        }
        let goes_on = match class(at) {
            None | Some(Break::Separator | Break::Continue | Break::FullStop | Break::Terminator) => true,
            // SB8: the next letter, before anything that could end a sentence, is a small one.
            _ => full_stop && next_letter_is_lower(&bytes[at..]),
        };
        if !goes_on {
            emit(base + at);
            last = at;
        }
    }
    if last < bytes.len() {
        emit(base + bytes.len());
    }
}

/// Every byte is looked at from one full stop only, so the whole stays linear.
fn next_letter_is_lower(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .map(|&byte| BREAK[byte as usize])
        .find(|class| {
            matches!(class, Break::Lower | Break::Upper | Break::Separator | Break::FullStop | Break::Terminator)
        })
        .is_some_and(|class| class == Break::Lower)
}

/// The sentences of UAX 29 of any text, piece by piece between boundaries that no rule can undo.
fn mixed_sentences(text: &str, emit: &mut impl FnMut(usize)) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in 0..bytes.len() {
        if sure_boundary(bytes, at) {
            piece(text, from..at, emit);
            from = at;
        }
    }
    piece(text, from..bytes.len(), emit);
}

/// Whether a sentence surely ends before `at`: after a line feed, or between `a. ` and `B`.
#[inline]
fn sure_boundary(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    if bytes[before] == b'\n' {
        return true;
    }
    bytes[before] == b' '
        && bytes[at].is_ascii_uppercase()
        && before >= 2
        && is_terminator(bytes[before - 1])
        && bytes[before - 2].is_ascii_lowercase()
}

fn piece(text: &str, range: Range<usize>, emit: &mut impl FnMut(usize)) {
    // The bounds lie at ASCII bytes, hence at characters.
    let piece = text.get(range.clone()).unwrap_or_default();
    if piece.is_ascii() {
        return ascii_sentences(piece.as_bytes(), range.start, emit);
    }
    let mut from = 0;
    let mut gap = 0;
    for (at, character) in piece.char_indices() {
        gap = if character.is_alphanumeric() { 0 } else { gap + 1 };
        if gap > LONGEST_GAP {
            uax29(&piece[from..at], range.start + from, emit);
            from = at;
            gap = 1;
        }
    }
    uax29(&piece[from..], range.start + from, emit);
}

fn uax29(piece: &str, base: usize, emit: &mut impl FnMut(usize)) {
    for (start, sentence) in piece.split_sentence_bound_indices() {
        emit(base + start + sentence.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends(tokenizer: Tokenizer, text: &str) -> Vec<usize> {
        let mut ends = Vec::new();
        scan(tokenizer, text, |end| ends.push(end));
        ends
    }

    fn reference(text: &str) -> Vec<usize> {
        text.split_sentence_bound_indices().map(|(start, sentence)| start + sentence.len()).collect()
    }

    #[test]
    fn runs_of_terminators() {
        assert_eq!(count_terminator_runs(""), 1);
        assert_eq!(count_terminator_runs("none"), 1);
        assert_eq!(count_terminator_runs("?a.b... c!? d"), 4);
        assert_eq!(ends(Tokenizer::AsciiAlnum, "a.b... c"), [2, 8]);
        assert_eq!(ends(Tokenizer::AsciiAlnum, "abc"), [3]);
    }

    #[test]
    fn a_long_gap_is_linear() {
        let text = format!("é. {}b", " ".repeat(1_000_000));
        assert_eq!(ends(Tokenizer::Unicode, &text).last(), Some(&text.len()));
        let text = format!("a. {}b", " ".repeat(1_000_000));
        assert_eq!(ends(Tokenizer::Unicode, &text), [text.len()]);
    }

    proptest! {
        #[test]
        fn ascii_is_uax29(text in "[a-cA-C0-2.!?,:;'\"()\\[\\]{} \r\n\t-]{0,60}") {
            prop_assert_eq!(ends(Tokenizer::Unicode, &text), reference(&text));
        }

        #[test]
        fn any_ascii_is_uax29(text in "[\\x00-\\x7f]{0,80}") {
            prop_assert_eq!(ends(Tokenizer::Unicode, &text), reference(&text));
        }

        #[test]
        fn any_text_is_uax29(text in "([a-cA-C0-2.!?,;'\"() \r\n\t]|[éÉ’“”—日。א\u{301}\u{200d}\u{2028}\u{85}👍]|\\PC){0,60}") {
            prop_assert_eq!(ends(Tokenizer::Unicode, &text), reference(&text));
        }

        #[test]
        fn as_many_ends_as_counted(text in "[ab .!?é]{0,40}") {
            prop_assert_eq!(ends(Tokenizer::AsciiAlnum, &text).len(), count_terminator_runs(&text));
        }
    }
}
