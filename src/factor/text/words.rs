//! Where the words of a text are.

use unicode_segmentation::UnicodeSegmentation;

use super::Tokenizer;

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
fn alnum_runs(bytes: &[u8], emit: impl FnMut(usize, usize)) {
    runs(bytes, |block, _, _| mask(block, |byte| byte.is_ascii_alphanumeric()), emit);
}

/// The words of UAX 29 where every byte is ASCII; `base` is added to the offsets.
#[inline(always)]
fn ascii_words(bytes: &[u8], base: usize, emit: &mut impl FnMut(usize, usize)) {
    runs(bytes, ascii_core, |start, end| {
        // `_` joins words but is none on its own.
        if bytes[start] != b'_' || bytes[start..end].iter().any(u8::is_ascii_alphanumeric) {
            emit(base + start, base + end);
        }
    });
}

/// The bytes inside words: letters, digits, `_`, and a mark between two letters (WB6/7) or two digits (WB11/12).
#[inline(always)]
fn ascii_core(block: &[u8; 64], before: u8, after: u8) -> u64 {
    let letters = mask(block, |byte| byte.is_ascii_alphabetic());
    let digits = mask(block, |byte| byte.is_ascii_digit());
    let core = letters | digits | mask(block, |byte| byte == b'_');
    let marks = mask(block, |byte| matches!(byte, b'.' | b'\'' | b':' | b',' | b';'));
    if marks == 0 {
        return core;
    }
    let between = |class: u64, is: fn(&u8) -> bool| {
        (class << 1 | u64::from(is(&before))) & (class >> 1 | u64::from(is(&after)) << 63)
    };
    let between_letters = between(letters, u8::is_ascii_alphabetic);
    let between_digits = between(digits, u8::is_ascii_digit);
    let of_letters = mask(block, |byte| matches!(byte, b'.' | b'\'' | b':'));
    let of_digits = mask(block, |byte| matches!(byte, b'.' | b'\'' | b',' | b';'));
    core | of_letters & between_letters | of_digits & between_digits
}

/// One bit a byte, the first the lowest.
///
/// Without branches, because where words end is what a processor cannot guess.
#[inline(always)]
fn mask(block: &[u8; 64], is: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, &byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(is(byte));
    }
    let mut mask = 0;
    let (eights, _) = flags.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        // The product gathers the lowest bits of eight bytes in its top byte.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * at);
    }
    mask
}

/// Calls `emit` for each maximal run of bytes that `inside` marks, block by block.
///
/// `inside` sees a block with the byte before and the byte after it; beyond the text all is 0.
#[inline(always)]
fn runs(bytes: &[u8], inside: impl Fn(&[u8; 64], u8, u8) -> u64, mut emit: impl FnMut(usize, usize)) {
    let mut open = None;
    let mut before = 0;
    let mut base = 0;
    let mut tail = [0; 64];
    while base < bytes.len() {
        let block = match bytes[base..].first_chunk::<64>() {
            Some(block) => block,
            None => {
                tail[..bytes.len() - base].copy_from_slice(&bytes[base..]);
                &tail
            }
        };
        let after = bytes.get(base + 64).copied().unwrap_or(0);
        let mask = inside(block, before, after);
        // A bit wherever inside and outside change.
        let mut edges = mask ^ (mask << 1 | u64::from(open.is_some()));
        if let (Some(start), true) = (open, edges != 0) {
            emit(start, base + edges.trailing_zeros() as usize);
            edges &= edges - 1;
            open = None;
        }
        while edges != 0 {
            let start = base + edges.trailing_zeros() as usize;
            edges &= edges - 1;
            if edges == 0 {
                open = Some(start);
                break;
            }
            emit(start, base + edges.trailing_zeros() as usize);
            edges &= edges - 1;
        }
        before = block[63];
        base += 64;
    }
    if let Some(start) = open {
        emit(start, bytes.len());
    }
}

/// The words of UAX 29 of any text.
///
/// No word goes on past ASCII white space, so a piece between white space that
/// holds other characters is cut by the full rules and all before it by the
/// fast ones. A piece that begins with a character outside ASCII keeps the space
/// before it, because a combining mark attaches to it.
fn mixed_words(text: &str, emit: &mut impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|byte| !byte.is_ascii()) {
        let other = at + offset;
        let ascii = &bytes[at..other];
        let start = ascii.iter().rposition(|&byte| is_space(byte)).map_or(at, |space| at + space + 1);
        let gap = bytes[at..start].iter().rposition(|&byte| !is_space(byte)).map_or(at, |last| at + last + 1);
        let end = bytes[other..].iter().position(|&byte| is_space(byte)).map_or(bytes.len(), |space| other + space);
        ascii_words(&bytes[at..gap], at, emit);
        let from = if start < other { start } else { gap };
        // The bounds lie at ASCII bytes, hence at characters.
        for (offset, word) in text.get(from..end).unwrap_or_default().unicode_word_indices() {
            emit(from + offset, from + offset + word.len());
        }
        at = end;
    }
    ascii_words(&bytes[at..], at, emit);
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
