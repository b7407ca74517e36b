//! Where the words of a text are.

use unicode_segmentation::UnicodeSegmentation;

use super::Tokenizer;

/// What a byte can be inside an ASCII word.
const ALNUM: u8 = 1;
/// `_`, which joins words but is none on its own.
const JOINER: u8 = 2;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            class[byte] = ALNUM;
        }
        byte += 1;
    }
    class[b'_' as usize] = JOINER;
    class
};

/// Calls `emit(start, end)` for each word of the text, in order.
pub(super) fn scan(tokenizer: Tokenizer, text: &str, mut emit: impl FnMut(usize, usize)) {
    match tokenizer {
        Tokenizer::AsciiAlnum => alnum_runs(text.as_bytes(), emit),
        Tokenizer::Unicode if text.is_ascii() => ascii_words(text.as_bytes(), 0, &mut emit),
        Tokenizer::Unicode => mixed_words(text, &mut emit),
    }
}

/// Maximal runs of ASCII letters and digits.
#[inline(always)]
fn alnum_runs(bytes: &[u8], mut emit: impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < bytes.len() {
        if CLASS[bytes[at] as usize] != ALNUM {
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        while at < bytes.len() && CLASS[bytes[at] as usize] == ALNUM {
            at += 1;
        }
        emit(start, at);
    }
}

/// The words of UAX 29 where every byte is ASCII; `base` is added to the offsets.
#[inline(always)]
fn ascii_words(bytes: &[u8], base: usize, emit: &mut impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < bytes.len() {
        let class = CLASS[bytes[at] as usize];
        if class == 0 {
            at += 1;
            continue;
        }
        let start = at;
        let mut seen = class;
        at += 1;
        while at < bytes.len() {
            let class = CLASS[bytes[at] as usize];
            if class == 0 && !joins(bytes, at) {
                break;
            }
            seen |= class;
            at += 1;
        }
        if seen & ALNUM != 0 {
            emit(base + start, base + at);
        }
    }
}

/// Whether the mark at `at` stands inside a word: WB6/7 between letters, WB11/12 between digits.
#[inline(always)]
fn joins(bytes: &[u8], at: usize) -> bool {
    let (Some(&before), Some(&after)) = (bytes.get(at.wrapping_sub(1)), bytes.get(at + 1)) else {
        return false;
    };
    match bytes[at] {
        b'.' | b'\'' => {
            before.is_ascii_alphabetic() && after.is_ascii_alphabetic()
                || before.is_ascii_digit() && after.is_ascii_digit()
        }
        b':' => before.is_ascii_alphabetic() && after.is_ascii_alphabetic(),
        b',' | b';' => before.is_ascii_digit() && after.is_ascii_digit(),
        _ => false,
    }
}

/// The words of UAX 29 of any text.
///
/// No word goes on past ASCII white space, so the text is taken piece by piece:
/// an ASCII piece by the fast scan, another one by the full rules. A piece that
/// begins with a character outside ASCII keeps the space before it, because a
/// combining mark attaches to it.
fn mixed_words(text: &str, emit: &mut impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let gap = at;
        while at < bytes.len() && is_space(bytes[at]) {
            at += 1;
        }
        let start = at;
        let mut all = 0;
        while at < bytes.len() && !is_space(bytes[at]) {
            all |= bytes[at];
            at += 1;
        }
        if all < 0x80 {
            ascii_words(&bytes[start..at], start, emit);
            continue;
        }
        let from = if bytes[start] < 0x80 { start } else { gap };
        // The bounds lie at ASCII bytes, hence at characters.
        for (offset, word) in text.get(from..at).unwrap_or_default().unicode_word_indices() {
            emit(from + offset, from + offset + word.len());
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(tokenizer: Tokenizer, text: &str) -> Vec<&str> {
        let mut words = Vec::new();
        scan(tokenizer, text, |start, end| words.push(&text[start..end]));
        words
    }

    fn reference(text: &str) -> Vec<(usize, &str)> {
        text.unicode_word_indices().collect()
    }

    fn ours(text: &str) -> Vec<(usize, &str)> {
        let mut words = Vec::new();
        scan(Tokenizer::Unicode, text, |start, end| words.push((start, &text[start..end])));
        words
    }

    #[test]
    fn by_hand() {
        assert_eq!(
            words(Tokenizer::Unicode, "Don't pay $3.14, e.g. 1,000 a_b __."),
            ["Don't", "pay", "3.14", "e.g", "1,000", "a_b"]
        );
        assert_eq!(words(Tokenizer::AsciiAlnum, "Don't pay 3.14 café_1"), ["Don", "t", "pay", "3", "14", "caf", "1"]);
        assert_eq!(
            words(Tokenizer::Unicode, "naïve  ‘don’t’ 日本 👍🏽 e\u{301}t"),
            ["naïve", "don’t", "日", "本", "e\u{301}t"]
        );
    }

    proptest! {
        #[test]
        fn ascii_is_uax29(text in "[a-cA-C0-2_.,:;'\" \r\n\t-]{0,60}") {
            prop_assert_eq!(ours(&text), reference(&text));
        }

        #[test]
        fn any_ascii_is_uax29(text in "[\\x00-\\x7f]{0,60}") {
            prop_assert_eq!(ours(&text), reference(&text));
        }

        #[test]
        fn any_text_is_uax29(text in "([a-zA-Z0-9_.,:;' \r\n\t]|[éñ’“”—日ア가א\u{301}\u{93f}\u{200d}\u{feff}👍🏽🇩🇪\u{a0}\u{2003}]|\\PC){0,60}") {
            prop_assert_eq!(ours(&text), reference(&text));
        }
    }
}
